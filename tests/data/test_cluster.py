"""The data stage on a real local Ray with two processors: the bytes of one process, and its errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.data.test_engine import content, some

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from pathlib import Path
from seekforge.core.config import DataConfig
from seekforge.core.errors import SeekforgeError
from seekforge.data import Work, run_pipeline

if __name__ == "__main__":
    source, folder, cluster, by = sys.argv[1:]
    config = DataConfig.model_validate({"sources": [{"path": source}], "split": {"by": by or None}})
    try:
        run_pipeline(config, 7, None, Path(folder), Work(2 if cluster else 1, bool(cluster), 90))
    except SeekforgeError as error:
        sys.exit(str(error))
"""


def run(source: Path, folder: Path, cluster: str, by: str = "") -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path[1:]])}
    environment.pop("RAY_ADDRESS", None)
    command = [sys.executable, "-c", CHILD, str(source), str(folder), cluster, by]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_ray_makes_the_bytes_of_one_process(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    source = tmp_path / "raw.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in some(300)), encoding="utf-8")
    for name, cluster in (("alone", ""), ("ray", "yes")):
        done = run(source, tmp_path / name, cluster)
        assert done.returncode == 0, done.stderr
    assert content(tmp_path / "ray") == content(tmp_path / "alone")


@pytest.mark.slow
def test_an_error_of_a_task_is_the_same_line(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    source = tmp_path / "raw.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in some(300)), encoding="utf-8")
    alone, ray = (run(source, tmp_path / name, cluster, "user") for name, cluster in (("alone", ""), ("ray", "yes")))
    assert alone.returncode == ray.returncode == 1
    assert ray.stderr.splitlines()[-1] == alone.stderr.splitlines()[-1]
    assert "record raw-1: no field `user`. Known: bank" in ray.stderr
