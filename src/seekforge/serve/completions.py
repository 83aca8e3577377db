"""`POST /v1/completions`: a prompt as text or as token ids, no chat template.

Format: https://platform.openai.com/docs/api-reference/completions, with vLLM's token ids.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from seekforge.engines.protocol import Engine, FinishReason
from seekforge.serve.fields import AnswerFields, TokenId
from seekforge.serve.schema import head

DEFAULT_TOKENS = 16  # OpenAI's


class CompletionRequest(AnswerFields):
    """Body of `POST /v1/completions`."""

    prompt: str | Annotated[list[TokenId], Field(min_length=1)]
    logprobs: int | None = None
    echo: bool | None = False
    best_of: int | None = None
    suffix: str | None = None

    @field_validator("prompt")
    @classmethod
    def _no_nul(cls, prompt: str | list[int]) -> str | list[int]:
        if isinstance(prompt, str) and "\x00" in prompt:
            raise ValueError("must not hold the character NUL")
        return prompt

    @field_validator("logprobs")
    @classmethod
    def _chosen_only(cls, count: int | None) -> int | None:
        if count not in (None, 0):
            raise ValueError("only 0, the chosen token's, is supported")
        return count

    @field_validator("echo", "suffix")
    @classmethod
    def _not_asked(cls, value: bool | str | None) -> bool | str | None:
        if value:
            raise ValueError("not supported by this engine")
        return value

    @field_validator("best_of")
    @classmethod
    def _one_answer(cls, count: int | None) -> int | None:
        if count not in (None, 1):
            raise ValueError("only 1 answer a request is supported")
        return count

    def token_ids(self, engine: Engine) -> list[int]:
        """The prompt's token ids."""
        return engine.encode(self.prompt) if isinstance(self.prompt, str) else list(self.prompt)


def piece(
    answer_id: str, model: str, text: str, reason: FinishReason | None, logprobs: dict[str, Any] | None = None
) -> dict[str, Any]:
    """An event of a stream; a whole answer is one too, with its usage."""
    choice = {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": reason}
    return {**head(answer_id, "text_completion", model), "choices": [choice]}
