"""What an embedding worker tells Prometheus.

No name is the other worker's: the gateway hands out what both say as one page.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128)


class EmbedMetrics:
    """Counters and histograms of one worker.

    Args:
        running: Asked at every scrape for the texts in the batch that runs.
        waiting: Asked for those that wait.
    """

    def __init__(self, running: Callable[[], int], waiting: Callable[[], int]) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "seekforge_embed_requests", "Requests by route and outcome.", ["route", "outcome"], registry=registry
        )
        self.tokens = Counter("seekforge_embed_tokens", "Tokens read.", registry=registry)
        self.texts = Counter("seekforge_embed_texts", "Texts that were embedded.", registry=registry)
        self.seconds = Histogram("seekforge_embed_seconds", "Time of a request.", buckets=_SECONDS, registry=registry)
        self._batch_texts = Histogram(
            "seekforge_embed_batch_texts", "Texts in a batch.", buckets=_TEXTS, registry=registry
        )
        self._batch_seconds = Histogram(
            "seekforge_embed_batch_seconds", "Time of a batch.", buckets=_SECONDS, registry=registry
        )
        now = Gauge("seekforge_embed_texts_running", "Texts in the batch that runs.", registry=registry)
        then = Gauge("seekforge_embed_texts_waiting", "Texts that wait for a batch.", registry=registry)
        now.set_function(running)
        then.set_function(waiting)

    def batch(self, texts: int, seconds: float) -> None:
        """Counts a batch."""
        self._batch_texts.observe(texts)
        self._batch_seconds.observe(seconds)

    def answered(self, texts: int, tokens: int, seconds: float) -> None:
        """Counts a request that was answered."""
        self.texts.inc(texts)
        self.tokens.inc(tokens)
        self.seconds.observe(seconds)

    def text(self) -> bytes:
        """The exposition that Prometheus scrapes."""
        return generate_latest(self._registry)
