"""`seekforge evaluate`: one file a subcommand; without one a model is scored on a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

from seekforge.cli.evaluate import compare, contamination, harness, judge, parity, rate, score

if TYPE_CHECKING:
    from typer._click.core import Context


class _Group(TyperGroup):
    """`seekforge evaluate MODEL FILE` is `seekforge evaluate score MODEL FILE`."""

    default = "score"

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            _check_command(args[0], list(self.commands))
            args = [self.default, *args]
        return super().parse_args(ctx, args)


def _check_command(word: str, known: list[str]) -> None:
    """Refuses what is no model but nearly a command's name: it would be scored, with a message that misleads."""
    from difflib import get_close_matches
    from pathlib import Path

    from seekforge.core.errors import ConfigError

    close = get_close_matches(word, known, n=1, cutoff=0.75)
    if close and not Path(word).exists():
        raise ConfigError(f"no command and no model '{word}'", where="evaluate", mend=f"Did you mean '{close[0]}'?")


app = typer.Typer(cls=_Group, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Score a model on a file; the other commands compare, judge and prove.

    Example: seekforge evaluate demo examples/risk_desk/raw.jsonl --limit 50 --metric f1
    """


app.command(name="score")(score.command)
app.command(name="compare")(compare.command)
app.command(name="contamination")(contamination.command)
app.command(name="harness")(harness.command)
app.command(name="judge")(judge.command)
app.add_typer(rate.app, name="rate")
app.command(name="parity")(parity.command)
