"""What every engine refuses before it starts."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from seekforge.core.errors import InputError
from seekforge.engines.protocol import Sampling

_SMALLEST, _LARGEST = sys.float_info.min, sys.float_info.max  # so that 0, infinity and NaN fall out
_BELOW_ONE = math.nextafter(1, 0)


def check_prompt(prompt: Sequence[int], context_length: int, vocabulary: int, where: str = "messages") -> None:
    """Refuses a prompt that leaves no room for an answer or holds ids that are no tokens.

    Raises:
        InputError: The prompt is empty, too long, or has an id outside the vocabulary.
    """
    if not prompt:
        raise InputError("the prompt is empty", where=where)
    if len(prompt) >= context_length:
        raise InputError(
            f"the prompt has {len(prompt)} tokens and the model's context {context_length}",
            where=where,
            mend="Shorten the prompt",
        )
    # OpenVINO reads past its embedding table without a word.
    if min(prompt) < 0 or max(prompt) >= vocabulary:
        raise InputError(f"token ids must lie in 0 to {vocabulary - 1}", where=where)


def check_sampling(sampling: Sampling, vocabulary: int) -> None:
    """Refuses settings that no sampler can follow.

    Raises:
        InputError: A value is out of range or no number.
    """
    most = max(1, sampling.max_new_tokens)
    ranges = {
        "max_tokens": (sampling.max_new_tokens, 1, math.inf),
        "min_tokens": (sampling.min_new_tokens, 0, most),
        "temperature": (sampling.temperature, 0, _LARGEST),
        "top_p": (sampling.top_p, _SMALLEST, 1),
        "min_p": (sampling.min_p, 0, _BELOW_ONE),
        "top_k": (sampling.top_k, 0, math.inf),
        "frequency_penalty": (sampling.frequency_penalty, -2, 2),
        "presence_penalty": (sampling.presence_penalty, -2, 2),
        "repetition_penalty": (sampling.repetition_penalty, _SMALLEST, 2),
    }
    for name, (value, least, largest) in ranges.items():
        if not least <= value <= largest:
            raise InputError(_range(least, largest), where=name)
    # OpenVINO writes to each stop token's logit, wherever that is.
    if any(not 0 <= token_id < vocabulary for token_id in sampling.stop_token_ids):
        raise InputError(f"token ids must lie in 0 to {vocabulary - 1}", where="stop_token_ids")
    if sampling.ignore_eos and (sampling.stop_token_ids or sampling.json_schema is not None):
        raise InputError("does not go together with stop_token_ids or response_format", where="ignore_eos")


def _range(least: float, largest: float) -> str:
    lower = "above 0" if least == _SMALLEST else f"at least {least:g}"
    upper = "below 1" if largest == _BELOW_ONE else f"at most {largest:g}"
    return f"must be {lower}" if largest in (math.inf, _LARGEST) else f"must be {lower} and {upper}"
