import hashlib
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.patience import LONG

from seekforge.core.config import KeyEntry
from seekforge.core.errors import ConfigError, InputError
from seekforge.serve.gateway import keyfile
from seekforge.serve.gateway.keys import FileKeys
from seekforge.serve.gateway.seams import KeyRing

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self, start: float = 0.0) -> None:
        self.time = start

    def __call__(self) -> float:
        return self.time


def entry(name: str, **fields: Any) -> Callable[[str], KeyEntry]:
    return lambda fresh: KeyEntry.model_validate({"id": name, "hash": fresh, "created": NOW, **fields})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.jsonl"


class Ring:
    """A ring with clocks in hand."""

    def __init__(self, path: Path) -> None:
        self.lines: list[str] = []
        self.clock, self.now = Clock(), Clock(NOW.timestamp())
        self.keys = FileKeys(path, self.lines.append, self.clock, self.now)

    def who(self, key: str, *, later: float = 0.0) -> str | None:
        self.clock.time += later
        caller = self.keys.identify(f"Bearer {key}")
        return caller.id if caller else None


def test_a_key_is_256_random_bits_and_stands_nowhere(path: Path) -> None:
    key = keyfile.add(path, entry("a"))
    assert key.startswith("sk-sf-")
    assert len(key) == len("sk-sf-") + 43
    text = path.read_text(encoding="utf-8")
    assert key not in text
    assert key[6:] not in text
    assert f"sha256:{hashlib.sha256(key.encode()).hexdigest()}" in text
    assert keyfile.add(path, entry("b")) != key


def test_the_file_is_private_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        keyfile.add(path, entry("a"))
        keyfile.add(path, entry("b"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name(".keys.jsonl.lock").stat().st_mode) == 0o600


def test_who_it_is(path: Path) -> None:
    key = keyfile.add(path, entry("a", scopes=("chat", "admin"), requests_per_minute=5, tokens_per_minute=100))
    keys: KeyRing = FileKeys(path, print)
    caller = keys.identify(f"Bearer {key}")
    assert caller is not None
    assert (caller.id, caller.scopes) == ("a", frozenset({"chat", "admin"}))
    assert (caller.requests_per_minute, caller.tokens_per_minute) == (5, 100)
    assert keys.identify(f"bearer  {key} ") == caller, "RFC 9110: the scheme's case does not matter"


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic KEY", "KEY", "Bearer KEYx", "Bearer x", "Bearer \udc80é"]
)
def test_nobody(path: Path, header: str | None) -> None:
    key = keyfile.add(path, entry("a"))
    ring = FileKeys(path, print)
    assert ring.identify(None if header is None else header.replace("KEY", key)) is None
    hashed = keyfile.read(path).entries[0].hash
    assert ring.identify(f"Bearer {hashed}") is None
    assert ring.identify(f"Bearer {hashed.removeprefix('sha256:')}") is None


def test_a_key_ends_when_it_expires(path: Path) -> None:
    key = keyfile.add(path, entry("a", expires=NOW + timedelta(seconds=10)))
    ring = Ring(path)
    ring.now.time += 9.9
    assert ring.who(key) == "a"
    ring.now.time += 0.1
    assert ring.who(key) is None


def test_changes_are_followed_within_a_second_and_the_file_is_not_asked_more_often(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = keyfile.add(path, entry("a"))
    ring = Ring(path)
    looks: list[Any] = []
    real = os.stat

    def watched(path: Any, **options: Any) -> os.stat_result:
        looks.append(path)
        return real(path, **options)

    monkeypatch.setattr(os, "stat", watched)
    second = keyfile.add(path, entry("b"))
    keyfile.revoke(path, "a")
    looks.clear()
    for _ in range(100):
        assert ring.who(first) == "a"
        assert ring.who(second) is None
    assert looks == []
    assert ring.who(first, later=1.0) is None
    assert ring.who(second) == "b"
    assert looks.count(path) == 1
    assert ring.lines == [f"{path}: 1 keys in force"]


def test_the_last_key_can_be_revoked(path: Path) -> None:
    key = keyfile.add(path, entry("a"))
    ring = Ring(path)
    assert keyfile.revoke(path, "a") == 1
    assert ring.who(key, later=1) is None
    assert ring.keys.problem == ""


GOOD = '{"id": "b", "hash": "sha256:' + "0" * 64 + '", "created": "2026-01-01T00:00:00Z"}'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("{", ":1: not a JSON object"),
        (f"{GOOD}\n[]", ":2: not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        (GOOD.replace('"id"', '"ids"'), "unknown key 'ids'; did you mean 'id'?"),
        (GOOD.replace("sha256:0", "sha256:Z"), "hash"),
        (GOOD.replace('"b"', '"anonymous"'), "anonymous"),
        (GOOD.replace("Z", ""), "created"),
        (f"{GOOD}\n{GOOD}", "stands here twice"),
        ("\udcff", "not UTF-8"),
        (None, "cannot read"),
    ],
)
def test_a_broken_file_locks_nobody_out_and_lets_nobody_in(path: Path, text: str | None, problem: str) -> None:
    key = keyfile.add(path, entry("a"))
    ring = Ring(path)
    path.unlink()
    if text is not None:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        path.chmod(0o600)
    for _ in range(3):
        assert ring.who(key, later=1) == "a"
        assert ring.who("x") is None
    assert problem in ring.keys.problem
    assert len(ring.lines) == 1, "said once, not every second"
    with pytest.raises(ConfigError, match=r".") as caught:
        FileKeys(path, print)
    assert problem in str(caught.value)
    path.unlink(missing_ok=True)
    fresh = keyfile.add(path, entry("c"))
    assert ring.who(key, later=1) is None
    assert ring.who(fresh) == "c"
    assert ring.keys.problem == ""


