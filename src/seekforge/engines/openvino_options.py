"""Our sampling as OpenVINO's `GenerationConfig`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from seekforge.engines.protocol import Sampling

_SEED_BITS = 63  # `rng_seed` is a C++ long
SCHEMA = "json_schema"  # an answer that is bound to one has this option


def generation_options(sampling: Sampling, room: int, end_tokens: frozenset[int]) -> dict[str, Any]:
    """Keyword arguments of `GenerationConfig`; stop texts are the detokeniser's business.

    Args:
        sampling: What was asked for.
        room: Tokens left in the model's context.
        end_tokens: The model's own.
    """
    options: dict[str, Any] = {
        "max_new_tokens": min(sampling.max_new_tokens, room),
        "ignore_eos": sampling.ignore_eos,
        "min_new_tokens": min(sampling.min_new_tokens, room),
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "repetition_penalty": sampling.repetition_penalty,
        "logprobs": int(sampling.logprobs),
    }
    if not sampling.ignore_eos:
        options["stop_token_ids"] = set(end_tokens) | set(sampling.stop_token_ids)
    if sampling.temperature > 0:
        # Without a seed of its own every request would draw the same numbers: the default is 0.
        seed = random.getrandbits(_SEED_BITS) if sampling.seed is None else sampling.seed
        options |= {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p}
        options |= {"rng_seed": seed & ((1 << _SEED_BITS) - 1), "min_p": sampling.min_p}
        if sampling.top_k:
            options["top_k"] = sampling.top_k
    if sampling.json_schema is not None:
        options[SCHEMA] = sampling.json_schema
    return options


def generation_config(options: Mapping[str, Any]) -> Any:  # noqa: ANN401  OpenVINO has no types
    """The `GenerationConfig` of such options."""
    import openvino_genai

    plain = {name: value for name, value in options.items() if name != SCHEMA}
    if SCHEMA in options:
        plain["structured_output_config"] = openvino_genai.StructuredOutputConfig(json_schema=options[SCHEMA])
    return openvino_genai.GenerationConfig(**plain)
