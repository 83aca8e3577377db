"""Config of a language model that a stage asks over HTTP: any OpenAI-compatible endpoint."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from seekforge.core.config.address import Address
from seekforge.core.config.base import Config


class RemoteConfig(Config):
    """An OpenAI-compatible endpoint and how patiently it is asked. Times are seconds."""

    url: Address = Field(description="`http://host:port`, with or without `/v1` at the end.")
    model: str = Field(min_length=1, description="The model's name there.")
    api_key_file: Path | None = Field(
        None,
        description="A file with the key that is sent to it; none is sent without.",
        json_schema_extra={"secret": True},  # no trace of it in what an artifact was made from
    )
    temperature: float = Field(0.0, ge=0, le=2, description="0 for always the likeliest word.")
    max_tokens: int = Field(512, ge=1, description="Longest answer in tokens; one that is cut off counts as failed.")
    raw: bool = Field(
        False, description="Take answers as they come: one that is cut off or empty is an answer, thoughts stay in it."
    )
    concurrency: int = Field(8, ge=1, le=256, description="Requests under way at once.")
    attempts: int = Field(4, ge=1, le=10, description="Tries of one request, the first included.")
    backoff: float = Field(1.0, ge=0, description="Wait before the second try; it doubles, up to a minute.")
    seconds: float = Field(60.0, gt=0, description="For one answer.")
