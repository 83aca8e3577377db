"""Figures of a running server, as Prometheus would read them."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families
from tests.patience import LONG

if TYPE_CHECKING:
    from seekforge.serve.process import Worker


def total(exposition: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels; 0 where there are none."""
    samples = [s for family in text_string_to_metric_families(exposition) for s in family.samples if s.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def at_work(worker: Worker) -> float:
    """Requests that the worker's engine works on now."""
    return total(_scraped(worker), "seekforge_requests_running")


def answers(worker: Worker, outcome: str) -> float:
    """Answers that have ended so: `ok`, `error`, or `cancelled` because nobody read them any more."""
    return total(_scraped(worker), "seekforge_requests_total", outcome=outcome)


def _scraped(worker: Worker) -> str:
    with urllib.request.urlopen(f"{worker.url}/metrics", timeout=LONG) as response:
        return str(response.read(), "utf-8")
