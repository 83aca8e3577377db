"""Plain LoRA layers of PEFT, computed without the passes over memory that their arithmetic does not need.

PEFT's forward casts the input to the adapter's float32, autocast casts it back, and product, scale and sum each read
and write the layer's whole output. Here a layer is three matrix products, the low-rank one added to the frozen one's
output by the product itself; the frozen weight gets no gradient, and all that is kept for the backward pass is the
input, which layers that share it share, and its low-rank image. With T tokens and rank r:

    y = x Wᵀ + s (x Aᵀ) Bᵀ        h = x Aᵀ, T x r
    dx = dy W + s (dy B) A        dA = s (dy B)ᵀ x        dB = s dyᵀ h

The two operators are registered with torch, so `torch.compile` calls them as they are and fuses what is around them.
Parameters, names and files stay PEFT's. A layer that asks for more (DoRA, dropout, several adapters, a quantised
weight, adapters switched off) takes PEFT's own way.
"""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora.layer import Linear
from torch import Tensor
from torch.nn import functional
from transformers.modeling_layers import GradientCheckpointingLayer


@torch.library.custom_op("seekforge::lora_linear", mutates_args=())
def lora_linear(
    x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """A frozen linear layer and its low-rank update.

    Args:
        x: T x in.
        weight: out x in; gets no gradient.
        bias: out, or none; gets no gradient.
        a: r x in.
        b: out x r.
        scale: What the update is multiplied by.

    Returns:
        The output, T x out, and `x` times `a` transposed, T x r, for the backward pass.
    """
    h = functional.linear(x, a)
    y = functional.linear(x, weight, bias)
    return y.addmm_(h, b.t(), alpha=scale), h


@lora_linear.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape[0], weight.shape[0]), x.new_empty(x.shape[0], a.shape[0])


@torch.library.custom_op("seekforge::lora_linear_backward", mutates_args=())
def lora_linear_backward(
    dy: Tensor, x: Tensor, h: Tensor, weight: Tensor, a: Tensor, b: Tensor, scale: float, wants_dx: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `lora_linear` by `x` (empty unless wanted), `a` and `b`."""
    g = dy @ b
    da = (g.t() @ x).mul_(scale)
    db = (dy.t() @ h).mul_(scale)
    dx = (dy @ weight).addmm_(g, a, alpha=scale) if wants_dx else x.new_empty(0)
    return dx, da, db


@lora_linear_backward.register_fake
def _(
    dy: Tensor, x: Tensor, h: Tensor, weight: Tensor, a: Tensor, b: Tensor, scale: float, wants_dx: bool
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(x) if wants_dx else x.new_empty(0), torch.empty_like(a), torch.empty_like(b)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:  # noqa: ANN401
    x, weight, _, a, b, scale = inputs
    ctx.save_for_backward(x, output[1], weight, a, b)
    ctx.scale, ctx.wants_dx = scale, ctx.needs_input_grad[0]
    ctx.mark_non_differentiable(output[1])


def _backward(ctx: Any, dy: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:  # noqa: ANN401
    dx, da, db = lora_linear_backward(dy.contiguous(), *ctx.saved_tensors, ctx.scale, ctx.wants_dx)
    return dx if ctx.wants_dx else None, None, None, da, db, None


lora_linear.register_autograd(_backward, setup_context=_keep)


class FusedLinear(Linear):
    """PEFT's `lora.Linear` with another way to compute the same."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401
        """As PEFT's, in autocast's precision where that is on, else in the input's."""
        if args or kwargs or not self._is_plain():
            result: Tensor = super().forward(x, *args, **kwargs)
            return result
        (adapter,) = self.active_adapters
        base, kind = self.base_layer, x.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
        a, b = (layers[adapter].weight.to(dtype) for layers in (self.lora_A, self.lora_B))
        bias = None if base.bias is None else base.bias.to(dtype)
        rows = x.reshape(-1, x.shape[-1]).to(dtype)
        y, _ = lora_linear(rows, base.weight.to(dtype), bias, a, b, self.scaling[adapter])
        shaped: Tensor = y.view(*x.shape[:-1], y.shape[-1])
        return shaped

    def _is_plain(self) -> bool:
        if self.disable_adapters or self.merged or len(self.active_adapters) != 1:
            return False
        (adapter,) = self.active_adapters
        return (
            adapter in self.lora_A
            and adapter not in self.lora_variant
            and self.lora_B[adapter].bias is None
            and (not self.training or isinstance(self.lora_dropout[adapter], torch.nn.Identity))
        )


def fuse(model: torch.nn.Module) -> int:
    """Gives the model's plain LoRA layers this module's forward; returns how many there are.

    Layers over anything but a frozen `torch.nn.Linear` are left as they are.
    """
    layers = [module for module in model.modules() if type(module) is Linear and _is_frozen_linear(module.base_layer)]
    for layer in layers:
        layer.__class__ = FusedLinear
    return len(layers)


def _is_frozen_linear(layer: Tensor | torch.nn.Module) -> bool:
    return type(layer) is torch.nn.Linear and not any(parameter.requires_grad for parameter in layer.parameters())


def compile_layers(model: torch.nn.Module, dynamic: bool = True) -> int:
    """Compiles each decoder layer at its first use; returns how many there are.

    All layers of one shape share one compilation. Layers with a mixture of experts are left alone: the router's choice
    breaks the graph at every expert.

    Args:
        model: Decoder layers are found by the class that `transformers` gives them.
        dynamic: One compilation for any batch and length, in place of one for each.
    """
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    dense = [layer for layer in layers if not any(hasattr(part, "experts") for part in layer.modules())]
    for layer in dense:
        layer.compile(dynamic=dynamic)
    return len(dense)
