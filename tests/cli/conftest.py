"""The command line, called in this process, and small files to call it on."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from seekforge.cli.app import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on standard error; anything else there is a failure."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("seekforge: ")
        return lines[0].removeprefix("seekforge: ")


Seekforge = Callable[..., Result]


@pytest.fixture
def seekforge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Seekforge:
    """Runs `seekforge ARGUMENTS`."""

    def call(*arguments: object) -> Result:
        monkeypatch.setattr("sys.argv", ["seekforge", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        shown = capsys.readouterr()
        return Result(caught.value.code if isinstance(caught.value.code, int) else 1, shown.out, shown.err)

    return call


@pytest.fixture
def registry(runs: Path, mlflow_database: Path) -> Path:
    """The runs folder with MLflow's empty tables in it."""
    runs.mkdir()
    shutil.copy(mlflow_database, runs / "mlflow.db")
    return runs


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def good(work: Path) -> Path:
    """Forty good records."""
    rows: list[object] = [
        {"instruction": f"Question {i} about {word}?", "output": f"Answer {i}", "label": "A"}
        for i, word in enumerate(WORDS)
    ]
    return write(work / "good.jsonl", rows)


WORDS = [
    f"{a}{b}"
    for a in ("loan", "card", "fee", "wire", "cheque")
    for b in ("ing", "ers", "less", "wise", "ful", "ly", "able", "ness")
]


def write(path: Path, rows: list[object]) -> Path:
    """JSON lines; a row that is text is written as it is."""
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
