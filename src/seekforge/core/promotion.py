"""Models that a later check found wanting: they do not become champion, whatever the gates of their run said."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from seekforge.core.files import disk_errors, read_json, write_json

_FOLDER = "withheld"


def withhold(runs: Path, content_hash: str, why: str, how: str) -> None:
    """Keeps an artifact from being promoted.

    Args:
        runs: Where all runs lie.
        content_hash: The compress artifact's.
        why: For people.
        how: The command that found it.
    """
    path = _path(runs, content_hash)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(path, {"content_hash": content_hash, "why": why, "how": how, "at": now})


def release(runs: Path, content_hash: str) -> None:
    """Takes that back, once the same check has passed."""
    _path(runs, content_hash).unlink(missing_ok=True)


def withheld(runs: Path, content_hash: str) -> str:
    """Why an artifact may not be promoted; empty where it may."""
    path = _path(runs, content_hash)
    return str(read_json(path)["why"]) if path.is_file() else ""


def _path(runs: Path, content_hash: str) -> Path:
    return runs / _FOLDER / f"{content_hash[:16]}.json"
