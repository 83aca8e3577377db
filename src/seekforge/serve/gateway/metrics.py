"""What the gateway tells Prometheus. Each app has a registry of its own, so several can live in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from seekforge.serve.gateway.exchange import Exchange
from seekforge.serve.gateway.usage import cached_tokens

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_TTFT_BUCKETS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_TPOT_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
_LATENCY_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_PREFIX = "seekforge_gateway_"


class Metrics:
    """Counters and histograms of one gateway.

    Args:
        label: The model's name as a label, of which there are never too many.
    """

    def __init__(self, label: Callable[[str], str]) -> None:
        registry = self._registry = CollectorRegistry()
        self._label = label

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(_PREFIX + name, help_text, labels, registry=registry)

        def histogram(name: str, help_text: str, buckets: Iterable[float]) -> Histogram:
            return Histogram(_PREFIX + name, help_text, ["model"], buckets=tuple(buckets), registry=registry)

        self.requests = counter("requests", "Requests by route, outcome and model.", "route", "outcome", "model")
        self.tokens = counter("tokens", "Tokens by model and kind: prompt, cached or completion.", "model", "kind")
        self.guard_hits = counter("guard_hits", "What the guard stopped, by place and rule.", "place", "rule")
        self.retries = counter("retries", "Further tries of requests.")
        self.skipped = counter("events_skipped", "Events of upstreams that were no events.")
        self.upstream_failures = counter("upstream_failures", "Failures by upstream and kind.", "upstream", "kind")
        self.device_seconds = counter("device_seconds", "Time of the engines by model.", "model")
        self.ttft = histogram("ttft_seconds", "Time to first token of streams.", _TTFT_BUCKETS)
        self.tpot = histogram("tpot_seconds", "Time per token after it.", _TPOT_BUCKETS)
        self.latency = histogram("latency_seconds", "Time to the end of the answer.", _LATENCY_BUCKETS)
        self._cost = Gauge(
            _PREFIX + "cost_per_1000_requests", "Device time times price, by model.", ["model"], registry=registry
        )
        self._spent: dict[str, list[float]] = {}  # model: money, requests

    def gauge(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """Adds a gauge that is read at every scrape."""
        Gauge(_PREFIX + name, help_text, registry=self._registry).set_function(value)

    def upstream_gauge(self, name: str, help_text: str, values: dict[str, Callable[[], float]]) -> None:
        """Adds a gauge by upstream that is read at every scrape."""
        gauge = Gauge(_PREFIX + name, help_text, ["upstream"], registry=self._registry)
        for upstream, value in values.items():
            gauge.labels(upstream).set_function(value)

    def count(self, exchange: Exchange, now: float) -> None:
        """Counts a request that has ended, however it has."""
        model = self._label(exchange.model)
        route = exchange.route.path if exchange.route is not None else "other"
        self.requests.labels(route, exchange.outcome, model).inc()
        if exchange.route is None or not exchange.route.engine or not exchange.upstream:
            return
        prompt, completion = exchange.tokens("prompt"), exchange.tokens("completion")
        cached = cached_tokens(exchange.usage) if exchange.usage else None
        for kind, number in (("prompt", prompt), ("completion", completion), ("cached", cached)):
            if number:
                self.tokens.labels(model, kind).inc(number)
        self.latency.labels(model).observe(now - exchange.started)
        if exchange.first is not None:
            self.ttft.labels(model).observe(exchange.first - exchange.started)
            if completion > 1:
                self.tpot.labels(model).observe((now - exchange.first) / (completion - 1))
        self.device_seconds.labels(model).inc(exchange.device_seconds)
        if exchange.cost:
            spent = self._spent.setdefault(model, [0.0, 0])
            spent[0] += exchange.cost
            spent[1] += 1

    def text(self) -> bytes:
        """The exposition that Prometheus scrapes."""
        for model, (money, requests) in self._spent.items():
            self._cost.labels(model).set(1000 * money / requests)
        return generate_latest(self._registry)
