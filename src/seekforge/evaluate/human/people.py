"""Who takes part in a study, and how far each is."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from seekforge.core.errors import InputError
from seekforge.evaluate.human.model import Role

_NAME = re.compile(r"[\w][\w.@-]{0,63}")
_PREFIX = "rate-"


@dataclass(frozen=True, slots=True)
class Rater:
    """Somebody who may come in.

    Attributes:
        role: A `rater` gets items; a `lead` sees results and exports, which name the models, and gets none.
    """

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Share:
    """How far a rater is.

    Attributes:
        done: Items with a complete rating.
        open: Items still to rate.
        drafts: Of the open ones those with something said.
        passed: Items that others took over after a lease.
        seen: When the rater last asked or answered, seconds since 1970.
    """

    rater: str
    done: int
    open: int
    drafts: int
    passed: int
    seen: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a study is.

    Attributes:
        items: In all.
        finished: Items with as many complete ratings as each is to have.
        ratings: Complete ones.
        wanted: How many there are to be.
        shares: By rater.
    """

    items: int
    finished: int
    ratings: int
    wanted: int
    shares: tuple[Share, ...]


def check_name(name: str) -> None:
    """Can this name a rater?

    Raises:
        InputError: It cannot.
    """
    if not _NAME.fullmatch(name):
        mend = "1 to 64 letters, digits, `-`, `_`, `.` and `@`"
        raise InputError(f"'{name}' cannot name a rater", where="raters", mend=mend)


def new_token() -> str:
    """A fresh token: 192 random bits after `rate-`."""
    return _PREFIX + secrets.token_urlsafe(24)


def digest(token: str) -> str:
    """What the file holds of a token: its SHA-256, as so many random bits cannot be guessed however quick a hash is."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
