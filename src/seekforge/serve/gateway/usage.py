"""What an upstream counted, with cache hits as OpenAI and as DeepSeek write them."""

from __future__ import annotations

from typing import Any

HIT, MISS = "prompt_cache_hit_tokens", "prompt_cache_miss_tokens"


def with_cache_hits(usage: dict[str, Any]) -> dict[str, Any]:
    """The usage with both forms of cache hits where one is there; the same object where nothing is to be added.

    OpenAI: `prompt_tokens_details.cached_tokens` (https://platform.openai.com/docs/guides/prompt-caching). DeepSeek:
    `prompt_cache_hit_tokens` and `prompt_cache_miss_tokens` (https://api-docs.deepseek.com/guides/kv_cache).

    >>> with_cache_hits({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 8}})[MISS]
    2
    """
    cached, prompt = cached_tokens(usage), usage.get("prompt_tokens")
    if cached is None or not isinstance(prompt, int):
        return usage
    details = usage.get("prompt_tokens_details")
    has_details = isinstance(details, dict) and isinstance(details.get("cached_tokens"), int)
    if has_details and HIT in usage and MISS in usage:
        return usage
    both = {HIT: cached, MISS: max(0, prompt - cached), **usage}
    if not has_details:
        both["prompt_tokens_details"] = {**(details or {}), "cached_tokens": cached}
    return both


def cached_tokens(usage: dict[str, Any]) -> int | None:
    """Prompt tokens that came from a cache; None when nobody says."""
    details = usage.get("prompt_tokens_details")
    if isinstance(details, dict) and isinstance(details.get("cached_tokens"), int):
        return int(details["cached_tokens"])
    hit = usage.get(HIT)
    return hit if isinstance(hit, int) else None
