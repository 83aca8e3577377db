"""What was seen of one step, before it is compared: plain values that a killed comparison finds again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from seekforge.core.files import read_json, write_json
from seekforge.evaluate.parity.diagnose import Shape
from seekforge.evaluate.parity.trace import Divergence
from seekforge.evaluate.parity.weights import FileFacts, WeightFacts

Kind = Literal["start", "merged", "file", "live"]


@dataclass(slots=True)
class Observed:
    """One step; None and empty are "not looked at".

    Attributes:
        title: `adapter`, `merged`, `F16`, `INT8`, `INT4` or `live`.
        kind: What it is.
        source: The folder, file or address.
        wanted: The format that it should have.
        unequal_prompts: Records whose rendered prompts differ from training's.
        prompts: How many could be compared.
        shape: How they differ.
        example: One rendered prompt as it should be and as it is.
        unequal_texts: Texts that its tokenizer cuts otherwise.
        choices: Its next token at each position.
        base_choices: The base model's without the adapter, at the start.
        file_choices: Of a GGUF file's weights in transformers.
        kl: From the merged model, or at the merged step from the start.
        start_kl: From the start.
        width: Of its logits' file.
        file: What a GGUF file says of itself.
        template_equal: Whether its chat template is training's.
        rope: Training's rotary base, and its own.
        weights: Samples of its weights against the trained ones.
        score: Of its greedy answers.
        same_file: Whether an endpoint's fingerprint is that of the file which it should serve; None without one.
        serves: Title of the step whose file that fingerprint is; empty where it is none's.
        notes: Which figures are missing, and why.
    """

    title: str
    kind: Kind
    source: str = ""
    wanted: str = ""
    unequal_prompts: list[str] | None = None
    prompts: int = 0
    shape: Shape = "equal"
    example: list[str] | None = None
    unequal_texts: list[str] | None = None
    choices: list[int] | None = None
    base_choices: list[int] | None = None
    file_choices: list[int] | None = None
    kl: Divergence | None = None
    start_kl: Divergence | None = None
    width: int = 0
    file: FileFacts | None = None
    template_equal: bool | None = None
    rope: list[float] | None = None
    weights: WeightFacts | None = None
    score: float | None = None
    same_file: bool | None = None
    serves: str = ""
    notes: list[str] = field(default_factory=list)

    def save(self, path: Path, key: str) -> None:
        """Writes it, under the hash of all that it depends on."""
        write_json(path, {"key": key, "observed": asdict(self)})


def load(path: Path, key: str) -> Observed | None:
    """What an earlier attempt saw of the same step; None where there was none or anything has changed."""
    if not path.is_file():
        return None
    tree = read_json(path)
    if tree["key"] != key:
        return None
    values: dict[str, Any] = {f.name: tree["observed"][f.name] for f in fields(Observed)}
    for name, kind in (("kl", Divergence), ("start_kl", Divergence), ("file", FileFacts), ("weights", WeightFacts)):
        values[name] = None if values[name] is None else kind(**values[name])
    return Observed(**values)


def shape_of(wanted: Sequence[Sequence[int]], found: Sequence[Sequence[int]], bos: int | None) -> Shape:
    """How rendered prompts differ, by their token ids.

    Args:
        wanted: Training's.
        found: The step's, those of the same records.
        bos: The token that begins a text, where the model has one.
    """
    pairs = [(list(a), list(b)) for a, b in zip(wanted, found, strict=True) if list(a) != list(b)]
    if not pairs:
        return "equal"
    if bos is not None and all(a[:1] == [bos] and a[1:] == b for a, b in pairs):
        return "bos lost"
    if bos is not None and all(a[:1] == [bos] and [bos, *a] == b for a, b in pairs):
        return "bos twice"
    return "other"
