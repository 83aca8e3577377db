import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from tests.patience import LONG, patiently

from seekforge.serve.streaming import EventStream, until_disconnect

SCOPE: dict[str, Any] = {"type": "http"}


class Events:
    """Endless events that know whether they were closed."""

    def __init__(self, limit: int = 10**9) -> None:
        self.closed, self.limit, self.sent = False, limit, 0

    async def __call__(self) -> AsyncGenerator[bytes, None]:
        try:
            while self.sent < self.limit:
                self.sent += 1
                yield b"data: x\n\n"
                await asyncio.sleep(0)
        finally:
            self.closed = True


async def never() -> Any:
    await asyncio.Event().wait()


async def swallow(message: Any) -> None:
    await asyncio.sleep(0)


def test_it_sends_everything_and_ends_the_body() -> None:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    events = Events(limit=3)
    asyncio.run(EventStream(events())(SCOPE, never, send))
    assert messages[0]["status"] == 200
    assert [m["body"] for m in messages[1:]] == [b"data: x\n\n"] * 3 + [b""]
    assert [m["more_body"] for m in messages[1:]] == [True] * 3 + [False]


def test_a_client_that_goes_ends_the_events() -> None:
    async def gone_soon() -> Any:
        await asyncio.sleep(0.02)
        return {"type": "http.disconnect"}

    events = Events()
    asyncio.run(asyncio.wait_for(EventStream(events())(SCOPE, gone_soon, swallow), LONG))
    assert events.closed


def test_a_client_that_stops_reading_ends_the_events() -> None:
    events = Events()

    async def stuck_after_two(message: Any) -> None:
        if events.sent > 2:
            await never()

    asyncio.run(asyncio.wait_for(EventStream(events(), send_seconds=0.05)(SCOPE, never, stuck_after_two), LONG))
    assert events.closed
    assert events.sent == 3


def test_a_slow_stream_with_quick_sends_is_left_alone() -> None:
    def alone(seconds: float) -> None:
        messages: list[Any] = []

        async def slow() -> AsyncGenerator[bytes, None]:
            for _ in range(4):
                await asyncio.sleep(1.5 * seconds)
                yield b"x"

        async def send(message: Any) -> None:
            messages.append(message)

        asyncio.run(EventStream(slow(), send_seconds=seconds)(SCOPE, never, send))
        assert [m["body"] for m in messages[1:]] == [b"x"] * 4 + [b""]

    patiently(alone, 0.04, 0.4, 3)


def test_a_broken_connection_ends_the_events() -> None:
    events = Events()

    async def broken(message: Any) -> None:
        if events.sent > 1:
            raise ConnectionResetError

    asyncio.run(EventStream(events())(SCOPE, never, broken))
    assert events.closed


def test_work_is_done_or_cancelled_or_raises() -> None:
    cancelled = asyncio.Event()

    async def work() -> int:
        return 5

    async def long_work() -> int:
        try:
            await never()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return 5

    async def failing() -> int:
        raise ValueError("x")

    async def disconnect() -> Any:
        return {"type": "http.disconnect"}

    assert asyncio.run(until_disconnect(never, work())) == 5
    assert asyncio.run(until_disconnect(disconnect, long_work())) is None
    assert cancelled.is_set()
    with pytest.raises(ValueError, match="x"):
        asyncio.run(until_disconnect(never, failing()))
