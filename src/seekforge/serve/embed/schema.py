"""Requests for embeddings as clients send them, and answers as the OpenAI API writes them.

Format: https://platform.openai.com/docs/api-reference/embeddings (create, and the embedding object).
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from seekforge.engines.embed.protocol import Purpose, Vectors
from seekforge.serve.fields import Body, Positive

MOST_TEXTS = 2048  # OpenAI's
_TOKENS = (
    "token ids are not taken, as they belong to another model's tokenizer; send texts (LangChain: "
    "OpenAIEmbeddings(check_embedding_ctx_length=False))"
)


class EmbeddingRequest(Body):
    """Body of `POST /v1/embeddings`; `input_type` is not OpenAI's."""

    input: Annotated[list[str], Field(min_length=1, max_length=MOST_TEXTS)]
    model: str | None = None
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Positive | None = None
    input_type: Purpose | None = None

    @field_validator("input", mode="before")
    @classmethod
    def _texts(cls, value: object) -> object:
        if isinstance(value, str):
            return [value]
        if not isinstance(value, list):
            raise ValueError("must be a text or a list of texts")
        if any(isinstance(part, int | list) for part in value):
            raise ValueError(_TOKENS)
        return value

    @property
    def purpose(self) -> Purpose:
        """What the texts are for; who does not say embeds passages."""
        return self.input_type or "passage"


def response(model: str, vectors: Vectors, tokens: int, *, in_base64: bool) -> dict[str, Any]:
    """The answer.

    Args:
        model: The model's name for clients.
        vectors: A row a text, float32.
        tokens: Tokens read for all of them.
        in_base64: Write each vector as base64 of little-endian float32, as the official client asks for.
    """
    little = np.ascontiguousarray(vectors, dtype="<f4")
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(row.tobytes()).decode() if in_base64 else row.tolist(),
        }
        for index, row in enumerate(little)
    ]
    return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
