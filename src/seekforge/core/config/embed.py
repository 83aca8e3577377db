"""Config of the embedding worker behind an endpoint."""

from __future__ import annotations

from pydantic import Field

from seekforge.core.config.base import Config


class EmbedConfig(Config):
    """The process that answers `/v1/embeddings`. Times are seconds."""

    model: str = Field(min_length=1, description="`e5`, a sentence-transformers folder, a hub id, or `fake`.")
    name: str | None = Field(
        None, min_length=1, max_length=256, description="Its name for clients; by default MODEL's."
    )
    query_prompt: str | None = Field(None, description="Put before queries; by default what the model's folder says.")
    passage_prompt: str | None = Field(None, description="Put before passages; likewise.")
    matryoshka: tuple[int, ...] = Field((), description="Shorter dimensions that the model was trained for.")
    batch_texts: int = Field(32, ge=1, description="Texts embedded at once.")
    batch_tokens: int = Field(8192, ge=1, description="Tokens embedded at once, padding included.")
    max_waiting: int = Field(256, ge=0, description="Requests that may wait; more get 429.")
    ready_seconds: float = Field(300.0, gt=0, description="For loading and the first vector.")
    stop_seconds: float = Field(10.0, gt=1, description="To end by itself before it is killed.")
