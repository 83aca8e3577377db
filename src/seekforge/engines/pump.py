"""The thread that owns an OpenVINO pipeline: takes requests in, steps it while there is work, hands the tokens out.

`ContinuousBatchingPipeline.step()` keeps Python's lock (measured on 2026.4), so nothing else of this process runs
meanwhile. A server has it called without the lock (`unlocked`). Else, and where that cannot be, the thread waits after
each step until the event loop has passed its pieces on; otherwise the loop would lose the lock at its first system
call, and every call would cost it a whole step. In both cases pieces go to a loop once a step, not once a token, and a
step waits a little for clients whose answers have just ended (`returns`).
"""

from __future__ import annotations

import asyncio
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from seekforge.core.errors import EngineError, SeekforgeError
from seekforge.engines.detokenise import Detokeniser, Piece
from seekforge.engines.openvino_options import SCHEMA
from seekforge.engines.protocol import Delta, EngineStats, FinishReason
from seekforge.engines.returns import Returns
from seekforge.engines.unlocked import unlocked_step

_PASS_ON = 0.01  # seconds that an event loop gets between two steps, at most
# Turns of the loop that it needs: for the readers to wake and what they wrote to go out; and, where a step made nothing
# to read (it read a long prompt), for a client's leaving to come through from the socket to `cancel`.
_TURNS, _TURNS_OF_NOTHING = 2, 8
_REASONS: dict[str, FinishReason] = {"STOP": "stop", "LENGTH": "length"}
Event = Delta | SeekforgeError


@dataclass(slots=True, eq=False)
class Job:
    """One request on its way through the pipeline.

    Attributes:
        prompt: Its token ids.
        options: Keyword arguments of `GenerationConfig`.
        end_tokens: Ids that are not part of the answer when they are the last one.
        detokeniser: Makes the pieces' text; None where nobody wants text on the way.
        put: Takes each piece, the last one with a finish reason, or the error that ended it.
        loop: Where `put` must be called; None for any thread.
        logprobs: Log probabilities of the ids that are not handed out yet, where they are wanted.
        unsent: Ids since the last piece.
        sent: When the last piece was made, in seconds from anywhere; the first is made at once.
    """

    prompt: tuple[int, ...]
    options: dict[str, Any]
    end_tokens: frozenset[int]
    detokeniser: Detokeniser | None
    put: Callable[[Event], None]
    loop: asyncio.AbstractEventLoop | None = None
    logprobs: deque[float] | None = None
    unsent: list[int] = field(default_factory=list)
    sent: float = float("-inf")
    handle: Any = None
    finished: bool = False


@dataclass(slots=True)
class _State:
    """What the threads share, under the condition's lock."""

    waiting: deque[Job] = field(default_factory=deque)
    cancelled: list[Job] = field(default_factory=list)
    closing: bool = False
    failure: str | None = None


