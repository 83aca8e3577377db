"""What both kinds of request can say about the answer, under OpenAI's and vLLM's names.

Fields that are not named are passed over, as OpenAI-compatible servers do; fields that would change the answer and that
the engine cannot follow are refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from seekforge.engines.json_schema import ANY_OBJECT, check_schema
from seekforge.engines.protocol import Sampling

_UNLIMITED = 1 << 30  # the engine ends at the model's context
Positive = Annotated[int, Field(ge=1, le=_UNLIMITED)]
TokenId = Annotated[int, Field(ge=0, lt=1 << 31)]
Penalty = Annotated[float, Field(ge=-2, le=2)]


class Body(BaseModel):
    """Base of everything that a client sends."""

    # Strict: "0.7" is no number and 1 is no flag. A float field still takes 1.
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class StreamOptions(Body):
    """How a stream ends."""

    include_usage: bool = False


class NamedSchema(Body):
    """A JSON Schema with OpenAI's wrapping."""

    name: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")


class ResponseFormat(Body):
    """What the answer must be."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None

    @model_validator(mode="after")
    def _has_its_schema(self) -> ResponseFormat:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema goes with type json_schema")
        return self

    def schema_text(self) -> str | None:
        """The JSON Schema for the engine; None for text.

        Raises:
            InputError: The schema is none that an engine can follow.
        """
        if self.type == "text":
            return None
        return ANY_OBJECT if self.json_schema is None else check_schema(self.json_schema.schema_)


class AnswerFields(Body):
    """Base of both requests."""

    model: str | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1, le=_UNLIMITED)] | None = None
    min_p: Annotated[float, Field(ge=0, lt=1)] | None = None
    max_tokens: Positive | None = None
    min_tokens: Annotated[int, Field(ge=0, le=_UNLIMITED)] = 0
    stop: str | list[str] | None = None
    stop_token_ids: Annotated[list[TokenId], Field(max_length=64)] | None = None
    seed: Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)] | None = None
    n: int | None = None
    ignore_eos: bool = False
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    response_format: ResponseFormat | None = None
    return_token_ids: bool | None = False
    continue_token_ids: list[TokenId] | None = None
    logit_bias: dict[str, Any] | None = None

    @field_validator("n")
    @classmethod
    def _one_answer(cls, n: int | None) -> int | None:
        if n not in (None, 1):
            raise ValueError("only 1 answer a request is supported")
        return n

    @field_validator("stop")
    @classmethod
    def _stop_texts(cls, stop: str | list[str] | None) -> str | list[str] | None:
        texts = [stop] if isinstance(stop, str) else stop or []
        if len(texts) > 16 or not all(texts):
            raise ValueError("give at most 16 texts, none of them empty")
        return stop

    @field_validator("logit_bias")
    @classmethod
    def _no_bias(cls, bias: dict[str, Any] | None) -> None:
        if bias:
            raise ValueError("not supported by this engine")

    @model_validator(mode="after")
    def _continues_exactly(self) -> AnswerFields:
        """Refused where the model would not go on as it had begun: the engine counts and parses from the splice."""
        asked = {
            "frequency_penalty": bool(self.frequency_penalty),
            "presence_penalty": bool(self.presence_penalty),
            "response_format": self.response_format is not None and self.response_format.type != "text",
        }
        lost = [name for name, is_asked in asked.items() if is_asked]
        if self.continue_token_ids and lost:
            raise ValueError(f"continue_token_ids cannot go together with {', '.join(lost)}")
        return self

    def longest(self) -> int | None:
        """The longest answer that was asked for."""
        return self.max_tokens

    def sampling(self, *, temperature: float, max_new_tokens: int | None) -> Sampling:
        """The engine's settings, with the route's defaults where the client is silent.

        Raises:
            InputError: `response_format` has a schema that no engine can follow.
        """
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        said = Sampling(
            max_new_tokens=self.longest() or max_new_tokens or _UNLIMITED,
            temperature=temperature if self.temperature is None else self.temperature,
            seed=self.seed,
            stop=stop,
            ignore_eos=self.ignore_eos,
            min_new_tokens=self.min_tokens,
            stop_token_ids=tuple(self.stop_token_ids or ()),
            top_k=max(0, self.top_k or 0),  # vLLM writes "all" as 0 or -1
        )
        shared = ("top_p", "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty")
        spoken = {name: value for name in shared if (value := getattr(self, name)) is not None}
        schema = None if self.response_format is None else self.response_format.schema_text()
        return replace(said, **spoken, json_schema=schema)

    def sampling_of(self, *, logprobs: bool | None, max_new_tokens: int | None) -> Sampling:
        """As `sampling`, for OpenAI's own routes: temperature 1 unless the client says otherwise.

        Raises:
            InputError: As `sampling`.
        """
        return replace(self.sampling(temperature=1.0, max_new_tokens=max_new_tokens), logprobs=bool(logprobs))
