"""TRL's trainer with fused adapters, logits for the answers only, and an order of records that a resumed run repeats.

Most of a record is prompt, on which there is no loss: the output layer, a fifth of a small model's work and most of its
memory, is computed at the answers' positions alone. On a GPU TRL's fused head does that, without ever holding the
logits; on a CPU it would compute every position, so there it is done here.

`transformers` draws each epoch's order from torch's global generator. A run that is taken up in its second epoch or
later finds that generator in another state than the killed one had, so it would see other batches (measured on
transformers 5.23). Here the order follows from the seed and the epoch alone. And a run that was over when it was
killed, but not yet saved, would take one step more; here it takes none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices
from trl import SFTTrainer

from seekforge.train.examples import IGNORED
from seekforge.train.fused import compile_layers, fuse
from seekforge.train.prefix import share, shared_columns


class EpochOrder(Sampler[int]):
    """Record numbers of one epoch: shuffled, those of like length together."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths, self._batch_size, self._seed, self._epoch = list(lengths), batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        return iter(get_length_grouped_indices(self._lengths, self._batch_size, generator=generator))


class Trainer(SFTTrainer):
    """As TRL's, but for the adapters' arithmetic, the loss, the order and for runs that are over.

    Args:
        compiled: Compile the decoder layers, which fuses norms, rotary embedding, activation and residuals. It takes a
            minute once, so it pays on a GPU and in a long run.
    """

    def __init__(self, *args: Any, compiled: bool = False, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **settings)
        fuse(self.model)
        # DDP and FSDP want one forward pass a backward pass.
        self._shares = not self.args.gradient_checkpointing and self.accelerator.num_processes == 1
        if compiled:
            compile_layers(self.model)

    def compute_loss(
        self,
        model: Any,  # noqa: ANN401
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, Any]:
        """Cross-entropy a token, in float32, of the next tokens that have a label."""
        count = (inputs["labels"][:, 1:] != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        if self._shares and (length := shared_columns(inputs)):
            inputs = share(model, inputs, length)
        total, outputs = (_fused_head if inputs["labels"].is_cuda else _answers_only)(model, inputs)
        loss = total / count
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # the count is of all devices, and gradients are averaged
        return (loss, outputs) if return_outputs else loss

    def _run_epoch(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401
        if not self.control.should_training_stop:
            super()._run_epoch(*args, **settings)

    def _get_train_sampler(self, train_dataset: Any = None) -> EpochOrder:  # noqa: ANN401
        rows = self.train_dataset if train_dataset is None else train_dataset
        step_size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return EpochOrder([len(ids) for ids in rows["input_ids"]], step_size, self.args.data_seed)


def _fused_head(model: Any, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, Any]:  # noqa: ANN401
    outputs = model(**inputs, use_cache=False, fused_lm_head=True)
    return -outputs.log_probs.sum(), outputs


def _answers_only(model: Any, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, Any]:  # noqa: ANN401
    labels = inputs["labels"][:, 1:]
    columns = (labels != IGNORED).any(dim=0).nonzero().squeeze(1)
    rest = {name: value for name, value in inputs.items() if name != "labels"}
    outputs = model(**rest, use_cache=False, logits_to_keep=columns)
    kept = labels[:, columns]
    wanted = kept != IGNORED
    logits = outputs.logits[wanted].float()
    return torch.nn.functional.cross_entropy(logits, kept[wanted], reduction="sum"), outputs