class Pump:
    """Runs one pipeline.

    Args:
        pipeline: An `openvino_genai.ContinuousBatchingPipeline`, or what behaves like one.
        add: Adds a job to the pipeline under a number and returns its handle.
        most_running: Requests in the pipeline at once; the others wait here.
        piece_seconds: Least time between two pieces of one answer.
        unlocked: Step without Python's lock where that can be had; an error in a step then ends the process.
        return_seconds: How long a step waits for clients who may be back with their next request, at most.
    """

    def __init__(
        self,
        pipeline: Any,  # noqa: ANN401  OpenVINO has no types
        add: Callable[[Any, int, Job], Any],
        most_running: int,
        piece_seconds: float = 0.0,
        *,
        unlocked: bool = False,
        return_seconds: float = 0.006,
    ) -> None:
        self._pipeline, self._add, self._most = pipeline, add, most_running
        self._piece_seconds, self._return_seconds = piece_seconds, return_seconds
        self._returns = Returns()
        self._unlocked, self._locked = unlocked_step(pipeline) if unlocked else None, True
        self._numbers = itertools.count()  # the pipeline breaks when two live requests share a number
        self._changed = threading.Condition()
        self._state = _State()
        self._active: list[Job] = []
        self._outbox: list[tuple[Job, Event]] = []
        self._cache_usage = 0.0
        self._turned = float("-inf")  # when the loops had their last turn
        self._thread = threading.Thread(target=self._run, name="openvino", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queues a job.

        Raises:
            EngineError: The engine is closed or has failed.
        """
        with self._changed:
            if self._state.failure is not None or self._state.closing:
                raise self._gone()
            self._state.waiting.append(job)
            self._changed.notify()

    def cancel(self, job: Job) -> None:
        """Ends a job at the next step; harmless when it is finished."""
        with self._changed:
            if not job.finished:
                self._state.cancelled.append(job)
                self._changed.notify()

    def stats(self) -> EngineStats:
        """The load now."""
        with self._changed:
            running, waiting = len(self._active), len(self._state.waiting)
        return EngineStats(running, waiting, self._cache_usage if running else 0.0)

    def close(self) -> None:
        """Ends the thread; whoever still waits gets an `EngineError`."""
        with self._changed:
            self._state.closing = True
            self._changed.notify()
        self._thread.join()

    def _gone(self) -> EngineError:
        if self._state.failure is None:
            return EngineError("the engine is closed", mend="Start a new one")
        return EngineError(f"the engine has failed: {self._state.failure}", mend="Start a new one")

    def _run(self) -> None:
        failure: str | None = "its thread ended"  # stands when an error that is no RuntimeError comes through
        try:
            while self._wait_for_work():
                self._wait_for_returns()
                self._drop_cancelled()
                self._returns.came(self._admit())
                self._step()
            failure = None
        except RuntimeError as error:
            failure = str(error)
        finally:
            self._end(failure)

    def _wait_for_work(self) -> bool:
        with self._changed:
            while not (self._has_work() or self._state.closing):
                self._changed.wait()
            return not self._state.closing

    def _wait_for_returns(self) -> None:
        expected = self._returns.expected()
        if expected and 0 < len(self._active) < self._most:
            state = self._state
            with self._changed:
                self._changed.wait_for(lambda: state.closing or len(state.waiting) >= expected, self._return_seconds)

    def _has_work(self) -> bool:
        # A request that was cancelled keeps its place in the pipeline until the next step.
        left = self._active or self._pipeline.has_non_finished_requests()
        return bool(left or self._state.waiting or self._state.cancelled)

    def _drop_cancelled(self) -> None:
        with self._changed:
            cancelled, self._state.cancelled = self._state.cancelled, []
            for job in cancelled:
                if job in self._state.waiting:
                    self._state.waiting.remove(job)
        for job in cancelled:
            if not job.finished:
                self._finish(job, Delta((), "", "cancelled"))

    def _admit(self) -> int:
        """Lets in who waits, as far as there are places; how many that were."""
        count = 0
        while True:
            with self._changed:
                if not self._state.waiting or len(self._active) >= self._most:
                    return count
                count += 1
                job = self._state.waiting.popleft()
                self._active.append(job)
            try:
                job.handle = self._add(self._pipeline, next(self._numbers), job)
            except RuntimeError as error:
                self._finish(job, EngineError(f"the engine refused the request: {error}"))

    def _step(self) -> None:
        if self._pipeline.has_non_finished_requests():
            self._compute()
            self._cache_usage = min(1.0, self._pipeline.get_metrics().cache_usage / 100)
        now = time.monotonic()
        for job in list(self._active):
            self._collect(job, now)
        self._send(now)

    def _compute(self) -> None:
        """One step of the pipeline.

        With the lock where an answer is bound to a schema: those are what has made a step raise, and an error without
        the lock ends the process.
        """
        bound = any(SCHEMA in job.options for job in self._active)
        step = None if bound else self._unlocked
        if step is None and not self._locked:  # what was made without the lock may not have gone out yet
            self._locked, self._turned = True, -math.inf
            self._send(time.monotonic())
        self._locked = step is None
        (step or self._pipeline.step)()

    def _collect(self, job: Job, now: float) -> None:
        reason = _read(job)
        if reason is None and now - job.sent < self._piece_seconds:
            return
        token_ids = job.unsent
        if token_ids:
            job.unsent, job.sent = [], now
        if reason == "stop" and token_ids and token_ids[-1] in job.end_tokens:
            token_ids.pop()
        piece = _push(job, token_ids, last=reason is not None)
        if job.detokeniser is not None and job.detokeniser.stopped:
            reason = "stop"
        if reason is not None:
            self._returns.ended()
            self._finish(job, _delta(job, piece, reason))
        elif job.handle.get_status().name == "IGNORED":
            self._finish(
                job, EngineError("the request does not fit the KV cache", mend="Give the engine a larger cache")
            )
        elif piece.token_ids or piece.text:
            self._outbox.append((job, _delta(job, piece)))

    def _finish(self, job: Job, event: Event) -> None:
        with self._changed:
            job.finished = True
            if job in self._active:
                self._active.remove(job)
        if job.handle is not None:
            job.handle.cancel()
        self._outbox.append((job, event))

    def _send(self, now: float = math.inf) -> None:
        """Hands out what the step made; one call a loop, and its turn to pass the pieces on where the step held it up.

        Short steps that made nothing to hand out share a turn: it costs two switches between threads.
        """
        if not self._outbox and now - self._turned < self._piece_seconds:
            return
        self._turned = now
        outbox, self._outbox = self._outbox, []
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Job, Event]]]
        by_loop = {job.loop: [] for job in self._active if job.loop is not None and self._locked}
        for job, event in outbox:
            if job.loop is None:
                job.put(event)
            else:
                by_loop.setdefault(job.loop, []).append((job, event))
        is_long = not any(job.unsent for job in self._active)  # a step that wrote nothing has read a long prompt
        for loop, events in by_loop.items():
            passed_on = threading.Event()
            turns = _TURNS_OF_NOTHING if is_long and not events else _TURNS
            try:
                loop.call_soon_threadsafe(_deliver, loop, events, turns, passed_on)
            except RuntimeError:  # that loop is closed, and with it went whoever listened
                for job, _ in events:
                    self.cancel(job)
                continue
            if self._locked:
                passed_on.wait(_PASS_ON)

    def _end(self, failure: str | None) -> None:
        with self._changed:
            self._state.closing = True
            self._state.failure = failure
            left = [*self._active, *self._state.waiting]
            self._state.waiting.clear()
        for job in left:
            self._finish(job, self._gone())
        self._send()
        if failure is None and self._pipeline.has_non_finished_requests():
            self._pipeline.step()  # frees what was just cancelled; the pipeline complains of a leak otherwise
        self._pipeline = None


def _read(job: Job) -> FinishReason | None:
    """Takes what the pipeline has written for it; the reason when that was the last of it."""
    reason: FinishReason | None = None
    while job.handle.can_read():  # `read` without it blocks for ever
        for output in job.handle.read().values():
            job.unsent.extend(output.generated_ids)
            if job.logprobs is not None:
                job.logprobs.extend(output.generated_log_probs)
            reason = _REASONS.get(output.finish_reason.name)
    return reason


def _delta(job: Job, piece: Piece, reason: FinishReason | None = None) -> Delta:
    logprobs = () if job.logprobs is None else tuple(job.logprobs.popleft() for _ in piece.token_ids)
    return Delta(piece.token_ids, piece.text, reason, logprobs)


def _push(job: Job, token_ids: list[int], *, last: bool) -> Piece:
    if job.detokeniser is None:
        return Piece(tuple(token_ids), "")
    piece = job.detokeniser.push(token_ids)
    if not last:
        return piece
    rest = job.detokeniser.finish()
    return Piece(piece.token_ids + rest.token_ids, piece.text + rest.text)


def _deliver(
    loop: asyncio.AbstractEventLoop, events: list[tuple[Job, Event]], turns: int, passed_on: threading.Event
) -> None:
    for job, event in events:
        job.put(event)
    _turn(loop, turns, passed_on)


def _turn(loop: asyncio.AbstractEventLoop, left: int, passed_on: threading.Event) -> None:
    if left:
        loop.call_soon(_turn, loop, left - 1, passed_on)
    else:
        passed_on.set()
