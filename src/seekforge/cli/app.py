"""`seekforge`: the commands, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seekforge import __version__
from seekforge.cli import adapt, chat, compress, data, data_calibrate, doctor, engine, evaluate, keys, run, serve, train
from seekforge.core.errors import InputError, SeekforgeError

_INTERRUPTED = 130  # what typer makes of Ctrl-C

app = typer.Typer(
    name="seekforge",
    help="From raw domain text to a measured LLM endpoint. Start with: seekforge run recipes/risk_desk.yaml",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command(name="run")(run.command)
app.command(name="data")(data.command)
app.command(name="data-calibrate")(data_calibrate.command)
app.add_typer(adapt.app, name="adapt")
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="evaluate")
app.command(name="compress")(compress.command)
app.command(name="serve")(serve.command)
app.command(name="chat")(chat.command)
app.add_typer(engine.app, name="engine")
app.add_typer(keys.app, name="keys")
app.command(name="doctor")(doctor.command)


@app.callback(invoke_without_command=True)
def _global(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    if version:
        typer.echo(f"seekforge {__version__}")
        raise typer.Exit


def main() -> None:
    """Runs the command line; `--debug` anywhere shows the traceback in place of one line."""
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        app(args=arguments, standalone_mode=True)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            typer.echo("\nseekforge: stopped; the same command goes on from here", err=True)
        raise
    except Exception as error:
        if debug:
            raise
        named = error if isinstance(error, SeekforgeError) else _named(error)
        typer.echo(f"seekforge: {named}", err=True)
        sys.exit(named.exit_code)


def _named(error: Exception) -> SeekforgeError:
    """One of our errors for one that no command has foreseen: of a file or disk of the user's, or a fault of ours."""
    if isinstance(error, OSError):
        what = error.strerror or str(error) or type(error).__name__
        return InputError(what, where=str(error.filename or ""), mend="Check the path; --debug shows where it was met")
    if isinstance(error, ModuleNotFoundError) and error.name:
        return InputError(f"the package {error.name.partition('.')[0]} is not installed", mend="Install it with pip")
    mend = "This is a fault of seekforge: please report it with what --debug shows"
    return SeekforgeError(f"unexpected {type(error).__name__}: {error}", mend=mend)


if __name__ == "__main__":
    main()
