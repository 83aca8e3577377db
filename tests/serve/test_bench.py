import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.serve.bench import Load, Sample, percentile, run, summarise
from seekforge.serve.process import Worker, WorkerSpec, free_port


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_the_summary_counts_only_what_succeeded() -> None:
    samples = [
        Sample(0.1, 1.0, 10),
        Sample(0.3, 3.0, 30),
        Sample(0.2, 2.0, 20),
        Sample(math.nan, math.nan, 0, "HTTP 503"),
    ]
    summary = summarise(samples, seconds=4.0)
    assert (summary.requests, summary.errors, summary.first_error) == (4, 1, "HTTP 503")
    assert (summary.tokens_per_second, summary.requests_per_second) == (15.0, 0.75)
    assert (summary.ttft_p50, summary.ttft_p95, summary.latency_p50, summary.latency_p95) == (0.2, 0.3, 2.0, 3.0)


def test_nothing_that_succeeded_has_no_times() -> None:
    summary = summarise([Sample(math.nan, math.nan, 0, "x")], seconds=1.0)
    assert math.isnan(summary.ttft_p50)
    assert summary.tokens_per_second == 0


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.integers(1, 100))
def test_percentile_is_the_smallest_value_that_enough_do_not_exceed(values: list[float], share: int) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= share * len(values)
    assert sum(value < found for value in values) * 100 < share * len(values)


def test_load_on_a_real_worker(tmp_path: Path) -> None:
    with Worker(WorkerSpec("fake", "demo", tmp_path / "log", ready_seconds=60)) as worker:
        summary = run(Load(worker.url, "demo", [user("one two three"), user("four")], 12, 4, max_new_tokens=2))
        wrong = run(Load(worker.url, "other", [user("x")], 2, 2, max_new_tokens=16))
    assert (summary.requests, summary.errors) == (12, 0)
    assert summary.tokens_per_second * summary.seconds == pytest.approx(12 * 2)
    assert 0 < summary.ttft_p50 <= summary.latency_p50 <= summary.latency_p95
    assert wrong.errors == 2
    assert "404" in str(wrong.first_error)


def test_nobody_there_is_an_error_and_no_exception() -> None:
    load = Load(f"http://127.0.0.1:{free_port()}", "demo", [user("x")], 2, 1, max_new_tokens=1)
    assert run(load).errors == 2
