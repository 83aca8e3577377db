"""`seekforge keys`: make, show, renew and take away the gateway's API keys."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seekforge.core.errors import InputError

if TYPE_CHECKING:
    from seekforge.core.config import KeyEntry

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_File = Annotated[Path, typer.Option(help="The key file.")]
_Id = Annotated[str, typer.Argument(metavar="ID", help="Whose key.")]
_DEFAULT = Path("keys.jsonl")


@app.callback()
def _group() -> None:
    """Make, show, renew and take away the gateway's API keys.

    The file holds hashes; a key is shown once, when it is made. A running gateway follows the file within two seconds.

    Example: seekforge keys add --id team-a --requests-per-minute 60
    """


@app.command(name="add")
def add(
    name: Annotated[str, typer.Option("--id", help="Who it is for: letters, digits, `-`, `_` and `.`.")],
    file: _File = _DEFAULT,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="chat, embeddings, feedback (these three by default), metrics or admin; may be repeated."),
    ] = None,
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="By default no limit.")] = None,
    tokens_per_minute: Annotated[int | None, typer.Option(min=1, help="By default no limit.")] = None,
    expires: Annotated[str | None, typer.Option(help="30m, 12h, 90d, 4w or 2027-01-31; by default never.")] = None,
    note: Annotated[str, typer.Option(help="For people.")] = "",
) -> None:
    """Make a key and print it: only now, as the file keeps its hash. Makes the file, readable by you only.

    Example: seekforge keys add --file keys.jsonl --id team-a --scope chat --tokens-per-minute 20000 --expires 90d
    """
    from seekforge.core.config import KeyEntry, validate
    from seekforge.serve.gateway import keyfile

    now = _now()
    given = {
        "id": name,
        "scopes": scope or None,
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "expires": _end(expires, now),
        "note": note,
        "created": now,
    }
    fields = {field: value for field, value in given.items() if value is not None}
    typer.echo(keyfile.add(file, lambda fresh: validate(KeyEntry, {**fields, "hash": fresh}, "keys add")))
    typer.echo(f"'{name}' is in {file}. Keep the key now: it is shown this once.", err=True)


@app.command(name="list")
def list_keys(file: _File = _DEFAULT) -> None:
    """Show who has a key and what for; the keys themselves stand nowhere.

    Example: seekforge keys list --file keys.jsonl
    """
    from seekforge.cli.show import table
    from seekforge.serve.gateway import keyfile

    now = _now()
    columns = ("id", "scopes", "requests/min", "tokens/min", "created", "expires", "note")
    rows = [_row(entry, now) for entry in keyfile.read(file).entries]
    typer.echo(table(str(file), columns, rows, numbers=(2, 3)) if rows else f"{file}: no keys")


@app.command(name="revoke")
def revoke(name: _Id, file: _File = _DEFAULT) -> None:
    """Take a key away for good; a running gateway refuses it within two seconds.

    Example: seekforge keys revoke team-a --file keys.jsonl
    """
    from seekforge.serve.gateway import keyfile

    count = keyfile.revoke(file, name)
    typer.echo(f"revoked '{name}': {count} key{'s' if count > 1 else ''}", err=True)


@app.command(name="rotate")
def rotate(
    name: _Id,
    file: _File = _DEFAULT,
    overlap: Annotated[str, typer.Option(help="How long the old key stays valid: 0m, 30m, 12h, 7d.")] = "24h",
    expires: Annotated[str | None, typer.Option(help="The new key's end; by default the old one's.")] = None,
) -> None:
    """Give an id a new key and print it. Both are valid until the overlap ends; scopes and limits stay.

    Example: seekforge keys rotate team-a --overlap 7d
    """
    from seekforge.serve.gateway import keyfile

    now = _now()
    span = _span(overlap)
    if span is None:
        raise InputError(f"'{overlap}' is no time", where="--overlap", mend="Write 30m, 12h or 7d")
    typer.echo(keyfile.rotate(file, name, span, now, _end(expires, now)))
    typer.echo(f"the old key of '{name}' ends at {_moment(now + span)}. Keep the new one now.", err=True)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _span(text: str) -> timedelta | None:
    match = re.fullmatch(r"(\d{1,5})([mhdw])", text.strip())
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def _end(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    span = _span(text)
    try:
        end = now + span if span is not None else datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"'{text}' is no time", where="--expires", mend="Write 12h, 90d or 2027-01-31") from error
    end = end.replace(tzinfo=UTC) if end.tzinfo is None else end
    if end <= now:
        raise InputError(f"{text} is over", where="--expires", mend="Name a time that is to come")
    return end


def _moment(time: datetime | None) -> str:
    return "never" if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")


def _row(entry: KeyEntry, now: datetime) -> tuple[str, ...]:
    over = " (over)" if entry.expires is not None and entry.expires <= now else ""
    limits = [str(limit or "none") for limit in (entry.requests_per_minute, entry.tokens_per_minute)]
    created, expires = _moment(entry.created), _moment(entry.expires) + over
    return (entry.id, ", ".join(entry.scopes), *limits, created, expires, entry.note)
