"""What autograd really keeps between the forward and the backward pass, by its own hooks."""

from __future__ import annotations

import contextlib
from typing import Any

from seekforge.core.config import LoraSettings
from seekforge.core.families import Family
from seekforge.train.adapters import attach
from seekforge.train.fused import fuse


def saved_bytes(model: Any, family: Family, setup: Any, *, padded: bool = False) -> int:
    """Bytes of all tensors that one forward pass of the layers leaves behind, the weights themselves left out."""
    import torch

    if setup.method == "lora":
        model = attach(model, family, LoraSettings(rank=setup.rank, dora=setup.dora, experts=setup.experts))
        if setup.fused:
            fuse(model)
    model.train()
    inner = (model if setup.method == "full" else model.get_base_model()).model
    known = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        if tensor.untyped_storage().data_ptr() not in known:
            kept[tensor.untyped_storage().data_ptr()] = tensor  # held, so that no address is used twice
        return tensor

    ids = torch.randint(3, 600, (setup.batch, setup.length), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    if padded:
        mask[0, -setup.length // 4 :] = 0
    is_mixed = setup.autocast and setup.compute == "bfloat16"
    autocast = torch.autocast("cpu", torch.bfloat16) if is_mixed else contextlib.nullcontext()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), autocast:
        cache = None
        if setup.shared:
            cache = inner(ids[:1, : setup.shared], use_cache=True).past_key_values
            cache.batch_repeat_interleave(setup.batch)
        inner(ids[:, setup.shared :], attention_mask=mask, past_key_values=cache, use_cache=False)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
