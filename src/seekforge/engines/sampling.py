"""How the next token is chosen. Names and meanings are vLLM's, where it has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose the next token.

    Attributes:
        max_new_tokens: Longest answer in tokens.
        temperature: 0 is greedy.
        top_p: Nucleus sampling: the smallest set of tokens with at least this probability.
        seed: Of the sampler; None is any.
        stop: Texts that end the answer and are not part of it.
        ignore_eos: Go on past the end-of-sequence token (for measurements of speed).
        top_k: Only the so many likeliest tokens; 0 is all.
        min_p: Only tokens with at least this share of the likeliest one's probability.
        min_new_tokens: No end token before so many.
        stop_token_ids: Tokens that end the answer, besides the model's own, and are not part of it.
        frequency_penalty: Taken from a token's logit for each time that it stands in the answer.
        presence_penalty: Taken from a token's logit when it stands in the answer.
        repetition_penalty: Divides the logits of tokens that stand in prompt or answer; 1 is none.
        logprobs: Say each chosen token's log probability.
        json_schema: The answer is JSON that this JSON Schema describes; `{}` is any JSON.
    """

    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False
    top_k: int = 0
    min_p: float = 0.0
    min_new_tokens: int = 0
    stop_token_ids: tuple[int, ...] = ()
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logprobs: bool = False
    json_schema: str | None = None
