"""Documents that execute: quoted commands parse, links lead to files, docstring examples run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from seekforge.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    path
    for path in (
        *(ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "examples").glob("*/README.md")),
    )
    if path.is_file()
]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_COMMAND = re.compile(r"(?:\$ )?(?:[\w./-]*/)?seekforge +(?=[-a-z])(.*)")
_MAKE = re.compile(r"(?:^|&& )make ([a-z][a-z-]*)$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEAVY = ("datasets", "mlflow", "openvino", "openvino_genai", "peft", "torch", "transformers", "trl")


def _group() -> Any:
    return get_command(app)  # built once: see tests/conftest.py


def _named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _lines(page: Path) -> Iterator[str]:
    """Lines of shell blocks, continuations joined, and code spans: wherever a command may stand."""
    text = page.read_text(encoding="utf-8")
    for language, block in _FENCE.findall(text):
        if language in {"sh", "bash", "console"}:
            yield from (line.strip() for line in block.replace("\\\n", " ").splitlines())
    for span in _SPAN.findall(_FENCE.sub("", text)):
        if "[OPTIONS]" not in span:  # a usage line
            yield f"{span} --help" if _is_name(span) else span


def _is_name(span: str) -> bool:
    """`seekforge train` or `seekforge train search`: a command is spoken of, not called."""
    group = _group()
    tool, *names = span.split()
    if tool != "seekforge" or not names:
        return False
    return len(names) == 1 or (len(names) == 2 and names[1] in getattr(group.commands.get(names[0]), "commands", {}))


def _commands(page: Path) -> list[str]:
    parts = (part.strip() for line in _lines(page) for part in line.split(" && "))
    return [match[1] for part in parts if (match := _COMMAND.fullmatch(part.partition(" # ")[0].rstrip()))]


def _parse(arguments: list[str]) -> None:
    """Has the real parser read the command; nothing runs.

    Raises:
        Exception: The command or one of its options does not exist, or a value is missing or of the wrong kind.
    """
    group = _group()
    rest = [argument for argument in arguments if argument not in {"--debug", "--help"}]
    if not rest or rest == ["--version"]:
        return
    resilient = "--help" in arguments  # then what is required may be missing
    command = group
    while rest and hasattr(command, "commands"):  # `keys add`
        if command.invoke_without_command and rest[0].startswith("-"):  # `train --epochs 1`, beside `train search`
            break
        default = getattr(command, "default", None)  # `evaluate MODEL FILE`
        name = default if default and rest[0] not in command.commands else rest.pop(0)
        if name not in command.commands:
            raise LookupError(f"no command '{name}'")
        command = command.commands[name]
    command.make_context(arguments[0], rest, resilient_parsing=resilient)


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_quoted_commands_parse(page: Path) -> None:
    for command in _commands(page):
        try:
            words = shlex.split(command)
            _parse(words)
        except Exception as error:
            pytest.fail(f"seekforge {command}: {getattr(error, 'message', error)}")
        missing = [word for word in words if word.startswith("recipes/") and not (ROOT / word).is_file()]
        assert not missing, f"seekforge {command}: no such recipe"


def test_commands_are_found_and_wrong_ones_are_refused() -> None:
    assert sum(len(_commands(page)) for page in PAGES) > 20
    with pytest.raises(LookupError):
        _parse(["drill", "kill-active"])
    with pytest.raises(LookupError):
        _parse(["keys", "lend", "team-a"])
    with pytest.raises(Exception, match="no-such-option"):
        _parse(["keys", "revoke", "team-a", "--no-such-option"])
    with pytest.raises(Exception, match="no-such-option"):
        _parse(["run", "recipes/risk_desk.yaml", "--no-such-option"])
    with pytest.raises(Exception, match=r"(?i)missing"):
        _parse(["chat"])


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_quoted_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    quoted = {name for line in _lines(page) for name in _MAKE.findall(line)}
    assert quoted <= targets


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_relative_links_lead_to_files(page: Path) -> None:
    text = _SPAN.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    links = [link.partition("#")[0] for link in _LINK.findall(text) if "://" not in link]
    broken = [link for link in links if link and not (page.parent / link).exists()]
    assert not broken


def test_docstring_examples_run() -> None:
    """In a process where heavy libraries cannot be imported: modules that need them are passed over, not waited for."""
    modules = [
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((ROOT / "src").rglob("*.py"))
        if ">>>" in path.read_text(encoding="utf-8")
    ]
    done = subprocess.run(
        [sys.executable, "-c", _DOCTESTS, *_HEAVY, "--", *modules],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    attempted: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    assert sum(attempted.values()) > 10
    assert set(modules) >= attempted.keys()


_DOCTESTS = """
import doctest, importlib, json, sys

at = sys.argv.index("--")
heavy, modules = sys.argv[1:at], sys.argv[at + 1:]


class Blocked(ImportError):
    pass


class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in heavy:
            raise Blocked(name)


sys.meta_path.insert(0, Block())
attempted, failed = {}, 0
for name in modules:
    try:
        module = importlib.import_module(name)
    except Blocked:
        continue
    result = doctest.testmod(module)
    attempted[name] = result.attempted
    failed += result.failed
print(json.dumps(attempted))
sys.exit(failed > 0)
"""
