import re
from pathlib import Path
from typing import Any

import pytest

from seekforge.cli.app import app
from seekforge.serve.gateway import keyfile
from seekforge.serve.gateway.keys import FileKeys


def knows(key: str, file: str = "keys.jsonl") -> str | None:
    caller = FileKeys(Path(file), print).identify(f"Bearer {key}")
    return caller.id if caller else None


def test_the_key_is_all_that_is_printed(seekforge: Any, work: Path) -> None:
    made = seekforge("keys", "add", "--id", "team-a", "--scope", "chat", "--scope", "admin", "--expires", "90d")
    assert made.code == 0
    assert re.fullmatch(r"sk-sf-[\w-]{43}\n", made.out)
    assert "shown this once" in made.err
    assert knows(made.out.strip()) == "team-a"
    entry = keyfile.read(work / "keys.jsonl").entries[0]
    assert entry.scopes == ("chat", "admin")
    assert entry.expires is not None
    assert (entry.expires - entry.created).days == 90


def test_a_key_from_birth_to_death(seekforge: Any, work: Path) -> None:
    old = seekforge("keys", "add", "--file", "k", "--id", "a", "--tokens-per-minute", 20000).out.strip()
    new = seekforge("keys", "rotate", "a", "--file", "k", "--overlap", "1h").out.strip()
    assert (knows(old, "k"), knows(new, "k")) == ("a", "a")
    shown = seekforge("keys", "list", "--file", "k")
    assert shown.out.count("20000") == 2
    assert "sha256" not in shown.out
    assert old not in shown.out
    assert seekforge("keys", "rotate", "a", "--file", "k", "--overlap", "0m").code == 0
    assert (knows(old, "k"), knows(new, "k")) == (None, None)
    gone = seekforge("keys", "revoke", "a", "--file", "k")
    assert (gone.code, gone.err) == (0, "revoked 'a': 1 key\n")
    assert seekforge("keys", "list", "--file", "k").out == "k: no keys\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list",), "keys add --file keys.jsonl"),
        (("revoke", "a"), "cannot read"),
        (("rotate", "a"), "cannot read"),
        (("revoke", "a", "--file", "no/such/k"), "no such folder"),
        (("add", "--id", "a", "--scope", "chatt"), "'chat'"),
        (("add", "--id", "a b"), "id"),
        (("add", "--id", "anonymous"), "anonymous"),
        (("add", "--id", "a", "--expires", "soon"), "--expires: 'soon' is no time"),
        (("add", "--id", "a", "--expires", "999999w"), "is no time"),
        (("add", "--id", "a", "--expires", "2020-01-01"), "is over"),
        (("rotate", "a", "--overlap", "-1h"), "--overlap"),
    ],
)
def test_what_is_wrong_is_one_line(seekforge: Any, work: Path, arguments: tuple[str, ...], words: str) -> None:
    result = seekforge("keys", *arguments)
    assert result.code == 2
    assert words in result.error
    assert not (work / "keys.jsonl").exists()


def test_every_command_has_help_with_an_example(seekforge: Any) -> None:
    group = next(group for group in app.registered_groups if group.name == "keys")
    assert group.typer_instance is not None
    names = [command.name for command in group.typer_instance.registered_commands]
    assert names == ["add", "list", "revoke", "rotate"]
    assert "Example: seekforge keys add" in seekforge("keys", "--help").out
    for name in names:
        assert f"Example: seekforge keys {name}" in seekforge("keys", name, "--help").out
