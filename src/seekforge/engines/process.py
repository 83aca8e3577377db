"""An engine in a process of its own, for what is measured: whatever this process has done before does not slow it down.

At the end of a whole run `transformers` gave 152 tokens/s within the process that had trained, in one of its own 179.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from seekforge.core.errors import EngineError
from seekforge.core.parents import die_with
from seekforge.engines.protocol import Generation, Generator, Messages, Sampling

_Found = TypeVar("_Found")
_STOP_SECONDS = 10.0


class EngineProcess:
    """A `Generator` whose every call is made in a child process.

    Args:
        make: Makes the engine there; a function of a module, or a `partial` of one, as it is pickled.

    Raises:
        SeekforgeError: What `make` raised there.
        EngineError: The process ended.
    """

    def __init__(self, make: Callable[[], Generator]) -> None:
        context = get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_answer, args=(theirs, make, os.getpid()), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._name = str(self._heard())
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """The engine's."""
        return self._name

    def render(self, messages: Messages) -> str:
        """As `Generator.render`."""
        return str(self._call("render", messages))

    def encode(self, text: str) -> list[int]:
        """As `Generator.encode`."""
        return list(self._call("encode", text))

    def decode(self, token_ids: Sequence[int]) -> str:
        """As `Generator.decode`."""
        return str(self._call("decode", token_ids))

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        """As `Generator.generate`."""
        return list(self._call("generate", prompts, sampling))

    def close(self) -> None:
        """Ends the process."""
        self._line.close()
        self._process.join(_STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _call(self, method: str, *arguments: object) -> Any:  # noqa: ANN401  whatever the method gives
        try:
            self._line.send((method, arguments))
        except OSError as error:
            raise self._ended() from error
        return self._heard()

    def _heard(self) -> Any:  # noqa: ANN401
        try:
            found, error = self._line.recv()
        except (EOFError, OSError) as gone:
            raise self._ended() from gone
        if error is not None:
            raise error
        return found

    def _ended(self) -> EngineError:
        self._process.join(_STOP_SECONDS)
        how = f"exit code {self._process.exitcode}"
        return EngineError(f"the process of the engine ended ({how})", mend="See whether the machine has memory left")


def _answer(line: Connection, make: Callable[[], Generator], parent: int) -> None:
    """The child: one call after the other until nobody asks any more."""
    die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the parent's to handle; it closes this process
    engine, error = _tried(make)
    line.send((engine.name if engine else None, error))
    if engine is None:
        return
    while True:
        try:
            method, arguments = line.recv()
        except EOFError:
            break
        line.send(_tried(partial(getattr(engine, method), *arguments)))
    engine.close()


def _tried(call: Callable[[], _Found]) -> tuple[_Found | None, Exception | None]:
    """What a call gave or what it raised, whatever that is: it is raised again in the process that asked."""
    try:
        return call(), None
    except Exception as error:
        return None, error
