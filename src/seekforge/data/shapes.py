"""From one row of a file to a `Record`: Alpaca, ShareGPT and OpenAI `messages`, and every way a row can be wrong.

Sources of the shapes: Stanford Alpaca (`instruction`, `input`, `output`), ShareGPT as LLaMA-Factory reads it
(`conversations` of `from` and `value`, an optional `system`), the OpenAI chat API (`messages` of `role` and `content`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from seekforge.core.config import DataConfig
from seekforge.core.errors import DataError
from seekforge.core.records import Message, Record
from seekforge.core.registry import nearest
from seekforge.data.order import SPLITS

MESSAGES, SHAREGPT, ALPACA = "messages", "sharegpt", "alpaca"
_KEYS = {MESSAGES: ("messages",), SHAREGPT: ("conversations",), ALPACA: ("instruction", "output")}
_CONSUMED = {
    MESSAGES: {"id", "messages"},
    SHAREGPT: {"id", "conversations", "system"},
    ALPACA: {"id", "instruction", "input", "output", "system"},
}
_SHAPES_TEXT = "Give `instruction` and `output` (alpaca), `conversations` (sharegpt) or `messages`"
_ROLES = {
    MESSAGES: {"system": "system", "user": "user", "assistant": "assistant"},
    SHAREGPT: {"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"},
}
_TURN_KEYS = {MESSAGES: ("role", "content"), SHAREGPT: ("from", "value")}
# JSON may escape half of a surrogate pair; only then is the costly look at the whole value needed.
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def detect(keys: Mapping[str, Any]) -> str | None:
    """The shape that a row's keys speak for, or None."""
    return next((shape for shape, needed in _KEYS.items() if any(key in keys for key in needed)), None)


def settle(row: Mapping[str, Any], shape: str | None, where: str) -> str:
    """The shape of this row, which is the file's shape once that is known.

    Raises:
        DataError: The row has no known shape or another one than the file.
    """
    found = detect(row)
    if shape is None or found is None:
        if found is None:
            raise DataError(f"no known record shape: the fields are {_names(row)}", where=where, mend=_SHAPES_TEXT)
        return found
    if not any(key in row for key in _KEYS[shape]):
        raise DataError(f"this record is {found}, but the file is {shape}", where=where, mend="Keep one shape a file")
    return shape


def to_record(row: Mapping[str, Any], shape: str, where: str, fallback_id: str, config: DataConfig) -> Record:
    """One row as a record.

    Args:
        row: The fields of the row.
        shape: `alpaca`, `sharegpt` or `messages`.
        where: `path:line`, for errors.
        fallback_id: The id of a row that has none.
        config: Says which labels there are, the system line and the split column.

    Raises:
        DataError: The conversation, the label, the id or the split cannot be used.
    """
    messages = _alpaca(row, where) if shape == ALPACA else _turns(row, shape, where)
    if config.system and all(message.role != "system" for message in messages):
        messages = (Message("system", config.system), *messages)
    _check_conversation(messages, where)
    label = _label(row.get(config.label_field), config, where)
    consumed = _CONSUMED[shape] | ({config.label_field} if label is not None else set())
    meta = {key: value for key, value in row.items() if key not in consumed}
    split = _split(row, config.split.column, where) if config.split.column else None
    return Record(_id(row.get("id"), fallback_id, where), messages, label, split, meta)


