"""The audit record: one line a hit, nobody's name, no word."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from seekforge.core.errors import ResourceError
from seekforge.serve.gateway.guard.audit import FILE, SALT, AuditLog, Event

EVENT = Event("req-1", "key-7", "output", "list.txt@0123", "line 12", "mask")


def records(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / FILE).read_text(encoding="utf-8").splitlines()]


def test_a_line_a_hit(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit", lambda: 1_700_000_000.25)
    log.write(EVENT)
    log.write(replace(EVENT, direction="input", source="input", rule="html", param="messages.0.content"))
    first, second = records(tmp_path / "audit")
    assert first == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "request": "req-1",
        "user": log.hashed("key-7"),
        "direction": "output",
        "source": "list.txt@0123",
        "rule": "line 12",
        "action": "mask",
    }
    assert second["param"] == "messages.0.content"
    assert "key-7" not in (tmp_path / "audit" / FILE).read_text(encoding="utf-8")


def test_only_the_owner_reads_it_and_the_key_stays(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "audit"
    first = AuditLog(folder)
    again = AuditLog(folder)
    assert first.hashed("u") == again.hashed("u") != first.hashed("v")
    assert AuditLog(tmp_path / "other").hashed("u") != first.hashed("u")
    for name in (SALT, FILE):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in folder.iterdir()} == {SALT, FILE}


def test_a_rotated_file_is_begun_anew(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.write(EVENT)
    (tmp_path / FILE).rename(tmp_path / "old.jsonl")
    log.write(EVENT)
    assert len(records(tmp_path)) == 1


def test_what_cannot_be_written_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ResourceError, match="cannot be written"):
        AuditLog(tmp_path / "file")
    log = AuditLog(tmp_path / "audit")
    monkeypatch.setattr(os, "write", lambda descriptor, data: 3)
    with pytest.raises(OSError, match="in part"):
        log.write(EVENT)


def test_a_damaged_key_is_not_used(tmp_path: Path) -> None:
    (tmp_path / SALT).write_bytes(b"short")
    with pytest.raises(ResourceError, match="damaged"):
        AuditLog(tmp_path)
