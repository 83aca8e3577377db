"""What a stage is to the runner: a key that says what its output depends on, and the work itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from seekforge.core import hardware
from seekforge.core.artifacts import SCRATCH, Artifact
from seekforge.core.config import Environment, Recipe
from seekforge.core.gates import Measurement
from seekforge.core.progress import Progress


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage is given.

    Attributes:
        recipe: The whole recipe; a stage reads its own part, `model` and `seed`.
        folder: Where the artifact's files go. It may hold what a killed attempt left.
        parents: Artifacts of the stages named in `needs`.
        progress: Where to say how far it is.
        environment: The machine's settings.
        command: The command that reproduces this stage's figures.
    """

    recipe: Recipe
    folder: Path
    parents: Mapping[str, Artifact]
    progress: Progress
    environment: Environment
    command: str

    @property
    def scratch(self) -> Path:
        """For checkpoints and the like: survives a kill, vanishes when the artifact is sealed."""
        path = self.folder / SCRATCH
        path.mkdir(parents=True, exist_ok=True)
        return path

    def measure(self, name: str, value: float, unit: str, title: str = "", advice: str = "") -> Measurement:
        """A measurement that carries this stage's command and this machine."""
        return Measurement(name, float(value), unit, self.command, hardware.where(), title, advice)


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage says about its work; its files lie in the context's folder.

    Attributes:
        summary: One line for people.
        measurements: Every figure, named `stage.figure`.
        details: For the report; JSON-serialisable.
    """

    summary: str
    measurements: tuple[Measurement, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


class Stage(Protocol):
    """One step of a run.

    Attributes:
        name: As on the command line.
        kind: Of the artifact that it makes.
        version: Raised when the same input gives another output than before.
        needs: Names of the stages whose artifacts it reads.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    version: ClassVar[int]
    needs: ClassVar[tuple[str, ...]]

    def config(self, recipe: Recipe) -> Mapping[str, Any]:
        """All that the output depends on besides the parents, hashes of outside files included."""

    def run(self, context: StageContext) -> StageResult:
        """Does the work; takes up what a killed attempt left in `context.scratch`."""
