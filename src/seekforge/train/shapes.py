"""A model's shape from its `config.json`: the layers with their weights, without torch and without loading anything.

Sources: the modelling files of `transformers` 5 for Llama, Qwen2, Qwen3, DeepSeek-V2 and DeepSeek-V3. Multi-head latent
attention: DeepSeek-V2, section 2.1; shared and routed experts: DeepSeekMoE, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Linear:
    """One linear layer; `name` is the last part of its module's name."""

    name: str
    inputs: int
    outputs: int
    bias: bool = False

    @property
    def parameters(self) -> int:
        """Weight and bias."""
        return self.inputs * self.outputs + self.bias * self.outputs


@dataclass(frozen=True, slots=True)
class Experts:
    """Routed experts: `count` feed-forwards of `width`, of which each token visits `used`."""

    count: int
    used: int
    width: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer layer.

    Attributes:
        attention: Its linear layers.
        feed_forward: Gate, up and down; in a mixture those of the shared experts.
        norms: Parameters of all its norms.
        experts: The routed experts of a mixture.
    """

    attention: tuple[Linear, ...]
    feed_forward: tuple[Linear, ...]
    norms: int
    experts: Experts | None = None

    @property
    def linears(self) -> tuple[Linear, ...]:
        """Those of both halves."""
        return self.attention + self.feed_forward


@dataclass(frozen=True, slots=True)
class Shape:
    """A whole model.

    Attributes:
        hidden: Width of the residual stream.
        layers: From the first to the last.
        heads: Query heads.
        kv_heads: Key and value heads.
        qk_width: Width of a query's and a key's head.
        v_width: Width of a value's head.
        head_norms: Whether queries and keys have norms of their own.
        latent: Whether attention is multi-head latent attention.
        vocabulary: Rows of the embedding.
        tied: Whether the output layer is the embedding.
        positions: The longest sequence.
    """

    hidden: int
    layers: tuple[Layer, ...]
    heads: int
    kv_heads: int
    qk_width: int
    v_width: int
    head_norms: bool
    latent: bool
    vocabulary: int
    tied: bool
    positions: int

    @property
    def embedding(self) -> int:
        """Parameters of the input embedding, and of the output layer as well."""
        return self.vocabulary * self.hidden

    @property
    def linear_parameters(self) -> int:
        """Of the layers' linear layers: what QLoRA keeps in four bits."""
        return sum(linear.parameters for layer in self.layers for linear in layer.linears)

    @property
    def expert_parameters(self) -> int:
        """Of all routed experts."""
        experts = [layer.experts for layer in self.layers if layer.experts]
        return sum(3 * self.hidden * e.width * e.count for e in experts)

    @property
    def router_parameters(self) -> int:
        """Of what chooses the experts."""
        return sum(layer.experts.count * self.hidden for layer in self.layers if layer.experts)

    @property
    def parameters(self) -> int:
        """All of them."""
        norms = sum(layer.norms for layer in self.layers) + self.hidden
        outer = self.embedding * (1 if self.tied else 2)
        return self.linear_parameters + self.expert_parameters + self.router_parameters + norms + outer


def shape_of(config: Mapping[str, Any]) -> Shape:
    """Reads a model's `config.json` (of the five families of `core/families.py`).

    >>> config = {"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    >>> shape_of(config | {"intermediate_size": 16, "vocab_size": 10, "max_position_embeddings": 32}).parameters
    824
    """
    hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    latent = config.get("kv_lora_rank") is not None
    head = int(config.get("head_dim") or hidden // heads)
    nope, rope = int(config.get("qk_nope_head_dim") or 0), int(config.get("qk_rope_head_dim") or 0)
    head_norms = config["model_type"] == "qwen3"
    layers = tuple(_layer(config, number, latent, head, head_norms) for number in range(config["num_hidden_layers"]))
    return Shape(
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=heads if latent else int(config.get("num_key_value_heads") or heads),
        qk_width=nope + rope if latent else head,
        v_width=int(config["v_head_dim"]) if latent else head,
        head_norms=head_norms,
        latent=latent,
        vocabulary=int(config["vocab_size"]),
        tied=bool(config.get("tie_word_embeddings", False)),
        positions=int(config.get("max_position_embeddings") or 0),
    )


def _layer(config: Mapping[str, Any], number: int, latent: bool, head: int, head_norms: bool) -> Layer:
    hidden = int(config["hidden_size"])
    attention, norms = _latent_attention(config) if latent else (_attention(config, head), 0)
    norms += 2 * hidden + (2 * head if head_norms else 0)
    routed = config.get("n_routed_experts")
    if routed is None or number < int(config.get("first_k_dense_replace") or 0):
        return Layer(attention, _feed_forward(config, int(config["intermediate_size"])), norms)
    width = int(config["moe_intermediate_size"])
    experts = Experts(int(routed), int(config["num_experts_per_tok"]), width)
    return Layer(attention, _feed_forward(config, width * int(config.get("n_shared_experts") or 1)), norms, experts)


def _attention(config: Mapping[str, Any], head: int) -> tuple[Linear, ...]:
    hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    keys = int(config.get("num_key_value_heads") or heads)
    biased = bool(config.get("attention_bias", False))
    qkv = biased or config["model_type"] == "qwen2"  # it has them without saying so
    return (
        Linear("q_proj", hidden, heads * head, qkv),
        Linear("k_proj", hidden, keys * head, qkv),
        Linear("v_proj", hidden, keys * head, qkv),
        Linear("o_proj", heads * head, hidden, biased),
    )


def _latent_attention(config: Mapping[str, Any]) -> tuple[tuple[Linear, ...], int]:
    """The linear layers and the parameters of the norms on the two latents."""
    hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    nope, rope, value = (int(config[f"{name}_head_dim"]) for name in ("qk_nope", "qk_rope", "v"))
    biased = bool(config.get("attention_bias", False))
    kv_rank, q_rank = int(config["kv_lora_rank"]), config.get("q_lora_rank")
    queries: tuple[Linear, ...] = (Linear("q_proj", hidden, heads * (nope + rope)),)
    if q_rank is not None:
        queries = (
            Linear("q_a_proj", hidden, int(q_rank), biased),
            Linear("q_b_proj", int(q_rank), heads * (nope + rope)),
        )
    rest = (
        Linear("kv_a_proj_with_mqa", hidden, kv_rank + rope, biased),
        Linear("kv_b_proj", kv_rank, heads * (nope + value)),
        Linear("o_proj", heads * value, hidden, biased),
    )
    return queries + rest, kv_rank + int(q_rank or 0)


def _feed_forward(config: Mapping[str, Any], width: int) -> tuple[Linear, ...]:
    hidden, biased = int(config["hidden_size"]), bool(config.get("mlp_bias", False))
    return (
        Linear("gate_proj", hidden, width, biased),
        Linear("up_proj", hidden, width, biased),
        Linear("down_proj", width, hidden, biased),
    )
