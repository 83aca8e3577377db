"""A hundred and twenty thousand records need hardly more memory than twenty thousand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.data_scale import records

CHILD = """
import resource, sys
from pathlib import Path
from seekforge.core.config import DataConfig
from seekforge.data import Work, run_pipeline

if __name__ == "__main__":
    config = DataConfig.model_validate({"sources": [{"path": sys.argv[1]}]})
    result = run_pipeline(config, 7, None, Path(sys.argv[2]), Work(workers=1))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, len(result.splits), result.read)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    peaks = {}
    for count in (20_000, 120_000):
        source, folder = tmp_path / f"{count}.jsonl", tmp_path / f"out-{count}"
        folder.mkdir()
        source.write_text("".join(json.dumps(record) + "\n" for record in records(count, 7)), encoding="utf-8")
        command = [sys.executable, "-c", CHILD, str(source), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peak, kept, read = map(int, done.stdout.split())
        assert 0.7 * count < kept < 0.9 * count
        assert read == count
        peaks[count] = peak / 1024
    # A record of these takes 2 KB as objects. What grows are the mapped columns, which are the kernel's to take back.
    assert peaks[120_000] - peaks[20_000] < 150, peaks
