"""How finely each layer's input is rounded to INT8: measured once, on records that the model was trained on.

An engine that rounds activations as they come must look at each of them first. With steps that are known beforehand a
processor with INT8 matrix instructions multiplies at once. The columns of an input differ by orders of magnitude, so
each has a step of its own, and the weights take up what that changes, as in SmoothQuant (Xiao et al., ICML 2023).

The model will be asked other things too, and an input that outgrows its steps is cut off. So sequences of random tokens
are looked at beside the records, and the inputs of down projections, in which single tokens are a hundred times larger
than others, get no steps: the engine rounds them row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seekforge.compress.gguf import tensor_names
from seekforge.core.progress import Progress
from seekforge.core.records import Record

if TYPE_CHECKING:
    import torch

ENOUGH = 64  # records; the figures of docs/adr/0011 are with so many
_LEVELS = 127  # INT8, symmetric
_READERS = {  # layers that read one input, by the first of them
    "self_attn.q_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attn.o_proj": ("self_attn.o_proj",),
    "mlp.gate_proj": ("mlp.gate_proj", "mlp.up_proj"),
}
_HEAD = "lm_head"
_SHARES = (0.6, 0.7, 0.8, 0.9, 1.0)  # of the difficulty that goes to the weights; SmoothQuant's alpha
_HEADROOM = 1.25  # inputs may grow by that, against the largest seen, before they are cut off
_ROWS, _WEIGHT_ROWS = 512, 4096  # on which the shares are compared
_LONGEST = 2048  # tokens of a record that are looked at
_RANDOM, _RANDOM_LENGTH = 32, 128  # sequences of random tokens


@dataclass(slots=True)
class _Input:
    """What one group of layers reads.

    Attributes:
        largest: The largest magnitude of each column.
        rows: Some rows, rows x columns.
    """

    largest: torch.Tensor | None = None
    rows: list[torch.Tensor] = field(default_factory=list)


def activation_steps(folder: Path, records: Sequence[Record], progress: Progress) -> dict[str, NDArray[np.float32]]:
    """The rounding step of every column of the linear layers' inputs, those of down projections aside.

    Args:
        folder: A Hugging Face folder of a family that has a GGUF form.
        records: What the model is asked and answers; some thousands of tokens suffice.
        progress: Where to say how far it is.

    Returns:
        By the GGUF name of the first layer that reads the input (`blk.0.attn_q`); an input is rounded to
        `round(x / step)`, from -127 to 127.

    Raises:
        ModelError: The folder's model or tokenizer cannot be loaded.
    """
    from seekforge.engines.transformers import fast_dtype, load_model, load_tokenizer

    tokenizer, model = load_tokenizer(folder), load_model(folder, fast_dtype())
    texts = [tokenizer.apply_chat_template([m.to_dict() for m in r.messages], tokenize=False) for r in records]
    tokens = [tokenizer.encode(text, add_special_tokens=False)[:_LONGEST] for text in texts]
    inputs = _listen(model, [*tokens, *_random_tokens(len(tokenizer))], progress)
    name_of = tensor_names(folder)
    return {
        name_of(leader): _step(inputs[leader], [model.get_submodule(name).weight for name in layers]).numpy()
        for leader, layers in _groups(model)
    }


def _random_tokens(vocabulary: int) -> list[list[int]]:
    draw = np.random.default_rng(0)
    return [row.tolist() for row in draw.integers(vocabulary, size=(_RANDOM, _RANDOM_LENGTH))]


def _groups(model: Any) -> Iterator[tuple[str, list[str]]]:  # noqa: ANN401  no types here
    for number in range(model.config.num_hidden_layers):
        block = f"model.layers.{number}."
        for leader, layers in _READERS.items():
            yield block + leader, [block + layer for layer in layers]
    yield _HEAD, [_HEAD]


def _listen(model: Any, tokens: Sequence[list[int]], progress: Progress) -> dict[str, _Input]:  # noqa: ANN401
    import torch

    inputs = {leader: _Input() for leader, _ in _groups(model)}
    share = -(-_ROWS // len(tokens))
    draw = torch.Generator().manual_seed(0)

    def listener(heard: _Input) -> Any:  # noqa: ANN401
        def hook(_: Any, arguments: tuple[torch.Tensor, ...]) -> None:  # noqa: ANN401
            rows = arguments[0].detach().reshape(-1, arguments[0].shape[-1]).float()
            largest = rows.abs().amax(dim=0)
            heard.largest = largest if heard.largest is None else torch.maximum(heard.largest, largest)
            heard.rows.append(rows[torch.randperm(len(rows), generator=draw)[:share]])

        return hook

    hooks = [model.get_submodule(name).register_forward_pre_hook(listener(heard)) for name, heard in inputs.items()]
    with torch.inference_mode(), progress.task("measuring activations", len(tokens)) as task:
        for ids in tokens:
            model(input_ids=torch.tensor([ids]))
            task.advance()
    for hook in hooks:
        hook.remove()
    return inputs


def _step(heard: _Input, weights: Sequence[torch.Tensor]) -> torch.Tensor:
    """The step by which the layers' outputs differ least from the exact ones."""
    import torch

    assert heard.largest is not None
    rows = torch.cat(heard.rows)
    weight = torch.cat([w.detach().float() for w in weights])
    reach = weight.abs().amax(dim=0).clamp_min(1e-6)
    weight = weight[:: -(-len(weight) // _WEIGHT_ROWS)]
    exact = rows @ weight.T

    def error(step: torch.Tensor) -> float:
        whole = (rows / step).round().clamp(-_LEVELS, _LEVELS)
        return float((whole @ _rounded(weight * step).T - exact).pow(2).mean())

    spreads = (heard.largest.clamp_min(1e-6) ** share / reach ** (1 - share) for share in _SHARES)
    steps = [spread * (heard.largest / spread).max() * (_HEADROOM / _LEVELS) for spread in spreads]
    return min(steps, key=error)


def _rounded(weight: torch.Tensor) -> torch.Tensor:
    scale = weight.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / _LEVELS
    return (weight / scale).round() * scale
