"""What a worker tells Prometheus. Each app has a registry of its own, so several can live in one process."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from seekforge.engines.protocol import EngineStats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TTFT_BUCKETS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_TPOT_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)


class Metrics:
    """Counters and histograms of one worker.

    Args:
        stats: Asked at every scrape for the engine's load.
    """

    def __init__(self, stats: Callable[[], EngineStats]) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "seekforge_requests", "Requests by route and outcome.", ["route", "outcome"], registry=registry
        )
        self.tokens = Counter("seekforge_tokens", "Tokens by kind: prompt or completion.", ["kind"], registry=registry)
        self.ttft = Histogram(
            "seekforge_ttft_seconds", "Time to first token.", buckets=_TTFT_BUCKETS, registry=registry
        )
        self.tpot = Histogram(
            "seekforge_tpot_seconds", "Time per token after it.", buckets=_TPOT_BUCKETS, registry=registry
        )
        running = Gauge("seekforge_requests_running", "Requests that the engine decodes.", registry=registry)
        waiting = Gauge("seekforge_requests_waiting", "Requests that wait for the engine.", registry=registry)
        cache = Gauge("seekforge_kv_cache_usage", "Share of the KV cache in use.", registry=registry)
        running.set_function(lambda: stats().running)
        waiting.set_function(lambda: stats().waiting)
        cache.set_function(lambda: stats().kv_cache_usage)

    def answered(self, ttft: float | None, seconds: float, prompt_tokens: int, completion_tokens: int) -> None:
        """Counts one answer's tokens and times, also of an answer that was cut off.

        Args:
            ttft: Seconds to the first token; None when there was none.
            seconds: Seconds to the end.
            prompt_tokens: Tokens read.
            completion_tokens: Tokens written.
        """
        self.tokens.labels("prompt").inc(prompt_tokens)
        self.tokens.labels("completion").inc(completion_tokens)
        if ttft is not None:
            self.ttft.observe(ttft)
            if completion_tokens > 1:
                self.tpot.observe((seconds - ttft) / (completion_tokens - 1))

    def text(self) -> bytes:
        """The exposition that Prometheus scrapes."""
        return generate_latest(self._registry)
