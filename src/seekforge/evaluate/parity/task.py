"""What is compared, and by which questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seekforge.core.config import RemoteConfig
from seekforge.core.models import ModelRef, fingerprint
from seekforge.core.records import Record

TITLES = {"F16": "F16", "Q8_0": "INT8", "Q4_0": "INT4"}


@dataclass(frozen=True, slots=True)
class Lineage:
    """One model on its way from training to an endpoint.

    Attributes:
        merged: The merged folder.
        files: GGUF files by format, in the order of the chain.
        base: The base model's folder; None begins with the merged one.
        trained: The train artifact's folder, or the adapter's; None as above.
        endpoint: The live endpoint, if there is one to compare.
        served: The format that the endpoint serves.
        answers: What the merged model answered, where a run has asked it: `predictions-tuned.jsonl`.
        base_answers: The same of the base model.
        broken: What the manifests say against it; empty where they fit together.
    """

    merged: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    base: Path | None = None
    trained: Path | None = None
    endpoint: RemoteConfig | None = None
    served: str = ""
    answers: Path | None = None
    base_answers: Path | None = None
    broken: str = ""

    @property
    def has_start(self) -> bool:
        """Whether the chain begins before the merged model."""
        return self.base is not None and self.trained is not None

    @property
    def behind(self) -> str:
        """Title of the step that the endpoint should be equal to."""
        if not self.files:
            return "merged"
        return title_of(self.served or ("Q8_0" if "Q8_0" in self.files else list(self.files)[-1]))


@dataclass(frozen=True, slots=True)
class Questions:
    """The test and how its answers are scored.

    Attributes:
        records: With their reference answers.
        labels: Permitted labels, of a task that has them.
        metric: The headline metric.
        max_new_tokens: Longest answer.
        seed: Of the bootstrap.
        terms: Chinese words of the domain that stay whole.
        ask_start: Whether base and adapter, before merging, answer the test too.
    """

    records: Sequence[Record]
    labels: tuple[str, ...] = ()
    metric: str = "exact_match"
    max_new_tokens: int = 64
    seed: int = 7
    terms: frozenset[str] = frozenset()
    ask_start: bool = False


def title_of(file_format: str) -> str:
    """A format as people call it; one that is no step of ours keeps its name."""
    return TITLES.get(file_format, file_format)


def identity(path: Path) -> str:
    """Identifies a model folder or file without reading all of it."""
    return fingerprint(ModelRef(str(path), "folder" if path.is_dir() else "gguf", path))
