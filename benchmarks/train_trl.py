"""Training on a CPU against TRL and PEFT as their documentation writes it: tokens/s, and validation loss by one judge.

    python -m benchmarks.train_trl --json trl.json

SmolLM2-135M and records of the demo; LoRA of rank 16 and alpha 32 on every linear layer, the recipe's rate, schedule
and batch, one pass. In turns, each training in a process of its own, timed from the trainer's first step to the end of
its last, loading and tokenising left out:

- ours, as the recipe's `train` stage calls it;
- TRL: `SFTTrainer("folder", SFTConfig(...), train_dataset, peft_config=LoraConfig(...))`, prompts and completions as
  records. Its own defaults: float32 weights with bfloat16 autocast, gradient checkpointing, loss on completions only
  but logits everywhere, random batches padded to their longest, PEFT's layers. `use_cpu` is set, since without a GPU
  `transformers` refuses bfloat16, the default, until it is;
- TRL told what suits this machine: no checkpointing, and float32 where the processor has no bfloat16 instructions.

Tokens are those of the records as our own training encodes them, without padding, for every side; so the ratio of
tokens/s is that of records/s. The judge is plain PEFT on plain `transformers` in float32 over the demo's whole
validation split. Without bfloat16 instructions TRL's defaults are many times slower; `--steps` shortens all sides.
"""

from __future__ import annotations

from benchmarks.train_sides import Side, arguments, child, compare, ours

from seekforge.core import hardware


def main() -> None:
    """Prints a table, and writes JSON if asked."""
    parser = arguments(__doc__)
    parser.add_argument("--skip-defaults", action="store_true", help="leave TRL's defaults out, the slowest side")
    options = parser.parse_args()
    suited = {"gradient_checkpointing": False, "bf16": hardware.has_bfloat16()}
    sides = [ours(), Side("TRL, its defaults", child("trl")), Side("TRL, set for this machine", child("trl"), suited)]
    if options.skip_defaults:
        del sides[1]
    compare("SmolLM2-135M, LoRA, against TRL", sides, options)


if __name__ == "__main__":
    main()
