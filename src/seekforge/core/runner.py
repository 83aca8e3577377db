"""Runs stages in order: reuses what is unchanged, takes up what was killed, measures, judges the gates."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from seekforge.core import artifacts
from seekforge.core.artifacts import Artifact, Origin
from seekforge.core.config import Environment, Recipe
from seekforge.core.errors import ConfigError, InputError
from seekforge.core.files import full_disk, sha256_json
from seekforge.core.gates import Verdict, judge_all
from seekforge.core.memory import release
from seekforge.core.progress import Progress
from seekforge.core.registry import nearest
from seekforge.core.runs import RunFolder
from seekforge.core.stage import Stage, StageContext

Status = Literal["ran", "reused", "resumed", "not reached"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one stage in this run; `artifact` is None where the run stopped before it."""

    stage: str
    status: Status
    seconds: float
    artifact: Artifact | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Which stages to run.

    Attributes:
        stages: All stages, in order.
        redo_from: Make this stage and those after it again even when nothing changed.
        until: Stop after this stage.
    """

    stages: Sequence[Stage]
    redo_from: str | None = None
    until: str | None = None

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        for flag, name in (("--from", self.redo_from), ("--until", self.until)):
            if name is not None and name not in names:
                raise ConfigError(f"unknown stage '{name}'", where=flag, mend=nearest(name, names))
        if self.redo_from and self.until and names.index(self.redo_from) > names.index(self.until):
            raise ConfigError(f"--from {self.redo_from} comes after --until {self.until}", mend="Turn them round")

    def wanted(self) -> list[Stage]:
        """The stages up to `until`."""
        names = [stage.name for stage in self.stages]
        return list(self.stages[: names.index(self.until) + 1 if self.until else None])

    def forced(self) -> set[str]:
        """Names of the stages to make again."""
        names = [stage.name for stage in self.stages]
        return set(names[names.index(self.redo_from) :]) if self.redo_from else set()


class Runner:
    """Executes a plan for one recipe in one run folder.

    Args:
        recipe: What to do.
        plan: Which stages.
        run: The folder on disk.
        environment: Where artifacts are kept.
        progress: Where to say how far it is.
        command: The command line that the user gave, for every figure's `how`.
        identity: What makes two runs the same; by default the recipe and the plan.
    """

    def __init__(
        self,
        recipe: Recipe,
        plan: Plan,
        run: RunFolder,
        environment: Environment,
        progress: Progress,
        command: Sequence[str],
        identity: str | None = None,
    ) -> None:
        self._recipe, self._plan, self._run = recipe, plan, run
        self._environment, self._progress = environment, progress
        self._command = shlex.join(command)
        self._identity = identity or recipe_hash(recipe, plan.redo_from)
        self._store = environment.runs / "artifacts"

    def execute(self) -> list[Outcome]:
        """Runs every wanted stage and says what became of each."""
        made: dict[str, Artifact] = {}
        outcomes = []
        wanted = self._plan.wanted()
        for stage in wanted:
            outcome = self._one(stage, made)
            outcomes.append(outcome)
            assert outcome.artifact is not None
            made[stage.name] = outcome.artifact
            self._link(stage.name, outcome.artifact.folder)
        left = self._plan.stages[len(wanted) :]
        return outcomes + [Outcome(stage.name, "not reached", 0.0, None) for stage in left]

    def _one(self, stage: Stage, made: Mapping[str, Artifact]) -> Outcome:
        parents = {name: made[name] for name in stage.needs}
        origin = origin_of(stage, self._recipe, parents)
        final = self._store / f"{stage.name}-{origin.key[:16]}"
        redo = stage.name in self._plan.forced() and stage.name not in self._run.finished_stages
        if not redo and (known := self._reusable(final)):
            self._progress.say(f"{stage.name:<9} reused   {known.summary} (inputs unchanged)")
            self._finish(stage.name, "reused")
            return Outcome(stage.name, "reused", 0.0, known)
        return self._make(stage, origin, final, parents)

    def _make(self, stage: Stage, origin: Origin, final: Path, parents: Mapping[str, Artifact]) -> Outcome:
        resumed = artifacts.partial_folder(final).exists()
        status: Status = "resumed" if resumed else "ran"
        self._progress.say(f"{stage.name:<9} {'resuming' if resumed else 'running'}")
        with artifacts.exclusive(final) as partial:
            self._run.journal("stage started", stage=stage.name, resumed=resumed)
            started = time.monotonic()
            context = StageContext(
                self._recipe,
                partial,
                parents,
                self._progress,
                self._environment,
                f"{self._command} --from {stage.name}",
            )
            try:
                with full_disk(partial):
                    result = stage.run(context)
            except InputError:
                artifacts.discard_empty(final)
                raise
            seconds = time.monotonic() - started
            artifact = artifacts.seal(
                final,
                origin,
                summary=result.summary,
                measurements=result.measurements,
                details=result.details,
                seconds=seconds,
            )
        release()
        self._finish(stage.name, status)
        self._progress.say(f"{stage.name:<9} done     {artifact.summary} ({seconds:.1f} s)")
        return Outcome(stage.name, status, seconds, artifact)

    def _reusable(self, final: Path) -> Artifact | None:
        if not (final / artifacts.MANIFEST).is_file():
            return None
        with suppress(InputError):  # a broken manifest: nothing that can be relied on
            artifact = artifacts.load(final)
            if artifacts.verify(artifact):
                return artifact
        self._progress.say(f"{final.name}: files no longer match the manifest; made again")
        return None

    def _finish(self, stage: str, status: str) -> None:
        if stage not in self._run.finished_stages:
            self._run.finished_stages.append(stage)
        self._run.journal("stage finished", stage=stage, status=status)
        self._run.save(self._identity, done=False)

    def _link(self, name: str, folder: Path) -> None:
        link = self._run.folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path("..") / folder.relative_to(self._environment.runs))


def origin_of(stage: Stage, recipe: Recipe, parents: Mapping[str, Artifact]) -> Origin:
    """What a stage's artifact will be made of; its key decides whether it needs to be made at all.

    Raises:
        InputError: The recipe points to what does not exist.
    """
    config = stage.config(recipe)
    hashes = tuple(artifact.content_hash for artifact in parents.values())
    key = sha256_json({"stage": stage.name, "version": stage.version, "config": config, "parents": hashes})
    return Origin(stage.kind, key, hashes, config)


def recipe_hash(recipe: Recipe, redo_from: str | None = None) -> str:
    """What makes two runs the same run: the recipe, and the stage from which it is to be made again."""
    return sha256_json({"recipe": recipe.model_dump(mode="json"), "from": redo_from})


def check_gates(recipe: Recipe, stages: Sequence[Stage]) -> None:
    """Refuses a gate that no stage can pass, before the work is done.

    Raises:
        ConfigError: There is no stage of that name.
    """
    names = [stage.name for stage in stages]
    for gate in recipe.gate_list():
        if gate.stage not in names:
            what = f"gates: no stage '{gate.stage}' measures '{gate.name}'"
            raise ConfigError(what, where=recipe.name, mend=nearest(gate.stage, names))


def verdicts(recipe: Recipe, outcomes: Sequence[Outcome]) -> list[Verdict]:
    """Verdicts on the gates of all stages that were reached."""
    skipped = {outcome.stage for outcome in outcomes if outcome.artifact is None}
    reached = {outcome.stage for outcome in outcomes} - skipped
    gates = [gate for gate in recipe.gate_list() if gate.stage not in skipped]
    gates += [gate for gate in recipe.standing_gates() if gate.stage in reached]
    known = {m.name: m for outcome in outcomes if outcome.artifact for m in outcome.artifact.measurements}
    return judge_all(gates, known)


def lineage(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Who was made from whom, for `lineage.json`."""
    nodes = [
        {
            "stage": outcome.stage,
            "kind": outcome.artifact.kind,
            "content_hash": outcome.artifact.content_hash,
            "key": outcome.artifact.key,
            "parents": list(outcome.artifact.parents),
            "folder": outcome.artifact.folder.name,
            "config": outcome.artifact.config,
        }
        for outcome in outcomes
        if outcome.artifact is not None
    ]
    return {"schema": 1, "artifacts": nodes}