def test_a_file_that_others_may_write_is_refused_and_one_they_may_read_is_reported(path: Path) -> None:
    key = keyfile.add(path, entry("a"))
    lines: list[str] = []
    path.chmod(0o644)
    FileKeys(path, lines.append)
    assert len(lines) == 1
    assert f"chmod 600 {path}" in lines[0]
    for mode in (0o620, 0o602):
        path.chmod(mode)
        with pytest.raises(ConfigError, match="may write"):
            FileKeys(path, lines.append)
    path.chmod(0o600)
    ring = Ring(path)
    path.chmod(0o666)
    assert ring.who(key, later=1) == "a"
    assert "may write" in ring.keys.problem
    path.chmod(0o600)
    assert ring.who(key, later=1) == "a"
    assert ring.keys.problem == ""


def test_rotation_has_an_overlap(path: Path) -> None:
    old = keyfile.add(path, entry("a", scopes=("chat",), tokens_per_minute=7))
    new = keyfile.rotate(path, "a", timedelta(hours=1), NOW)
    ring = Ring(path)
    assert (ring.who(old), ring.who(new)) == ("a", "a")
    assert {(e.scopes, e.tokens_per_minute) for e in keyfile.read(path).entries} == {(("chat",), 7)}
    ring.now.time += 3600
    assert (ring.who(old), ring.who(new)) == (None, "a")
    assert keyfile.read(path).entries[-1].expires is None, "made in the second in which the old one was"
    newest = keyfile.rotate(path, "a", timedelta(0), NOW + timedelta(hours=2))
    assert len(keyfile.read(path).entries) == 1, "what is over is cleared away"
    assert (ring.who(old, later=1), ring.who(new), ring.who(newest)) == (None, None, "a")
    assert keyfile.revoke(path, "a") == 1


def test_an_overlap_never_prolongs_an_end(path: Path) -> None:
    keyfile.add(path, entry("a", expires=NOW + timedelta(minutes=1)))
    keyfile.rotate(path, "a", timedelta(days=1), NOW, NOW + timedelta(days=9))
    ends = [e.expires for e in keyfile.read(path).entries]
    assert ends == [NOW + timedelta(minutes=1), NOW + timedelta(days=9)]
    with pytest.raises(InputError, match="has expired"):
        keyfile.rotate(path, "a", timedelta(0), NOW + timedelta(days=10))
    assert len(keyfile.read(path).entries) == 2


def test_comments_and_hand_written_lines_stay(path: Path) -> None:
    path.write_text(f"# ours\n\n{GOOD}\n# more\n", encoding="utf-8")
    keyfile.add(path, entry("a", note="für 团队"))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["# ours", "# more"]
    assert '"note": "für 团队"' in lines[3]
    assert [e.id for e in keyfile.read(path).entries] == ["b", "a"]


def test_a_link_to_the_file_stays_one(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    keyfile.add(real / "k", entry("a"))
    path.symlink_to(real / "k")
    keyfile.add(path, entry("b"))
    assert path.is_symlink()
    assert len(keyfile.read(real / "k").entries) == 2


def test_ids(path: Path) -> None:
    keyfile.add(path, entry("team-a"))
    with pytest.raises(InputError, match="already"):
        keyfile.add(path, entry("team-a"))
    for change in (lambda: keyfile.revoke(path, "team-b"), lambda: keyfile.rotate(path, "team-b", timedelta(0), NOW)):
        with pytest.raises(InputError, match="did you mean 'team-a'"):
            change()


def test_threads_and_processes_change_the_file_in_turn(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import *; from seekforge.core.config import KeyEntry\n"
        "from seekforge.serve.gateway import keyfile\n"
        "for i in range(10):\n"
        "    keyfile.add(Path(sys.argv[1]), lambda h: KeyEntry(id=f'{sys.argv[2]}-{i}', hash=h, created="
        "datetime.now(UTC)))\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(path), f"p{n}"]) for n in range(3)]
    threads = [
        threading.Thread(target=lambda n=n: [keyfile.add(path, entry(f"t{n}-{i}")) for i in range(10)])
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [child.wait(LONG) for child in children] == [0, 0, 0]
    assert len({e.id for e in keyfile.read(path).entries}) == 60
    assert {p.name for p in path.parent.iterdir()} >= {"keys.jsonl", ".keys.jsonl.lock"}
    assert not [p for p in path.parent.iterdir() if p.name not in {"keys.jsonl", ".keys.jsonl.lock", "runs"}]
