"""Bodies of requests: what the gateway itself must understand. All else goes to the engine as it came.

Format: https://platform.openai.com/docs/api-reference (chat, completions, embeddings). Types are strict: "0.7" is no
number and 1 is no flag.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct

from seekforge.core.registry import nearest
from seekforge.serve.body import MOST_MESSAGES
from seekforge.serve.errors import ApiError
from seekforge.serve.wording import of_msgspec, one_of

Count = Annotated[int, Meta(ge=1, le=1 << 30)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
Encoding = Literal["float", "base64"]
_MISSING, _UNKNOWN = "Object missing required field `", "Object contains unknown field `"
# What fields take that msgspec cannot say.
_TAKEN = {
    "role": one_of(map(repr, get_args(Role))),
    "encoding_format": one_of(map(repr, get_args(Encoding))),
    "rating": "'up', 'down' or a whole number from 1 to 5",
    "id": "1 to 128 visible ASCII characters, the id of an answer",
}


class Turn(Struct):
    """One message."""

    role: Role
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    function_call: dict[str, Any] | None = None


class StreamOptions(Struct):
    """How a stream ends."""

    include_usage: bool | None = None


class ResponseFormat(Struct):
    """Text, or JSON of some shape."""

    type: str = "text"


class Sampled(Struct):
    """What chat and completions share."""

    model: Name | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    max_tokens: Count | None = None
    n: Annotated[int, Meta(ge=1, le=64)] | None = None
    seed: Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)] | None = None
    stop: str | list[str] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    user: str | None = None

    @property
    def wants_usage(self) -> bool:
        """The client asked for usage in the stream."""
        return self.stream_options is not None and self.stream_options.include_usage is True


class ChatRequest(Sampled, kw_only=True):
    """Body of `POST /v1/chat/completions`; `template` and `values` are our own and stay here."""

    messages: Annotated[list[Turn], Meta(min_length=1, max_length=MOST_MESSAGES)]
    max_completion_tokens: Count | None = None
    tools: list[dict[str, Any]] | None = None
    response_format: ResponseFormat | None = None
    template: Name | None = None
    values: dict[str, str] | None = None

    @property
    def answers_in_json(self) -> bool:
        """The content will be JSON, where a word can hide behind escapes."""
        return self.response_format is not None and self.response_format.type != "text"


class CompletionRequest(Sampled, kw_only=True):
    """Body of `POST /v1/completions`. A prompt may be text, token ids, or several of either."""

    prompt: str | list[str | int | list[int]]
    suffix: str | None = None


class EmbeddingRequest(Struct, kw_only=True):
    """Body of `POST /v1/embeddings`."""

    input: str | list[str | int | list[int]]
    model: Name | None = None
    encoding_format: Encoding | None = None
    dimensions: Count | None = None


class FeedbackRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/feedback`; it ends here, so that nothing in it may be lost without a word."""

    id: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
    rating: Literal["up", "down"] | Annotated[int, Meta(ge=1, le=5)]
    comment: Annotated[str, Meta(max_length=4000)] | None = None
    user: Annotated[str, Meta(max_length=128)] | None = None
    model: Name | None = None


Body = TypeVar("Body", bound=Struct)


def understand(tree: dict[str, Any], kind: type[Body]) -> Body:
    """The request that a JSON object is.

    Raises:
        ApiError: A field is missing or does not fit; `param` names it (`messages.0.role`).
    """
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `")
        param = path.rstrip("`").removeprefix("$").removeprefix(".").replace("[...]", "").replace("[", ".")
        param = param.replace("]", "")
        if what.startswith(_MISSING):
            name = what.removeprefix(_MISSING).rstrip("`")
            param, what = f"{param}.{name}".strip("."), "is missing"
        elif what.startswith(_UNKNOWN):
            param = what.removeprefix(_UNKNOWN).rstrip("`")[:100]
            what = f"is no field of this request; {nearest(param, list(kind.__struct_fields__))}"
        else:
            taken = _TAKEN.get(param.rpartition(".")[2])
            what = of_msgspec(what) if taken is None else f"must be {taken}"
        raise ApiError(400, f"{param}: {what}" if param else what, param=param or None, code="invalid_value") from error


def check_turns(turns: list[Turn]) -> None:
    """Looks for messages without content that are no tool calls, for text parts without text, and for too many.

    Raises:
        ApiError: There is one.
    """
    parts = sum(len(turn.content) for turn in turns if isinstance(turn.content, list))
    if len(turns) + parts > MOST_MESSAGES:
        what = f"messages: more than {MOST_MESSAGES} messages and parts"
        raise ApiError(400, what, param="messages", code="invalid_value")
    for number, turn in enumerate(turns):
        where = f"messages.{number}.content"
        if turn.content is None and not (turn.role == "assistant" and (turn.tool_calls or turn.function_call)):
            raise ApiError(400, f"{where}: is missing", param=where, code="invalid_value")
        for part in turn.content if isinstance(turn.content, list) else ():
            if not isinstance(part.get("type"), str) or (
                part["type"] == "text" and not isinstance(part.get("text"), str)
            ):
                raise ApiError(400, f"{where}: is no list of content parts", param=where, code="invalid_value")
