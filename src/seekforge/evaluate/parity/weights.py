"""What a step's files say of themselves, and samples of their weights beside what training made."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seekforge.core.families import family_of
from seekforge.core.models import read_config
from seekforge.engines.gguf_header import read_metadata, read_tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Samples = Mapping[str, "NDArray[np.float32]"]
_ROWS, _TENSORS = 64, 6
# Query and key rows stand in another order in a GGUF file of Llama's (see compress/gguf.py): they are not sampled.
_SAMPLED = re.compile(r"\.(v_proj|o_proj|gate_proj|up_proj|down_proj)\.weight$")
_FILE_TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 32: "BF16"}  # ggml's `llama_ftype`
_NAMED = re.compile(r"(?<![a-z0-9])(q8_0|q4_0|q4_1|bf16|f16|f32|int8|int4)(?![a-z0-9])", re.IGNORECASE)
_SAME = {"INT8": "Q8_0", "INT4": "Q4_0"}


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a GGUF file says of itself.

    Attributes:
        stored: The type that most weights have.
        declared: What `general.file_type` says; empty where it says nothing we know.
        bits: Of a weight of the matrices, scales included: 16 for F16, 8.5 for Q8_0, 4.5 for Q4_0.
        rope_base: Rotary base in force; 10,000 where the file has none.
        template: The chat template; empty without one.
        bos: Whether it names the token that begins a text.
    """

    stored: str
    declared: str
    bits: float
    rope_base: float
    template: str
    bos: bool


@dataclass(frozen=True, slots=True)
class WeightFacts:
    """Samples of a step's weights against the trained ones.

    Attributes:
        error: Root mean square of the difference from what it was written from, as a share of those weights'.
        base_error: The same against the base model's weights; None where the base is not known.
        change: How large the training's change is, as a share of the base weights; None as above.
        adapter: How much of that change is in the weights, by least squares: 1 all of it, 0 nothing; None as above.
    """

    error: float
    base_error: float | None = None
    change: float | None = None
    adapter: float | None = None


def file_facts(path: Path) -> FileFacts:
    """Reads the head of a GGUF file.

    Raises:
        ModelError: It is none, or cut off.
    """
    meta, tensors = read_metadata(path), [t for t in read_tensors(path) if len(t.shape) > 1]
    weights: Counter[str] = Counter()
    for tensor in tensors:
        weights[tensor.kind] += _size(tensor.shape)
    architecture = meta["general.architecture"]
    return FileFacts(
        stored=weights.most_common(1)[0][0] if weights else "",
        declared=_FILE_TYPES.get(int(meta.get("general.file_type", -1)), ""),
        bits=8 * sum(t.bytes for t in tensors) / max(1, sum(weights.values())),
        rope_base=float(meta.get(f"{architecture}.rope.freq_base", 10_000.0)),
        template=str(meta.get("tokenizer.chat_template", "")),
        bos="tokenizer.ggml.bos_token_id" in meta,
    )


def format_of(path: Path) -> str:
    """What a GGUF file is meant to be: the format in its name, else what its head declares, else what it holds."""
    named = [str(word).upper() for word in _NAMED.findall(path.stem)]
    if named:
        return _SAME.get(named[-1], named[-1])
    facts = file_facts(path)
    return facts.declared or facts.stored


def rope_base(folder: Path) -> float:
    """The rotary base of a model folder's config; 10,000 where it has none, as in `transformers`."""
    config = read_config(folder)
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    return float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0)


def choose(names: Iterable[str], targets: Iterable[str] | None) -> list[str]:
    """Some matrices that training changed, spread over the layers.

    Args:
        names: Of the model's tensors, as in its folder.
        targets: Endings of the modules that the adapter is on; None for all.
    """
    ends = ("",) if targets is None else tuple(targets)
    fitting = [name for name in names if _SAMPLED.search(name) and name.removesuffix(".weight").endswith(ends)]
    ordered = sorted(fitting, key=lambda name: [int(part) if part.isdigit() else 0 for part in name.split(".")])
    return ordered[:: max(1, len(ordered) // _TENSORS)][:_TENSORS]


def folder_samples(folder: Path, names: Sequence[str]) -> Samples:
    """The first rows of tensors in a folder's safetensors, float32; a tensor that is not there is left out."""
    from safetensors import safe_open

    found: dict[str, NDArray[np.float32]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in set(names) & set(file.keys()):
                found[name] = file.get_slice(name)[:_ROWS].float().numpy()
    return found


def model_samples(model: Any, names: Sequence[str]) -> Samples:  # noqa: ANN401  a transformers model
    """The first rows of a loaded model's parameters, float32."""
    return {name: model.get_parameter(name)[:_ROWS].detach().float().cpu().numpy().copy() for name in names}


def file_samples(path: Path, folder: Path, names: Sequence[str]) -> Samples:
    """The first rows of tensors in a GGUF file, dequantised; `folder` has the config of the same model."""
    import gguf
    import numpy as np

    config = read_config(folder)
    family = family_of(str(config.get("model_type")))
    arch = next((key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == family.gguf_arch), None)
    if arch is None:
        return {}
    table = gguf.get_tensor_name_map(arch, config["num_hidden_layers"])
    there = {tensor.name: tensor for tensor in read_tensors(path)}
    found: dict[str, NDArray[np.float32]] = {}
    for name in names:
        tensor = there.get(str(table.get_name(name, try_suffixes=(".weight",))))
        if tensor is not None:
            raw = np.memmap(path, np.uint8, "r", tensor.offset, (tensor.shape[0], tensor.bytes // tensor.shape[0]))
            kind = gguf.GGMLQuantizationType[tensor.kind]
            found[name] = np.asarray(gguf.dequantize(np.array(raw[:_ROWS]), kind), np.float32)
    return found


def weight_facts(
    found: Samples, trained: Samples, base: Samples | None, source: Samples | None = None
) -> WeightFacts | None:
    """Compares samples; None where they have nothing in common, or not the same shapes.

    Args:
        found: The step's.
        trained: Base and adapter, summed in float32.
        base: The base model's.
        source: What the step was written from, for its error; by default `trained`. A GGUF file is written from the
            merged folder, whose bfloat16 rounding is not the file's.
    """
    names = [name for name in trained if name in found and found[name].shape == trained[name].shape]
    if not names:
        return None
    here, there = _joined(found, names), _joined(trained, names)
    written = there if source is None or not set(names) <= set(source) else _joined(source, names)
    error = _norm(here - written) / _norm(written)
    if base is None or not all(name in base and base[name].shape == trained[name].shape for name in names):
        return WeightFacts(error)
    start = _joined(base, names)
    change, moved = there - start, here - start
    size = _norm(change)
    adapter = float(moved @ change) / size**2 if size else None
    return WeightFacts(error, _norm(moved) / _norm(start), size / _norm(start), adapter)


def _joined(samples: Samples, names: Sequence[str]) -> NDArray[np.float64]:
    import numpy as np

    return np.concatenate([samples[name].ravel() for name in names]).astype(np.float64)


def _norm(vector: NDArray[np.float64]) -> float:
    import numpy as np

    return float(np.linalg.norm(vector))


def _size(shape: Sequence[int]) -> int:
    total = 1
    for length in shape:
        total *= length
    return total
