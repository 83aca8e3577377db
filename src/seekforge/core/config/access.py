"""Config of the gateway's door: keys, limits, prompt templates, the feedback store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from seekforge.core.config.base import Config

Scope = Literal["chat", "embeddings", "feedback", "metrics", "admin"]
DEFAULT_SCOPES: tuple[Scope, ...] = ("chat", "embeddings", "feedback")
PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}", re.ASCII)
_SYSTEM, _USER = ("domain", "format"), ("query", "domain", "format")
_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


class KeyEntry(Config):
    """One key in the key file. The key itself stands nowhere."""

    id: str = Field(pattern=_ID, description="Who it is, in logs and figures; two entries may share it in a rotation.")
    hash: str = Field(pattern=r"^sha256:[0-9a-f]{64}$", description="SHA-256 of the key.")
    scopes: tuple[Scope, ...] = Field(DEFAULT_SCOPES, min_length=1, description="What the key may be used for.")
    requests_per_minute: int | None = Field(None, ge=1, description="Requests in any 60 seconds; none is no limit.")
    tokens_per_minute: int | None = Field(
        None, ge=1, description="Prompt and answer tokens in any 60 seconds; none is no limit."
    )
    expires: AwareDatetime | None = Field(None, description="From when on it is refused, with its time zone.")
    note: str = Field("", max_length=500, description="For people.")
    created: AwareDatetime = Field(description="When it was made.")

    @field_validator("id")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name == "anonymous":
            raise PydanticCustomError("reserved", "'anonymous' is the caller's name where keys are off")
        return name


class RateLimitsConfig(Config):
    """Where requests and tokens are counted; how many there may be stands with each key."""

    storage: str = Field(
        "memory://", description="`memory://` counts in this process; `redis://HOST:PORT/DB` for several gateways."
    )
    timeout: float = Field(0.25, gt=0, le=5, description="Seconds to wait for redis before counting here instead.")
    retry: float = Field(5.0, gt=0, description="Seconds for which redis is left alone after it has failed.")

    @field_validator("storage")
    @classmethod
    def _is_known(cls, storage: str) -> str:
        if storage != "memory://" and not storage.startswith(("redis://", "rediss://", "redis+unix://")):
            raise PydanticCustomError("storage", "write memory://, redis://HOST:PORT/DB, rediss:// or redis+unix://")
        return storage


class TemplateFile(Config):
    """One version of one prompt template."""

    name: str = Field(pattern=_ID, description="What clients call it.")
    version: int = Field(ge=1, description="`name@2` asks for this one, `name` for the highest.")
    description: str = Field("", description="For people.")
    domain: str | None = Field(None, description="What `{domain}` stands for when a request does not say.")
    format: str = Field("", description="The form of the answer, in words; `{format}` stands for it.")
    system: str = Field(min_length=1, description="The system line; may hold {domain} and {format}.")
    optional: str = Field("", description="More of the system line, left out when the conversation is too long.")
    user: str = Field("{query}", description="The last user turn; holds {query} once, may hold {domain} and {format}.")
    max_chars: int = Field(24_000, ge=1, description="Largest conversation, all its messages together, in characters.")

    @field_validator("system", "optional")
    @classmethod
    def _system_placeholders(cls, text: str) -> str:
        return _check_placeholders(text, _SYSTEM)

    @field_validator("user")
    @classmethod
    def _user_placeholders(cls, text: str) -> str:
        _check_placeholders(text, _USER)
        count = PLACEHOLDER.findall(text).count("query")
        if count != 1:
            facts = {"count": count}
            raise PydanticCustomError("query", "holds {query} {count} times; write it once", facts)
        return text

    @model_validator(mode="after")
    def _format_is_given(self) -> Self:
        if not self.format and any("{format}" in text for text in (self.system, self.optional, self.user)):
            raise PydanticCustomError("format", "{format} is used but the key `format` is empty")
        return self


class TemplatesConfig(Config):
    """Which templates there are and which one a request gets when it names none."""

    folder: Path | None = Field(None, description="Your own templates; a name in it hides the shipped one.")
    default: str | None = Field(None, description="For every model that `by_model` does not name; none is no template.")
    by_model: dict[str, str] = Field({}, description="Model alias to template.")


class FeedbackConfig(Config):
    """The store behind `/v1/feedback`."""

    path: Path = Field(Path("feedback.jsonl"), description="Where it is kept, one JSON object a line.")
    fsync: Literal["always", "second", "never"] = Field(
        "always", description="When the disk must have it: before each answer, at most once a second, when it likes."
    )
    max_comment_chars: int = Field(4_000, ge=0, description="Longest comment.")


def _check_placeholders(text: str, known: tuple[str, ...]) -> str:
    for name in PLACEHOLDER.findall(text):
        if name not in known:
            facts = {"name": name, "known": ", ".join(f"{{{word}}}" for word in known)}
            raise PydanticCustomError("placeholder", "unknown placeholder {{name}}; known here: {known}", facts)
    return text
