"""What a training run will need: peak bytes by part, as a pure function of the model's shape and the settings.

A step has a few moments at which the peak can lie, and the largest is predicted: the **loss** (all activations and the
logits), the end of the **forward** pass (autocast's copies of the weights), with checkpointing the **recompute** of the
last layer, and the end of the **backward** pass (every gradient).

Weights, gradients and AdamW's two moments by Rajbhandari et al. 2020 (ZeRO), section 3.1; activations after Korthikanti
et al. 2022, section 4.1, counted anew for these architectures from what torch's autograd keeps in `transformers` and
PEFT: a norm keeps its input in float32, SDPA's kernels keep queries, keys, values, output and one logarithm a query,
`silu(gate) * up` keeps three tensors, an adapter keeps its input.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

from seekforge.train.shapes import Layer, Linear, Shape

_WORKSPACE = 32 << 20  # of matrix libraries
_TILE = 64 << 20  # 4,096 tokens by 8,192 words of the vocabulary in bfloat16
# NormalFloat: 4 bits a weight, a scale byte for 64 of them, and a float32 for 256 scales (Dettmers et al. 2023).
_NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)


@dataclass(frozen=True, slots=True)
class Setup:
    """How a run trains.

    Attributes:
        method: `lora`, `qlora` or `full`.
        batch: Records a forward pass.
        length: Tokens of the longest record.
        answer: Tokens of the longest answer: logits are made for these alone. None for all tokens.
        checkpointing: Whether activations are computed again in the backward pass.
        accumulate: Forward passes an optimiser step.
        precision: Of weights that are trained.
        compute: What products are computed in; the weights that adapters stand on are of that precision.
        autocast: Whether they are, whatever the weights are; never with float32.
        shared: Tokens that all records begin with, which are computed once a batch (`train/prefix.py`).
        padded: Whether records of one batch differ in length, so that attention takes a mask.
        rank: Of the adapters.
        targets: Linear layers with an adapter, by the last part of their names.
        dora: Whether adapters are DoRA's.
        experts: Whether the routed experts have adapters.
        fused: Whether plain adapters are computed by `train/fused.py`, which keeps an input once; PEFT keeps copies.
        chunked: Whether the loss is taken in chunks that never hold the logits (TRL's fused head, on a GPU).
        kernels: Whether SDPA has a kernel for every attention. On a CPU it has none for latent attention, whose values
            are of another width than its keys, and keeps float32 probabilities of all pairs of tokens.
        ranks: Devices that train together, each on batches of its own.
        shards: Devices over which weights, gradients and moments are spread (FSDP2): all of them, or 1.
    """

    method: Literal["lora", "qlora", "full"]
    batch: int
    length: int
    answer: int | None = None
    checkpointing: bool = False
    accumulate: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"
    compute: Literal["float32", "bfloat16"] = "bfloat16"
    autocast: bool = True
    shared: int = 0
    padded: bool = False
    rank: int = 16
    targets: tuple[str, ...] = ()
    dora: bool = False
    experts: bool = False
    fused: bool = True
    chunked: bool = False
    kernels: bool = True
    ranks: int = 1
    shards: int = 1


@dataclass(frozen=True, slots=True)
class Bytes:
    """Memory by part, in bytes."""

    weights: int = 0
    adapter: int = 0
    gradients: int = 0
    optimiser: int = 0
    activations: int = 0
    logits: int = 0
    workspace: int = 0

    @property
    def total(self) -> int:
        """Of all parts."""
        return sum(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True)
class Prediction:
    """The peak of one optimiser step.

    Attributes:
        parts: What lies in memory at that moment.
        moment: `loss`, `forward`, `recompute` (of the last layer, checkpointed) or `backward`.
    """

    parts: Bytes
    moment: str

    @property
    def peak(self) -> int:
        """Bytes on one device."""
        return self.parts.total


def predict(shape: Shape, setup: Setup) -> Prediction:
    """The peak of one optimiser step on one device, gradients and moments of earlier steps included."""
    base = _standing(shape, setup)
    in_buckets = setup.ranks > 1 and setup.shards == 1  # DDP's, which stay from step to step; gradients are views
    kept = base.gradients if setup.accumulate > 1 or in_buckets else 0
    tokens = setup.batch * (setup.length - setup.shared) + setup.shared
    each = [tokens * _saved_a_token(shape, layer, setup) + _saved_a_pass(shape, layer, setup) for layer in shape.layers]
    stream = tokens * shape.hidden * _residual(setup)
    saved = len(each) * stream + max(each) if setup.checkpointing else sum(each)
    copies = _autocast_copies(shape, setup)
    logits, loss = _logits(shape, setup)
    # What the last layer to be left still holds, and what its gradients take beside it.
    last = max(each) + stream
    tied = shape.embedding * _trained(setup) if shape.tied and setup.method == "full" else 0
    checkpoints = (len(each) - 1) * stream + each[-1] if setup.checkpointing else saved  # the last layer is kept
    moments = {
        "loss": replace(
            base, gradients=kept, activations=checkpoints + (0 if setup.checkpointing else copies), logits=loss
        ),
        "forward": replace(base, gradients=kept, activations=checkpoints + copies, logits=logits),
        "recompute": replace(base, gradients=kept, activations=saved + stream),
        "backward": replace(base, gradients=base.gradients + tied, activations=last),
    }
    moment = max(moments, key=lambda name: moments[name].total)
    return Prediction(moments[moment], moment)


def adapter_parameters(shape: Shape, setup: Setup) -> int:
    """Parameters of all adapters (Hu et al. 2021): rank times inputs and outputs of each target."""
    if setup.method == "full":
        return 0
    total = 0
    for layer in shape.layers:
        for linear in _targets(layer, setup):
            total += setup.rank * (linear.inputs + linear.outputs) + setup.dora * linear.outputs
        if layer.experts and setup.experts:
            widths = (shape.hidden + 2 * layer.experts.width) + (layer.experts.width + shape.hidden)
            total += setup.rank * layer.experts.count * widths
    return total


def _standing(shape: Shape, setup: Setup) -> Bytes:
    """What lies there the whole step, and all gradients."""
    adapters, trained = adapter_parameters(shape, setup), _trained(setup)
    if setup.method == "full":
        parameters = shape.parameters * trained
        moving = (shape.parameters - shape.router_parameters) * trained
    else:
        quantised = shape.linear_parameters if setup.method == "qlora" else 0
        parameters = round((shape.parameters - quantised) * _element(setup) + quantised * _NF4)
        moving = adapters * trained
    workspace = _WORKSPACE
    if setup.method == "qlora":  # a layer's weights become bfloat16 when it is computed
        workspace += 2 * max(linear.parameters for layer in shape.layers for linear in layer.linears)
    if setup.shards > 1:
        workspace += _fetched(shape, setup)
    return Bytes(
        weights=parameters // setup.shards,
        adapter=adapters * trained // setup.shards,
        gradients=moving // setup.shards,
        optimiser=2 * moving // setup.shards,
        workspace=workspace,
    )


def _fetched(shape: Shape, setup: Setup) -> int:
    """Bytes that lie there whole although they are sharded.

    Two layers in bfloat16, of which one is computed and the next one fetched, and if they are trained the gradients of
    one; embedding, last norm and output layer from the beginning of a step to its end, and their gradients.
    """
    layer = (shape.linear_parameters + shape.expert_parameters) // len(shape.layers)
    outer = shape.embedding * (1 if shape.tied else 2)
    if setup.method == "full":
        return 2 * 3 * layer + 2 * outer * _trained(setup)
    return 2 * 2 * layer + 2 * outer


def _trained(setup: Setup) -> int:
    """Bytes of a trained parameter; TRL makes adapters on four-bit weights bfloat16."""
    if setup.method == "full":
        return 4 if setup.precision == "float32" else 2
    return 2 if setup.method == "qlora" else 4


def _residual(setup: Setup) -> int:
    """Bytes of an element of the residual stream: of the embedding's precision."""
    return 4 if setup.method == "full" and setup.precision == "float32" else _element(setup)


def _element(setup: Setup) -> int:
    """Bytes of an element of what a product makes."""
    return 4 if setup.compute == "float32" else 2


def _autocast_copies(shape: Shape, setup: Setup) -> int:
    """Autocast makes a bfloat16 copy of every float32 weight that is trained, and autograd keeps it."""
    if not setup.autocast or setup.compute == "float32":
        return 0
    if setup.method == "full" and setup.precision == "float32":
        layers = shape.linear_parameters + shape.expert_parameters
        return 2 * (shape.embedding + (layers if setup.shards == 1 else 0))  # sharded ones are fetched in bfloat16
    return 2 * adapter_parameters(shape, setup) if setup.method == "lora" else 0


def _logits(shape: Shape, setup: Setup) -> tuple[int, int]:
    """Bytes when the output layer is done, and at the peak of the loss.

    The output layer gives its result at every column in which some record has a label. The loss takes the positions
    with a label in float32: their copy and its log-softmax going forward; log-softmax, its gradient and the gradient of
    the likelihood coming back.
    """
    answer = setup.length if setup.answer is None else min(setup.answer, setup.length)
    columns = setup.batch * min(setup.length, setup.batch * answer)
    labelled = setup.batch * answer
    if setup.chunked:  # the states and their gradient in float32, one tile, and the output layer's gradient in float32
        head = 4 * shape.embedding if setup.method == "full" else 0
        return _TILE, _TILE + 6 * labelled * shape.hidden + head
    made = _element(setup) * columns * shape.vocabulary
    return made, max(made + 8 * labelled * shape.vocabulary, 12 * labelled * shape.vocabulary)


def _saved_a_token(shape: Shape, layer: Layer, setup: Setup) -> int:
    """Bytes that autograd keeps of one layer for one token."""
    norms = 2 * _norm(shape.hidden, setup)
    if shape.head_norms:
        norms += _norm(shape.heads * shape.qk_width, setup) + _norm(shape.kv_heads * shape.qk_width, setup)
    if shape.latent:
        latents = {linear.name: linear.inputs for linear in layer.attention}
        norms += sum(_norm(latents[name], setup) for name in ("q_b_proj", "kv_b_proj") if name in latents)
    width = layer.feed_forward[-1].inputs
    element = _element(setup)
    total = norms + _attention(shape, setup) + 3 * element * width + _inputs(layer, setup)
    if layer.experts:
        total += layer.experts.used * element * (3 * layer.experts.width + shape.hidden)
        if setup.method == "full" or setup.experts:
            total += layer.experts.used * element * (layer.experts.width + shape.hidden)
    return total


def _attention(shape: Shape, setup: Setup) -> int:
    """What SDPA keeps for a token."""
    queries, out = shape.heads * shape.qk_width, shape.heads * shape.v_width
    if not setup.kernels and shape.qk_width != shape.v_width:
        return 4 * (2 * queries + out + shape.heads * setup.length)
    return _element(setup) * (queries + _keys_and_values(shape, setup) + out) + 4 * shape.heads


def _keys_and_values(shape: Shape, setup: Setup) -> int:
    """Their width; with a mask SDPA wants as many keys as queries."""
    heads = shape.heads if setup.padded or setup.shared else shape.kv_heads
    return heads * (shape.qk_width + shape.v_width)


def _norm(width: int, setup: Setup) -> int:
    """Its input in float32, and for the gradient of its own weight what it made of it."""
    return width * (4 + (_residual(setup) if setup.method == "full" else 0))


def _inputs(layer: Layer, setup: Setup) -> int:
    """Inputs of linear layers that are kept for the gradients of weights.

    One tensor goes into queries, keys and values, and one into gate and up. PEFT casts it to the adapter's float32 for
    each layer anew, and autocast what it computes with to bfloat16; so each keeps a copy unless they are fused.
    """
    if setup.method == "full":
        if setup.autocast and setup.precision == "float32" and setup.compute == "bfloat16":
            return sum(2 * linear.inputs for linear in layer.linears if linear.name != "o_proj")
        return _element(setup) * sum(_distinct(layer.linears))
    targets = _targets(layer, setup)
    inner = sum(setup.rank for _ in targets)
    if setup.dora:
        inner += 2 * sum(linear.outputs for linear in targets)  # the layer's own result and the adapter's
    if setup.method == "qlora" or (setup.fused and not setup.dora):
        return _element(setup) * (sum(_distinct(targets)) + inner)
    element = 2 if setup.autocast and setup.compute == "bfloat16" else 4
    return element * (sum(linear.inputs for linear in targets) + inner)


def _distinct(linears: tuple[Linear, ...]) -> list[int]:
    """Widths of the distinct tensors that go in; attention's output is kept by SDPA already."""
    shared = {"k_proj": "q_proj", "v_proj": "q_proj", "kv_a_proj_with_mqa": "q_proj", "q_a_proj": "q_proj"}
    found = {shared.get(linear.name, linear.name): linear.inputs for linear in linears if linear.name != "o_proj"}
    if "gate_proj" in found:
        found.pop("up_proj", None)
    return list(found.values())


def _saved_a_pass(shape: Shape, layer: Layer, setup: Setup) -> int:
    """Bytes of one layer whatever the tokens.

    A padded batch's mask; each record's copy of the keys and values of what all begin with; and experts with adapters
    as whole weights.
    """
    columns = (setup.length - setup.shared) * setup.length if setup.padded or setup.shared else 0
    copies = (setup.batch - 1) * setup.shared * _keys_and_values(shape, setup)
    experts = 0
    if layer.experts and setup.experts and setup.method != "full":
        experts = 3 * shape.hidden * layer.experts.width * layer.experts.count
    return _element(setup) * (setup.batch * columns + copies + experts)


def _targets(layer: Layer, setup: Setup) -> tuple[Linear, ...]:
    return tuple(linear for linear in layer.linears if linear.name in setup.targets)
