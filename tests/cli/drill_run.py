"""A run of three slow stages in a process of its own, for `test_kill_drill.py` to kill. Not a test itself.

    python drill_run.py RECIPE STEPS_FILE [STAGE STEP]

Each stage takes 20 steps. Every step is appended to STEPS_FILE, which outlives everything and tells the test what
really ran, and kept in the stage's scratch folder, as a training run keeps its checkpoints. From STEP of STAGE on the
run takes its time, and from the step after the next on it stands still, so that the test can kill it in that stage
however busy the machine is.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from seekforge.cli import pipeline
from seekforge.core.config import Recipe, environment, load_recipe
from seekforge.core.progress import Silent
from seekforge.core.stage import StageContext, StageResult

STEPS = 20
RECIPE, STEPS_FILE, *SLOW_FROM = sys.argv[1:]


class Slow:
    """Counts to twenty and takes up where a killed attempt was."""

    name: ClassVar[str] = ""
    kind: ClassVar[str] = "count"
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ()

    def config(self, recipe: Recipe) -> Mapping[str, Any]:
        return {"seed": recipe.seed}

    def run(self, context: StageContext) -> StageResult:
        checkpoint = context.scratch / "done"
        done = int(checkpoint.read_text() or 0) if checkpoint.exists() else 0
        for step in range(done, STEPS):
            pause = _pause(step - int(SLOW_FROM[1])) if SLOW_FROM and self.name == SLOW_FROM[0] else 0.0
            time.sleep(pause)
            with Path(STEPS_FILE).open("a") as file:
                file.write(f"{self.name} {step}\n")
            time.sleep(pause)
            scratch = checkpoint.with_suffix(".new")
            scratch.write_text(str(step + 1))
            scratch.replace(checkpoint)
            time.sleep(pause)
        (context.folder / "out.txt").write_text(f"{self.name} {context.recipe.seed}")
        figure = context.measure(f"{self.name}.steps", STEPS, "count", "Steps")
        return StageResult(f"{STEPS} steps", (figure,))


def _pause(ahead: int) -> float:
    if ahead < 0:
        return 0.0
    return 0.1 if ahead < 2 else 3600.0


class One(Slow):
    name = "one"


class Two(Slow):
    name = "two"
    needs: ClassVar[tuple[str, ...]] = ("one",)


class Three(Slow):
    name = "three"
    needs: ClassVar[tuple[str, ...]] = ("one", "two")


if __name__ == "__main__":
    pipeline.all_stages = lambda: [One(), Two(), Three()]
    finished = pipeline.run_recipe(load_recipe(Path(RECIPE)), environment(), Silent(), ["drill"])
    sys.stdout.write(" ".join(f"{o.stage}:{o.status}" for o in finished.outcomes) + "\n")
