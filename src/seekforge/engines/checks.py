"""What every engine refuses before it starts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seekforge.core.errors import InputError
from seekforge.engines.protocol import Sampling


def check_prompt(prompt: Sequence[int], context_length: int, vocabulary: int) -> None:
    """Refuses a prompt that leaves no room for an answer or holds ids that are no tokens.

    Raises:
        InputError: The prompt is empty, too long, or has an id outside the vocabulary.
    """
    if not prompt:
        raise InputError("the prompt is empty", where="messages")
    if len(prompt) >= context_length:
        raise InputError(
            f"the prompt has {len(prompt)} tokens and the model's context {context_length}",
            where="messages",
            mend="Shorten the prompt",
        )
    # OpenVINO reads past its embedding table without a word.
    if min(prompt) < 0 or max(prompt) >= vocabulary:
        raise InputError(f"token ids must lie in 0 to {vocabulary - 1}", where="messages")


def check_sampling(sampling: Sampling) -> None:
    """Refuses settings that no sampler can follow.

    Raises:
        InputError: A value is out of range or no number.
    """
    if sampling.max_new_tokens < 1:
        raise InputError("must be at least 1", where="max_tokens")
    if not (math.isfinite(sampling.temperature) and sampling.temperature >= 0):
        raise InputError("must be a number from 0 up", where="temperature")
    if not 0 < sampling.top_p <= 1:
        raise InputError("must be above 0 and at most 1", where="top_p")