def parse_json(text: str, where: str) -> Any:  # noqa: ANN401  JSON is any of its types
    """Reads JSON that can be written again as UTF-8.

    Raises:
        DataError: The text is no JSON, or holds half of a surrogate pair.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        mend = (
            "Write one JSON object a line, not an array" if text.lstrip().startswith("[") else "Mend or remove the line"
        )
        raise DataError(f"not JSON: {_problem(error)}", where=where, mend=mend) from error
    if _SURROGATE_ESCAPE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"a lone surrogate, \\u{ord(error.object[error.start]):04x}, is no text",
                where=where,
                mend="Write the whole surrogate pair or remove it",
            ) from error
    return value


def _alpaca(row: Mapping[str, Any], where: str) -> tuple[Message, ...]:
    system, *asked = (_optional(row, key, where) for key in ("system", "instruction", "input"))
    if row.get("output") is None:
        raise DataError("no answer: `output` is missing", where=where, mend="Give every record its answer")
    question = Message("user", "\n".join(part for part in asked if part.strip()))
    head = (Message("system", system),) if system.strip() else ()
    return (*head, question, Message("assistant", _text(row["output"], "`output`", where)))


def _turns(row: Mapping[str, Any], shape: str, where: str) -> tuple[Message, ...]:
    field = _KEYS[shape][0]
    turns = row[field]
    if isinstance(turns, str):  # a cell of a CSV file
        turns = parse_json(turns, where)
    if not isinstance(turns, list):
        raise DataError(f"`{field}` is no list of turns", where=where, mend=f"Write [{_example(shape)}, ...]")
    messages = tuple(_turn(turn, shape, number, where) for number, turn in enumerate(turns, 1))
    system = _optional(row, "system", where) if shape == SHAREGPT else ""
    if system.strip() and all(message.role != "system" for message in messages):
        return (Message("system", system), *messages)
    return messages


def _turn(turn: object, shape: str, number: int, where: str) -> Message:
    role_key, text_key = _TURN_KEYS[shape]
    if not isinstance(turn, dict) or role_key not in turn or text_key not in turn:
        raise DataError(
            f"turn {number} has no `{role_key}` and `{text_key}`", where=where, mend=f"Write {_example(shape)}"
        )
    role = turn[role_key]
    known = _ROLES[shape]
    if not isinstance(role, str) or role not in known:
        raise DataError(
            f"turn {number} has the unknown role {role!r}", where=where, mend=nearest(str(role), list(known))
        )
    return Message(known[role], _text(turn[text_key], f"the `{text_key}` of turn {number}", where))


def _check_conversation(messages: tuple[Message, ...], where: str) -> None:
    if not any(message.role == "user" and message.content.strip() for message in messages):
        raise DataError("no user message", where=where, mend="Give every record a question")
    if messages[-1].role != "assistant":
        raise DataError(
            f"no answer: the last turn is the {messages[-1].role}'s",
            where=where,
            mend="End with the assistant's answer",
        )
    if not messages[-1].content.strip():
        raise DataError("the answer is empty", where=where, mend="Give the record its answer or remove it")


def _label(value: object, config: DataConfig, where: str) -> str | None:
    """The label as text; without a fixed set, a value that is no plain text or number stays in `meta`."""
    if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
        label = str(value)
        if config.labels and label not in config.labels:
            raise DataError(
                f"label {label!r} is not one of {', '.join(config.labels)}",
                where=where,
                mend=nearest(label, list(config.labels)),
            )
        return label
    if config.labels:
        missing = value is None or value == ""
        what = f"no label: `{config.label_field}` is missing" if missing else f"label {value!r} is no text"
        raise DataError(what, where=where, mend=f"Give one of {', '.join(config.labels)}")
    return None


def _split(row: Mapping[str, Any], column: str, where: str) -> str:
    value = row.get(column)
    if value in SPLITS:
        return str(value)
    what = f"`{column}` is missing" if value is None or value == "" else f"`{column}` is {value!r}"
    raise DataError(f"{what}, not train, validation or test", where=where, mend=nearest(str(value), list(SPLITS)))


def _id(value: object, fallback: str, where: str) -> str:
    if value is None or value == "":
        return fallback
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise DataError(f"the id {value!r} is neither text nor a number", where=where, mend="Write the id as text")
    return str(value)


def _optional(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    return "" if value is None else _text(value, f"`{key}`", where)


def _text(value: object, what: str, where: str) -> str:
    if not isinstance(value, str):
        raise DataError(f"{what} is {_kind(value)}, not text", where=where, mend="Write it as text")
    if "\0" in value:
        raise DataError(f"{what} holds a NUL character", where=where, mend="Remove it: no tokenizer expects one")
    return value


def _kind(value: object) -> str:
    names = {
        type(None): "null",
        dict: "an object",
        list: "a list",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), type(value).__name__)


def _names(row: Mapping[str, Any]) -> str:
    return ", ".join(list(map(str, row))[:8]) or "none"


def _example(shape: str) -> str:
    role_key, text_key = _TURN_KEYS[shape]
    user = next(name for name, role in _ROLES[shape].items() if role == "user")
    return f'{{"{role_key}": "{user}", "{text_key}": "..."}}'


def _problem(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "nested too deep" if isinstance(error, RecursionError) else str(error)
