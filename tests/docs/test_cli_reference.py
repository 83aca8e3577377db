"""`docs/cli.md` says what the command line says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _reference(*arguments: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.docs.cli_reference", *arguments]
    environment = {**os.environ, "COLUMNS": str(columns)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)


def test_page_is_current_whatever_the_terminal() -> None:
    done = _reference("--check", columns=37)
    assert (done.returncode, done.stderr) == (0, "")


def test_stale_page_is_one_line_and_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "cli.md"
    page.write_text("old", encoding="utf-8")
    done = _reference("--check", "--path", str(page))
    assert done.returncode == 1
    assert done.stderr == f"{page}: not current. Run `make docs`.\n"
    assert page.read_text(encoding="utf-8") == "old"
    assert _reference("--path", str(page)).returncode == 0
    assert _reference("--check", "--path", str(page)).returncode == 0
