"""The family table: what seekforge must know of a model architecture that its config does not say."""

from __future__ import annotations

from dataclasses import dataclass

from seekforge.core.errors import ModelError

_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
_MLP = ("gate_proj", "up_proj", "down_proj")
# Multi-head latent attention (DeepSeek-V2, section 2.1): queries and keys-values go through low-rank projections.
# V2-Lite has a plain q_proj, the larger models q_a_proj and q_b_proj; names that a model lacks match nothing.
_MLA = ("q_proj", "q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj")
_THINK = ("<think>", "</think>")


@dataclass(frozen=True, slots=True)
class Family:
    """One architecture.

    Attributes:
        model_type: As in the model's `config.json`.
        title: As people write it.
        lora_targets: Linear layers that an adapter goes on: attention, dense layers and shared experts.
        reasoning_tags: Opening and closing tag of the reasoning part, for models that think by default.
        gguf_arch: The architecture's name in GGUF, or None where our engines cannot load it.
        permute_qk: Whether GGUF wants query and key rows interleaved for rotary embedding.
        routers: Modules that choose the experts; they stay frozen.
        moved_targets: Linear layers whose names PEFT takes for the routed experts' (see `train/adapters.py`).
    """

    model_type: str
    title: str
    lora_targets: tuple[str, ...]
    reasoning_tags: tuple[str, str] | None
    gguf_arch: str | None
    permute_qk: bool = False
    routers: tuple[str, ...] = ()
    moved_targets: tuple[str, ...] = ()


FAMILIES: dict[str, Family] = {
    family.model_type: family
    for family in (
        Family("llama", "Llama", _ATTENTION + _MLP, None, "llama", permute_qk=True),
        Family("qwen2", "Qwen2", _ATTENTION + _MLP, None, "qwen2"),
        Family("qwen3", "Qwen3", _ATTENTION + _MLP, _THINK, "qwen3"),
        Family("deepseek_v2", "DeepSeek-V2", _MLA + _MLP, None, None, routers=("gate",), moved_targets=_MLP),
        Family("deepseek_v3", "DeepSeek-V3", _MLA + _MLP, _THINK, None, routers=("gate",), moved_targets=_MLP),
    )
}


def family_of(model_type: str, where: str = "") -> Family:
    """The family of a config's `model_type`.

    Raises:
        ModelError: The architecture is not in the table.
    """
    if model_type not in FAMILIES:
        known = ", ".join(family.title for family in FAMILIES.values())
        raise ModelError(f"architecture '{model_type}' is not supported", where=where, mend=f"Use one of: {known}")
    return FAMILIES[model_type]


def reasoning_tags(family: Family, chat_template: str | None) -> tuple[str, str] | None:
    """The tags in force: R1 distillations are Qwen2 or Llama by type, but their template speaks of `<think>`."""
    if chat_template and _THINK[1] in chat_template:
        return _THINK
    return family.reasoning_tags
