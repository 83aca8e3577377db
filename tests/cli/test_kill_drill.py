"""kill -9 at random moments: the same command finishes, under the same run id, and nothing finished runs twice."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from seekforge.core import artifacts
from seekforge.core.runs import events

SCRIPT = Path(__file__).with_name("drill_run.py")
STAGES = ("one", "two", "three")
STEPS = 20
RECIPE = (
    "name: drill\nmodel: demo\nseed: {seed}\ndata:\n  sources: [{{path: x.jsonl}}]\ngates:\n  three.steps: '== 20'\n"
)


class Drill:
    """A recipe, and processes that run it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.recipe, self.log = folder / "drill.yaml", folder / "steps"
        self.recipe.write_text(RECIPE.format(seed=seed))
        self.log.touch()
        self.command = [sys.executable, str(SCRIPT), str(self.recipe), str(self.log)]

    def steps(self) -> list[str]:
        return self.log.read_text().splitlines()

    def kill_in(self, stage: str, step: int, delay: float) -> None:
        """Starts the run, waits until the stage has counted to `step`, waits a little more, and kills it."""
        command = [*self.command, stage, str(step)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                deadline = time.monotonic() + 600
                while f"{stage} {step}" not in self.steps():
                    assert process.poll() is None, process.communicate()
                    assert time.monotonic() < deadline
                    time.sleep(0.002)
                time.sleep(delay)
            finally:
                process.kill()
            process.wait()
        assert process.returncode == -9, "the run ended before it was killed"

    def finish(self) -> str:
        done = subprocess.run(self.command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_in_every_stage_a_run_still_finishes_and_repeats_nothing(tmp_path: Path, runs: Path, seed: int) -> None:
    random_moment = random.Random(seed)
    drill = Drill(tmp_path, seed)
    for stage in STAGES:
        drill.kill_in(stage, random_moment.randrange(12), random_moment.uniform(0, 0.3))
        assert not (runs / "latest" / "report.json").exists()
    assert drill.finish() == "one:reused two:reused three:resumed"

    (folder,) = [path.parent for path in runs.glob("*/run.json") if path.parent.name != "latest"]
    assert (runs / "latest").resolve() == folder.resolve(), "one run id over all four attempts"
    journal = [(event["event"], event["stage"], event.get("status")) for event in events(folder)]
    for stage in STAGES:
        made = [i for i, (event, name, status) in enumerate(journal) if name == stage and status in ("ran", "resumed")]
        started = [i for i, (event, name, _) in enumerate(journal) if name == stage and event == "stage started"]
        assert len(made) == 1, journal
        assert len(started) == 2, "begun, killed, taken up"
        assert max(started) < made[0], "never started again once it was finished"
    assert len({event["pid"] for event in events(folder)}) == 4

    # A step between the log and the checkpoint may be cut; no other is done twice, and none is left out.
    counts = Counter(drill.steps())
    assert set(counts) == {f"{stage} {step}" for stage in STAGES for step in range(STEPS)}
    assert sum(counts.values()) - len(counts) <= len(STAGES)

    state = json.loads((folder / "run.json").read_text())
    assert (state["done"], state["finished"]) == (True, list(STAGES))
    report = json.loads((folder / "report.json").read_text())
    assert report["verdict"] == "passed"
    for stage in STAGES:
        assert artifacts.verify(artifacts.load(folder / stage))
    left = [path.name for path in (runs / "artifacts").iterdir() if not path.name.endswith(".lock")]
    assert len(left) == len(STAGES), "no .partial is left"
