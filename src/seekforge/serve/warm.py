"""Beginnings that are computed before the worker is ready, so that the first clients find them in the prefix cache."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from seekforge.core.errors import ConfigError
from seekforge.engines.protocol import Engine, Sampling
from seekforge.serve.schema import ChatMessage

Conversation = list[dict[str, Any]]
_ONE_TOKEN = Sampling(max_new_tokens=1)
_LINE = TypeAdapter(list[ChatMessage])


def read_warm(path: Path) -> list[Conversation]:
    """Reads JSON lines: a list of messages, or a text that is a system prompt. Empty lines are passed over.

    Raises:
        ConfigError: The file is missing or a line is neither.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read ({error})", where=str(path), mend="Give a file of JSON lines") from error
    return [_read(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


async def warm_up(engine: Engine, conversations: Sequence[Conversation], said: Callable[[str], None]) -> None:
    """Has the engine read each conversation once.

    Args:
        engine: What is to be warm.
        conversations: What it reads, in order.
        said: Told how far it is.

    Raises:
        InputError: The chat template refuses a conversation, or it is longer than the model's context.
        EngineError: The engine has failed.
    """
    for number, messages in enumerate(conversations):
        said(f"warming up: {number} of {len(conversations)}")
        async for _ in engine.stream(engine.encode(engine.render(messages)), _ONE_TOKEN):
            pass


def _read(line: str, where: str) -> Conversation:
    try:
        value = json.loads(line)
        if isinstance(value, str):
            # The user's turn differs from client to client; what stands before it is what they share.
            return [{"role": "system", "content": value}, {"role": "user", "content": "."}]
        messages = _LINE.validate_python(value)
    except (ValueError, RecursionError, ValidationError) as error:
        raise ConfigError(
            "neither a list of messages nor a text",
            where=where,
            mend='Write [{"role": "system", "content": "..."}, ...] or "a system prompt"',
        ) from error
    if not messages:
        raise ConfigError("an empty conversation", where=where, mend="Take the line out")
    return [message.to_dict() for message in messages]
