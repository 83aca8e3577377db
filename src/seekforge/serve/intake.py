"""How many requests a worker takes, and how it stops: what runs may end, nothing new begins."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seekforge.serve.body import broken_off, read_body
from seekforge.serve.errors import ApiError

_LONGEST_WAIT = 60


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker takes.

    Attributes:
        running: Requests that the engine decodes at once.
        waiting: Requests that may wait for it; more get 429.
        answer_seconds: How long one answer may take, waiting included.
        send_seconds: How long a client may leave a piece unread.
        body_seconds: How long a request's body may take.
        body_bytes: Largest body.
    """

    running: int = 64
    waiting: int = 256
    answer_seconds: float = 600.0
    send_seconds: float = 30.0
    body_seconds: float = 30.0
    body_bytes: int = 8 << 20


def retry_after(present: int, limits: Limits, seconds_each: float) -> int:
    """Whole seconds until a place should be free: the queue's share that one round of answers works off.

    >>> retry_after(320, Limits(), 2.0)
    10
    """
    rounds = max(1, math.ceil(present / limits.running))
    return min(_LONGEST_WAIT, max(1, math.ceil(rounds * seconds_each)))


class Intake:
    """Counts the answers at work.

    Args:
        limits: What is allowed.
        clock: Seconds, from anywhere.

    Attributes:
        draining: Whether nothing new is taken.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.limits, self._clock = limits, clock
        self.draining = False
        self._tasks: set[asyncio.Task[object]] = set()
        self._idle: asyncio.Event | None = None
        self._seconds_each = 1.0

    def refusal(self) -> ApiError | None:
        """Why a request is not taken now; None when it is."""
        present = len(self._tasks)
        if self.draining:
            return ApiError(503, "the worker is stopping", code="draining", retry_after=1)
        if present < self.limits.running + self.limits.waiting:
            return None
        seconds = retry_after(present, self.limits, self._seconds_each)
        return ApiError(429, f"{present} requests are at work or waiting", code="overloaded", retry_after=seconds)

    async def drained(self, seconds: float) -> bool:
        """Takes nothing new, and waits until all that runs has ended; false when it has not by then."""
        self.draining = True
        self._idle = asyncio.Event()
        if not self._tasks:
            return True
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def cancel_all(self) -> None:
        """Ends what still runs."""
        for task in self._tasks:
            task.cancel()

    def enter(self) -> float:
        """Counts the running task in; returns when that was."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        return self._clock()

    def leave(self, since: float) -> None:
        """Counts it out."""
        self._tasks -= {asyncio.current_task()}
        self._seconds_each += 0.2 * (self._clock() - since - self._seconds_each)
        if not self._tasks and self._idle is not None:
            self._idle.set()


class IntakeMiddleware:
    """Lets requests for answers in, or turns them away: before their body is read, and again once it is there.

    A body that drips holds no place.

    Args:
        app: What answers.
        intake: What counts.
        routes: Those whose requests are counted.
        refused: Told the route of each request that is turned away.
    """

    def __init__(self, app: ASGIApp, intake: Intake, routes: Collection[str], refused: Callable[[str], None]) -> None:
        self._app, self._intake, self._routes, self._refused = app, intake, routes, refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request."""
        if scope["type"] != "http" or scope["path"] not in self._routes:
            await self._app(scope, receive, send)
            return
        error = self._intake.refusal()
        if error is None:
            try:
                receive = await self._with_body(scope, receive)
                error = self._intake.refusal()
            except ApiError as problem:
                error = problem
        if error is not None:
            self._refused(scope["path"])
            await JSONResponse(error.body(), error.status, error.headers())(scope, receive, send)
            return
        since = self._intake.enter()
        try:
            await self._app(scope, receive, send)
        finally:
            self._intake.leave(since)

    async def _with_body(self, scope: Scope, receive: Receive) -> Receive:
        """`receive` that gives the whole body at once, then what follows it."""
        limits = self._intake.limits
        try:
            headers = dict(scope["headers"])
            body = await read_body(receive, headers, limits.body_bytes, limits.body_seconds, to_the_end=True)
        except ConnectionAbortedError as error:
            raise broken_off() from error
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return pending.pop() if pending else await receive()

        return again
