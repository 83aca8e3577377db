"""`docs/cli.md` from the command line itself: `python -m tests.docs.cli_reference` writes it, `--check` compares."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from typer.main import get_command

from seekforge.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
_HEAD = """\
# The command line

Made by `make docs` from the commands themselves; `make check` fails when it is not current.

"""
_TAIL = """\
## Everywhere

`--help` shows a command's help. `--debug`, anywhere on the line, shows the traceback in place of one line.

| exit code | meaning |
| ---: | --- |
| 0 | done; for `seekforge run`, every gate passed |
| 1 | something failed that is not the input's fault |
| 2 | bad input: a recipe, an option, a data file, a model, or a machine without what is needed |
| 3 | `seekforge run`, `seekforge evaluate contamination`, `harness` and `parity`: a gate failed |
| 130 | stopped by Ctrl-C |

| environment variable | meaning | default |
| --- | --- | --- |
| `SEEKFORGE_RUNS` | where runs and artifacts go | `./runs` |
| `SEEKFORGE_CACHE` | where converted models and installed engines are kept | `~/.cache/seekforge` |
| `MLFLOW_TRACKING_URI` | where runs and models are registered | SQLite in the runs folder |
"""


def render() -> str:
    """The whole page."""
    group: Any = get_command(app)
    commands: dict[str, Any] = group.commands
    contents = [f"- [`seekforge {name}`](#seekforge-{name}): {_first(command)}" for name, command in commands.items()]
    sections = [section for name, command in commands.items() for section in _section(name, command)]
    return _HEAD + "\n".join([*contents, "", *sections]) + _TAIL


def _section(name: str, command: Any) -> Iterator[str]:
    title = f"seekforge {name}"
    context = command.make_context(title, [], resilient_parsing=True)
    yield from (f"## {title}", "")
    for paragraph in _paragraphs(command):
        is_example = paragraph.startswith("Example: ")
        yield f"```sh\n{paragraph.removeprefix('Example: ')}\n```" if is_example else paragraph
        yield ""
    yield from (f"Usage: `{' '.join(context.get_usage().removeprefix('Usage:').split())}`", "")
    records = [parameter.get_help_record(context) for parameter in command.params]
    rows = [f"| `{_cell(record[0])}` | {_cell(record[1])} |" for record in records if record is not None]
    if rows:
        yield from ("| argument or option | meaning |", "| --- | --- |", *rows, "")
    for inner, part in getattr(command, "commands", {}).items():
        yield from _section(f"{name} {inner}", part)


def _paragraphs(command: Any) -> list[str]:
    return [" ".join(part.split()) for part in (command.help or "").split("\n\n") if part.strip()]


def _first(command: Any) -> str:
    """The first sentence of a command's help."""
    return _paragraphs(command)[0].split(". ")[0].rstrip(".")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page, or says in one line that it is not current; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.cli_reference", description="Write docs/cli.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the page is not current")
    parser.add_argument("--path", type=Path, default=ROOT / "docs" / "cli.md", help="the page")
    options = parser.parse_args(arguments)
    page = render()
    if not options.check:
        options.path.write_text(page, encoding="utf-8")
        return 0
    if options.path.is_file() and options.path.read_text(encoding="utf-8") == page:
        return 0
    sys.stderr.write(f"{options.path}: not current. Run `make docs`.\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
