"""The one error tree. A user sees `str(error)`: one line with what, where and the mend."""

from functools import partial
from typing import Any

TRY_AGAIN = "Run the same command again: it goes on from the last checkpoint"  # the mend of what a training died of


class SeekforgeError(Exception):
    """Base of every error that seekforge raises on purpose.

    Args:
        what: What is wrong, in a few words.
        where: File, line, key or address that it is about.
        mend: What the user can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what, self.where, self.mend = what, where, mend
        super().__init__(what, where, mend)

    def __reduce__(self) -> tuple[Any, ...]:
        """Processes that work together send each other their errors."""
        return partial(type(self), where=self.where, mend=self.mend), (self.what,)

    def __str__(self) -> str:
        """One line: `where: what. mend.`."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        stop = "" if head.endswith((".", "?", "!")) else "."  # what a library says may be a sentence already
        text = f"{head}{stop} {self.mend}" if self.mend else head
        return " ".join(text.split())


class InputError(SeekforgeError):
    """What the user gave cannot be used; nothing was written."""

    exit_code = 2


class ConfigError(InputError):
    """A recipe, an option or a configuration file is wrong."""


class DataError(InputError):
    """A data file or one of its records is wrong."""


class ModelError(InputError):
    """A model reference does not lead to a usable model."""


class ResourceError(InputError):
    """The machine lacks what is needed: disk, memory, a free port."""


class GateError(SeekforgeError):
    """A promise was measured and not kept."""

    exit_code = 3


class EngineError(SeekforgeError):
    """An engine failed to start or to answer."""
