"""FSDP2: every device holds a part of each weight, gradient and moment, and fetches a layer when it computes it.

By torch's own `fully_shard` (Zhao et al. 2023), on GPUs over NCCL and on CPUs over gloo alike. accelerate 1.15 shards
on GPUs only, and `transformers` 5.23 cannot go on from a checkpoint of a model that it has sharded; so here the model
is sharded before the trainer sees it, and the trainer is told to leave it as it is.

A layer is a unit, what is around the layers another. Weights of layers that are trained in float32 are fetched as
bfloat16, which is what autocast would make of them on one device; were it left to autocast, it would keep a bfloat16
copy of every whole weight for the backward pass. Gradients are summed in float32.

Checkpoints are torch's distributed ones: each rank writes its part, no rank needs the memory for the whole, and a run
may go on with another number of devices.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from transformers.modeling_layers import GradientCheckpointingLayer

from seekforge.train.trainer import Trainer

MODEL, OPTIMISER, SCHEDULE = "sharded_model", "sharded_optimiser", "scheduler.pt"


def shard(model: torch.nn.Module, devices: int, rounded: bool) -> None:
    """Shards a model in place over all ranks.

    Args:
        model: The whole of it on every rank, on the CPU, adapters attached. Trained weights of one precision.
        devices: Ranks.
        rounded: Whether layers are fetched in bfloat16: where every weight is trained and products are computed in it.
            Adapters are fetched as they are, for they are small.
    """
    mesh = init_device_mesh("cuda" if torch.cuda.is_available() else "cpu", (devices,))
    kept = MixedPrecisionPolicy(reduce_dtype=torch.float32, cast_forward_inputs=False)
    policy = replace(kept, param_dtype=torch.bfloat16) if rounded else kept
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):
            fully_shard(module, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=kept)
    model._is_fsdp_managed_module = True  # type: ignore[assignment]  # the trainer's mark for it


def whole_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The trained weights by name, on the CPU; every rank must call it, and rank 0 alone gets them.

    One tensor after the other is put together, so that no GPU needs room for them all.
    """
    leads = torch.distributed.get_rank() == 0
    found = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            whole = parameter.full_tensor() if isinstance(parameter, DTensor) else parameter
            if leads:
                found[name] = whole.detach().cpu()
    return found


class ShardedTrainer(Trainer):
    """Ours for a model that `shard` was called on."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **settings)
        # Neither DDP nor accelerate's FSDP around it. Set now, for its own check refuses checkpoints.
        self.is_distributed_loading_by_transformers = True

    def _move_model_to_device(self, model: Any, device: Any) -> None:  # noqa: ANN401
        """Nothing: each part is where it belongs."""

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Nothing: a checkpoint's weights are written with the optimiser's state."""

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        folder = Path(output_dir)
        save(self._weights(), checkpoint_id=folder / MODEL)
        save(get_optimizer_state_dict(self.model, self.optimizer), checkpoint_id=folder / OPTIMISER)
        if self.args.should_save:
            torch.save(self.lr_scheduler.state_dict(), folder / SCHEDULE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:  # noqa: ANN401
        state = self._weights()
        load(state, checkpoint_id=Path(resume_from_checkpoint) / MODEL)
        set_model_state_dict(self.model, state, options=StateDictOptions(strict=False))

    def _load_best_model(self) -> None:
        self._load_from_checkpoint(self.state.best_model_checkpoint)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        state = get_optimizer_state_dict(self.model, self.optimizer)
        load(state, checkpoint_id=Path(checkpoint) / OPTIMISER)
        set_optimizer_state_dict(self.model, self.optimizer, state)
        self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / SCHEDULE, weights_only=True))

    def _weights(self) -> dict[str, Any]:
        return get_model_state_dict(self.model, options=StateDictOptions(ignore_frozen_params=True))

    def _clip_grad_norm(self, model: Any) -> torch.Tensor:  # noqa: ANN401
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.args.max_grad_norm)
        return norm.full_tensor() if isinstance(norm, DTensor) else norm

    @contextlib.contextmanager
    def _defer_fsdp_gradient_reduction(self) -> Iterator[None]:
        self.model.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            self.model.set_requires_gradient_sync(True)
