"""Low-rank adapters through PEFT: which layers get one, and how a mixture of experts is told to PEFT.

PEFT 0.21 reads `gate_proj`, `up_proj` and `down_proj` of a DeepSeek model as its routed experts, whose weights
`transformers` 5 keeps as one tensor a projection: targets of these names are moved there, and the dense layers and the
shared experts, which have the same names, get nothing. So those layers are named by their weight, in PEFT's
`target_parameters`, which it leaves alone. For a weight PEFT computes `W + BA` anew in every pass, rounded to the
precision of W; while we train the layer is therefore PEFT's ordinary one around the very same A and B. What is saved is
the same either way, and plain PEFT loads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seekforge.core.config import LoraSettings
from seekforge.core.errors import ConfigError
from seekforge.core.families import Family

ADAPTER = "default"  # PEFT's name for the only one
_EXPERTS = ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")


def attach(model: Any, family: Family, settings: LoraSettings) -> Any:  # noqa: ANN401
    """The model with fresh adapters, all else frozen: a `PeftModel`.

    Raises:
        ConfigError: A target that the model lacks, or a switch that PEFT has not for it.
    """
    from peft import LoraConfig, get_peft_model

    names = lora_targets(model, family, settings.targets)
    by_weight = [name for name in names if name in family.moved_targets]
    _check_switches(model, family, settings, by_weight)
    parameters = [f"{name}.weight" for name in by_weight] + (list(_EXPERTS) if settings.experts else [])
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        # A reader of the adapter's file has no use for the dropout, and PEFT refuses one beside `target_parameters`.
        lora_dropout=0.0 if parameters else settings.dropout,
        target_modules=[name for name in names if name not in by_weight],
        target_parameters=parameters or None,
        use_dora=settings.dora,
        use_rslora=settings.rslora,
        task_type="CAUSAL_LM",
    )
    adapted = get_peft_model(model, config)
    if by_weight:
        _make_ordinary(adapted, config)
    if parameters:
        _set_dropout(adapted, settings.dropout)
    return adapted


def lora_targets(model: Any, family: Family, wanted: Sequence[str] | None) -> list[str]:  # noqa: ANN401
    """The target modules that exist in this model.

    Raises:
        ConfigError: A name that the user gave matches no linear layer.
    """
    linear = {name.rpartition(".")[2] for name, module in model.named_modules() if _is_linear(module)}
    if model.config.tie_word_embeddings:
        linear.discard("lm_head")  # merging its adapter would change the embedding too
    linear -= set(family.routers)
    if wanted is None:
        return sorted(linear & set(family.lora_targets))
    for name in wanted:
        if name in family.routers:
            raise ConfigError(
                f"train.lora.targets: '{name}' is the router, which stays frozen", mend="Set train.lora.experts=true"
            )
        if name not in linear:
            known = ", ".join(sorted(linear - {"lm_head"}))
            raise ConfigError(f"train.lora.targets: the model has no layer '{name}'", mend=f"It has: {known}")
    return list(wanted)


def freeze_routers(model: Any, family: Family) -> None:  # noqa: ANN401
    """Full fine-tuning leaves the choice of experts as it is: a router that moves unlearns its balance."""
    for name, parameter in model.named_parameters():
        if name.rpartition(".")[0].rpartition(".")[2] in family.routers:
            parameter.requires_grad_(False)


def _is_linear(module: Any) -> bool:  # noqa: ANN401
    """Also of bitsandbytes: `Linear4bit`."""
    return type(module).__name__ in {"Linear", "Linear4bit"}


def _check_switches(model: Any, family: Family, settings: LoraSettings, by_weight: Sequence[str]) -> None:  # noqa: ANN401
    has_experts = any(name.endswith(_EXPERTS) for name, _ in model.named_parameters())
    if settings.experts and not has_experts:
        raise ConfigError(f"train.lora.experts: this {family.title} has no routed experts", mend="Leave it out")
    if settings.experts and settings.dropout:
        raise ConfigError("train.lora.experts: PEFT has no dropout on experts", mend="Set train.lora.dropout=0")
    if settings.dora and (settings.experts or by_weight):
        attention = ", ".join(name for name in lora_targets(model, family, None) if name not in by_weight)
        raise ConfigError(
            f"train.lora.dora: PEFT has it on the attention layers of {family.title} only",
            mend=f"Set train.lora.targets=[{attention}]",
        )


def _make_ordinary(adapted: Any, config: Any) -> None:  # noqa: ANN401
    """Puts `lora.Linear` in the place of each wrapper of a linear layer's weight, with the wrapper's A and B."""
    from peft.tuners.lora import Linear, ParamWrapper

    for name, module in list(adapted.named_modules()):
        if isinstance(module, ParamWrapper) and _is_linear(module.base_layer):
            layer = Linear(module.base_layer, ADAPTER, config=config, r=config.r, lora_alpha=config.lora_alpha)
            layer.lora_A, layer.lora_B = module.lora_A, module.lora_B
            parent, _, leaf = name.rpartition(".")
            setattr(adapted.get_submodule(parent), leaf, layer)


def _set_dropout(adapted: Any, dropout: float) -> None:  # noqa: ANN401
    import torch
    from peft.tuners.lora import Linear

    for module in adapted.modules():
        if dropout and isinstance(module, Linear):
            module.lora_dropout[ADAPTER] = torch.nn.Dropout(dropout)
