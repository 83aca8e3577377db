"""Training on a CPU against LLaMA-Factory in an environment of its own: tokens/s, and validation loss by one judge.

    python -m venv PEER
    PEER/bin/pip install torch==2.13.0
    PEER/bin/pip install --no-deps llamafactory==0.9.5
    PEER/bin/pip install torch==2.13.0 transformers==5.6.0 trl==0.24.0 peft==0.18.1 accelerate==1.11.0 \
        datasets==4.0.0 torchdata==0.11.0 'av<=16.0.0' 'tyro<0.9.0' 'gradio<=5.50.0' einops fire hf-transfer \
        matplotlib modelscope omegaconf pandas protobuf scipy sentencepiece sse-starlette tiktoken uvicorn
    python -m benchmarks.train_llamafactory --llamafactory-python PEER/bin/python --json llamafactory.json

torch is the build of this project's environment; torchvision and torchaudio are left out, text needs neither. The
versions are the newest that LLaMA-Factory 0.9.5 accepts. Data, method, rate, schedule, batch, steps and longest record
are the demo recipe's on both sides; both take the loss on answers only, LLaMA-Factory by its template `smollm`, which
writes what the model's own chat template writes. All else is its default, gradient checkpointing among it. `bf16` is
what its examples set. Where the processor has no bfloat16 instructions that makes it many times slower. There it is not
set, and the model's `config.json` says float32: LLaMA-Factory loads weights as that file says and has no setting
against it. Ours chooses so by itself. `--bf16` keeps it to its examples. A second row has it without checkpointing.
Timing, counting and judging are those of `train_trl.py`.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.train_sides import Side, arguments, compare, ours

from seekforge.core import hardware
from seekforge.core.config.environment import child_environment


def main() -> None:
    """Prints a table, and writes JSON if asked."""
    parser = arguments(__doc__)
    parser.add_argument("--llamafactory-python", type=Path, required=True, help="of the environment it lives in")
    parser.add_argument("--bf16", action="store_true", help="bf16: true also without instructions for it")
    options = parser.parse_args()
    python = options.llamafactory_python.absolute()
    command = [str(python), "-m", "benchmarks.train_llamafactory_child"]
    variables = child_environment(python.parent.parent)
    mixed = options.bf16 or hardware.has_bfloat16()
    settings = {"bf16": True} if mixed else {"bf16": False, "float32_weights": True}
    bare = {**settings, "disable_gradient_checkpointing": True}
    sides = [
        ours(),
        Side("LLaMA-Factory", command, settings, variables),
        Side("LLaMA-Factory, not checkpointed", command, bare, variables),
    ]
    compare("SmolLM2-135M, LoRA, against LLaMA-Factory", sides, options)


if __name__ == "__main__":
    main()
