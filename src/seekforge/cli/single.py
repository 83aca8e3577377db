"""One stage by itself, its artifact being the folder that the user named."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from seekforge.cli.pipeline import STAGES
from seekforge.core import artifacts
from seekforge.core.artifacts import Artifact
from seekforge.core.config import Environment, Recipe, environment
from seekforge.core.errors import InputError
from seekforge.core.files import disk_errors, full_disk
from seekforge.core.progress import for_terminal
from seekforge.core.runner import origin_of
from seekforge.core.stage import Stage, StageContext


def run_single(
    name: str, recipe: Recipe, out: Path, parents: Mapping[str, Artifact], machine: Environment | None = None
) -> Artifact:
    """Runs one stage into `out`, or finds it there already; a killed attempt is taken up.

    Raises:
        InputError: `out` holds something else.
    """
    stage: Stage = STAGES.load(name)()
    out = out.absolute()
    origin = origin_of(stage, recipe, parents)
    if (out / artifacts.MANIFEST).is_file():
        with suppress(InputError):  # a manifest of somebody else: the folder is not empty
            known = artifacts.load(out)
            if known.key == origin.key and artifacts.verify(known):
                return known
    if out.is_file():
        raise InputError("a file, not a folder", where=str(out), mend="Name a new folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("the output folder is not empty", where=str(out), mend="Name a new folder")
    with disk_errors(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with artifacts.exclusive(out) as partial:
        command = " ".join(["seekforge", *sys.argv[1:]])
        context = StageContext(recipe, partial, parents, for_terminal(), machine or environment(), command)
        try:
            with full_disk(partial):
                result = stage.run(context)
        except InputError:
            artifacts.discard_empty(out)
            raise
        return artifacts.seal(
            out,
            origin,
            summary=result.summary,
            measurements=result.measurements,
            details=result.details,
            seconds=time.monotonic() - started,
        )
