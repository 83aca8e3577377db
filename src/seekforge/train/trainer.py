"""TRL's trainer with fused adapters, logits for the answers only, and an order of records that a resumed run repeats.

Most of a record is prompt, on which there is no loss: the output layer, a fifth of a small model's work and most of its
memory, is computed at the answers' positions alone. On a GPU TRL's fused head does that, without ever holding the
logits; on a CPU it would compute every position, so there it is done here.

`transformers` draws each epoch's order from torch's global generator. A run that is taken up in its second epoch or
later finds that generator in another state than the killed one had, so it would see other batches (measured on
transformers 5.23). Here the order follows from the seed and the epoch alone. And a run that was over when it was
killed, but not yet saved, would take one step more; here it takes none.

On several devices a step is the very same records as on one, and its loss the mean over the same answer tokens. Where
records are left over at the end of an epoch, `accelerate` would show some of the first ones again; here the devices
without one get the filler, a row on which there is no loss. The validation loss is the mean over all answer tokens,
however they fell into batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.trainer_pt_utils import get_length_grouped_indices
from trl import SFTTrainer

from seekforge.train.examples import IGNORED
from seekforge.train.fused import compile_layers, fuse
from seekforge.train.prefix import share, shared_columns


class InOrder(Sampler[int]):
    """Record numbers from the first to the last, then the filler's, which is the number after them.

    Args:
        count: Records.
        multiple: Of this the length is one: the records of a forward pass on all devices.
    """

    def __init__(self, count: int, multiple: int = 1) -> None:
        self._count, self._fillers = count, -count % multiple

    def __len__(self) -> int:
        return self._count + self._fillers

    def __iter__(self) -> Iterator[int]:
        return iter([*range(self._count), *[self._count] * self._fillers])


class EpochOrder(InOrder):
    """Record numbers of one epoch: shuffled, those of like length together, then fillers.

    Args:
        lengths: Tokens of each record.
        batch_size: Records of an optimiser step.
        seed: Of all epochs.
        multiple: As of `InOrder`.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int, multiple: int = 1) -> None:
        super().__init__(len(lengths), multiple)
        self._lengths, self._batch_size, self._seed, self._epoch = list(lengths), batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        order = get_length_grouped_indices(self._lengths, self._batch_size, generator=generator)
        return iter([*order, *[self._count] * self._fillers])


class Trainer(SFTTrainer):
    """As TRL's, but for the adapters' arithmetic, the loss, the order and for runs that are over.

    Args:
        compiled: Compile the decoder layers, which fuses norms, rotary embedding, activation and residuals. It takes a
            minute once, so it pays on a GPU and in a long run.
    """

    def __init__(self, *args: Any, compiled: bool = False, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **settings)
        self._validated = torch.zeros(2, dtype=torch.float64)
        self._order: EpochOrder | None = None
        if self.args.world_size > 1:
            self.train_dataset: Any = _with_filler(self.train_dataset)
            self.eval_dataset: Any = _with_filler(self.eval_dataset)
        fuse(self.model)
        # DDP and FSDP want one forward pass a backward pass; a cache would break the graph of a compiled layer.
        self._shares = not (self.args.gradient_checkpointing or compiled) and self.accelerator.num_processes == 1
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
        labelled = (inputs["labels"][:, 1:] != IGNORED).sum()
        count = labelled if num_items_in_batch is None else num_items_in_batch
        if self._shares and (length := shared_columns(inputs)):
            inputs = share(model, inputs, length)
        total, outputs = (_fused_head if inputs["labels"].is_cuda else _answers_only)(model, inputs)
        if not model.training:
            self._validated += torch.stack([total.detach().double(), labelled.double()])
        loss = total / count
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # the count is of all devices, and gradients are averaged
        return (loss, outputs) if return_outputs else loss

    def evaluation_loop(self, *args: Any, **settings: Any) -> Any:  # noqa: ANN401
        """As of `transformers`, which gives the mean of the batches' means; ours is that of all answer tokens."""
        self._validated = torch.zeros(2, dtype=torch.float64, device=self.args.device)
        output = super().evaluation_loop(*args, **settings)
        nats, tokens = self.accelerator.gather(self._validated[None]).sum(dim=0).tolist()
        output.metrics[f"{settings.get('metric_key_prefix', 'eval')}_loss"] = nats / tokens
        return output

    def _build_accelerator_args(self, **settings: Any) -> dict[str, Any]:  # noqa: ANN401
        found: dict[str, Any] = super()._build_accelerator_args(**settings)
        for handler in found.get("kwargs_handlers", ()):
            if hasattr(handler, "gradient_as_bucket_view"):
                handler.gradient_as_bucket_view = True  # else DDP keeps a second copy of all gradients
        return found

    def _run_epoch(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401
        if self._order is not None:  # taken up amid an epoch on several devices, accelerate's wrappers hide it
            self._order.set_epoch(settings["epoch"])
        if self.args.gradient_checkpointing:
            keep_last_layer(self.model)
        if not self.control.should_training_stop:
            super()._run_epoch(*args, **settings)

    def _get_train_sampler(self, train_dataset: Any = None) -> EpochOrder:  # noqa: ANN401
        rows = self.train_dataset if train_dataset is None else train_dataset
        lengths = [len(ids) for ids in rows["input_ids"]][: self._records(rows)]
        together = self.args.train_batch_size * self.args.world_size
        step = together * self.args.gradient_accumulation_steps
        self._order = EpochOrder(lengths, step, self.args.data_seed, self._multiple(together))
        return self._order

    def _get_eval_sampler(self, eval_dataset: Any) -> InOrder:  # noqa: ANN401
        together = self.args.eval_batch_size * self.args.world_size
        return InOrder(self._records(eval_dataset), self._multiple(together))

    def _multiple(self, together: int) -> int:
        """Records of a forward pass on all devices; one device may have a smaller last batch."""
        return together if self.args.world_size > 1 else 1

    def _records(self, rows: Any) -> int:  # noqa: ANN401
        """Rows of a dataset without the filler, which on several devices is the last."""
        fillers = 1 if self.args.world_size > 1 else 0
        return len(rows) - fillers


def keep_last_layer(model: torch.nn.Module) -> None:
    """Checkpoints all layers but the last: its activations would be computed again at once, to lie there as before."""
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    layers[-1].gradient_checkpointing = False


def _with_filler(rows: Any) -> Any:  # noqa: ANN401
    """The dataset and one more row, of two tokens without a label."""
    from datasets import Dataset, concatenate_datasets

    if rows is None:
        return None
    known = {"input_ids": rows[0]["input_ids"][:1] * 2, "labels": [IGNORED] * 2, "seq_lengths": [2]}
    filler = {name: [known.get(name, [1, 1])] for name in rows.column_names}
    return concatenate_datasets([rows, Dataset.from_dict(filler, features=rows.features)])


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
