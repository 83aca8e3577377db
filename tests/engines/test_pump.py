"""The pump with a scripted pipeline: what the real one does rarely or never."""

import asyncio
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from tests.patience import LONG, wait_for

from seekforge.core.errors import EngineError, SeekforgeError
from seekforge.engines.detokenise import Detokeniser
from seekforge.engines.openvino_options import SCHEMA
from seekforge.engines.protocol import Delta
from seekforge.engines.pump import Event, Job, Pump
from seekforge.engines.returns import Returns


@dataclass
class Handle:
    limit: int
    out: list[int] = field(default_factory=list)
    status: str = "RUNNING"

    def can_read(self) -> bool:
        return bool(self.out)

    def read(self) -> dict[int, Any]:
        last = self.limit == 0
        ids, self.out = self.out, []
        return {0: SimpleNamespace(generated_ids=ids, finish_reason=SimpleNamespace(name="LENGTH" if last else "NONE"))}

    def get_status(self) -> Any:
        return SimpleNamespace(name=self.status)

    def cancel(self) -> None:
        self.limit = 0


class Pipeline:
    """Writes `a` a step for every live request; fails at step `fail_at`."""

    def __init__(self, fail_at: int | None = None, seconds: float = 0.001) -> None:
        self.live: list[Handle] = []
        self.steps, self.fail_at, self.seconds, self.most = 0, fail_at, seconds, 0

    def add(self, number: int, job: Job) -> Handle:
        if job.prompt == (13,):
            raise RuntimeError("unlucky")
        handle = Handle(job.options["max_new_tokens"])
        self.live.append(handle)
        return handle

    def has_non_finished_requests(self) -> bool:
        return bool(self.live)

    def step(self) -> None:
        time.sleep(self.seconds)
        self.steps += 1
        self.most = max(self.most, len(self.live))
        if self.steps == self.fail_at:
            raise RuntimeError("out of memory")
        for handle in self.live:
            if handle.limit > 0:
                handle.limit -= 1
                handle.out.append(ord("a"))
        self.live = [handle for handle in self.live if handle.limit > 0]

    def get_metrics(self) -> Any:
        return SimpleNamespace(cache_usage=50.0)


def make(pipeline: Pipeline, most: int = 4) -> Pump:
    return Pump(pipeline, lambda p, number, job: p.add(number, job), most)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.fixture
def pump(pipeline: Pipeline) -> Iterator[Pump]:
    pump = make(pipeline)
    yield pump
    pump.close()


def job(limit: int, put: Any, stop: tuple[str, ...] = (), prompt: tuple[int, ...] = (1,)) -> Job:
    return Job(prompt, {"max_new_tokens": limit}, frozenset(), Detokeniser(lambda ids: bytes(ids).decode(), stop), put)


def drain(events: "queue.SimpleQueue[Event]") -> tuple[str, Event]:
    text = ""
    while True:
        event = events.get(timeout=LONG)
        if isinstance(event, SeekforgeError):
            return text, event
        text += event.text
        if event.finish_reason:
            return text, event


def test_more_requests_than_places_all_finish(pump: Pump, pipeline: Pipeline) -> None:
    queues: list[queue.SimpleQueue[Event]] = [queue.SimpleQueue() for _ in range(10)]
    for events in queues:
        pump.submit(job(3, events.put))
    assert [drain(events)[0] for events in queues] == ["aaa"] * 10
    assert pipeline.most <= 4


def test_pieces_come_no_closer_than_asked_the_first_at_once_and_nothing_is_lost(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock on which every step takes a second."""
    monkeypatch.setattr("seekforge.engines.pump.time", SimpleNamespace(monotonic=lambda: float(pipeline.steps)))
    pump = Pump(pipeline, lambda p, number, job: p.add(number, job), 4, piece_seconds=5)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    pump.submit(job(20, events.put))
    seen: list[Delta] = []
    while not seen or seen[-1].finish_reason is None:
        event = events.get(timeout=LONG)
        assert isinstance(event, Delta)
        seen.append(event)
    pump.close()
    assert "".join(delta.text for delta in seen) == "a" * 20
    assert [len(delta.token_ids) for delta in seen] == [1, 5, 5, 5, 4]


def test_a_step_waits_for_the_client_whose_answer_ended_a_step_ago(pipeline: Pipeline) -> None:
    """It cannot come back while a step computes; without the wait, the next step would begin before it is heard."""
    pump = Pump(pipeline, lambda p, number, job: p.add(number, job), 4, return_seconds=LONG)
    first, second = queue.SimpleQueue[Event](), queue.SimpleQueue[Event]()
    pump.submit(job(1000, lambda event: None))
    wait_for(lambda: pipeline.steps >= 1)
    pump.submit(job(1, first.put))
    drain(first)
    wait_for(lambda: stands_still(pipeline))
    assert pipeline.live, "it stepped on without them"
    pump.submit(job(1, second.put))
    assert drain(second)[0] == "a"
    pump.close()


def stands_still(pipeline: Pipeline) -> bool:
    before = pipeline.steps
    time.sleep(50 * pipeline.seconds)
    return pipeline.steps == before


def test_who_does_not_come_back_is_waited_for_twice_and_then_seldom() -> None:
    returns, waits = Returns(), []
    for _ in range(20):
        waits.append(returns.expected())
        returns.came(0)
        returns.ended()
    assert waits == [0, 0, 1, 1, *[0] * 6, 1, *[0] * 7, 1, 0]
    returns.expected()
    returns.came(1)  # one came after all
    returns.ended()
    returns.expected()
    assert returns.expected() == 1


def test_who_came_back_before_the_next_step_is_not_expected_after_it() -> None:
    returns = Returns()
    for _ in range(3):
        returns.ended()
    assert returns.expected() == 0, "they have had no time yet"
    returns.came(2)
    assert returns.expected() == 1


def test_a_stop_text_frees_the_place_without_another_request(pump: Pump, pipeline: Pipeline) -> None:
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    pump.submit(job(1000, events.put, stop=("aaa",)))
    text, last = drain(events)
    assert (text, last) == ("", Delta((), "", "stop"))
    wait_for(lambda: not pipeline.live)


def test_cancelled_while_it_waits_it_never_reaches_the_pipeline(pipeline: Pipeline) -> None:
    pump = make(pipeline, most=1)
    first: queue.SimpleQueue[Event] = queue.SimpleQueue()
    second: queue.SimpleQueue[Event] = queue.SimpleQueue()
    running = job(10**6, first.put)
    pump.submit(running)
    waiting = job(5, second.put)
    pump.submit(waiting)
    wait_for(lambda: pump.stats().running == 1)
    assert pump.stats().waiting == 1
    assert pump.stats().kv_cache_usage in (0.0, 0.5)
    pump.cancel(waiting)
    assert drain(second) == ("", Delta((), "", "cancelled"))
    assert pump.stats().running == 1
    pump.cancel(running)
    assert drain(first)[1] == Delta((), "", "cancelled")
    assert pipeline.most == 1
    pump.close()


def test_a_failing_step_fails_everyone_and_the_next_call(pipeline: Pipeline) -> None:
    pipeline.fail_at = 3
    pump = make(pipeline, most=1)
    queues: list[queue.SimpleQueue[Event]] = [queue.SimpleQueue() for _ in range(3)]
    for events in queues:
        pump.submit(job(100, events.put))
    ends = [drain(events)[1] for events in queues]
    assert all(isinstance(end, EngineError) and "out of memory" in str(end) for end in ends)
    with pytest.raises(EngineError, match="out of memory"):
        pump.submit(job(1, print))
    pump.close()


def test_one_refused_request_does_not_hurt_the_others(pump: Pump) -> None:
    good: queue.SimpleQueue[Event] = queue.SimpleQueue()
    bad: queue.SimpleQueue[Event] = queue.SimpleQueue()
    pump.submit(job(20, good.put))
    pump.submit(job(20, bad.put, prompt=(13,)))
    assert "unlucky" in str(drain(bad)[1])
    assert drain(good)[0] == "a" * 20


def test_a_request_that_outgrows_the_cache_is_an_error(pump: Pump, pipeline: Pipeline) -> None:
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    pump.submit(job(1000, events.put))
    wait_for(lambda: pipeline.live)
    handle = pipeline.live[0]
    handle.status = "IGNORED"
    pipeline.live.clear()
    assert "KV cache" in str(drain(events)[1])


def test_closing_answers_who_waits_and_ends_the_thread(pipeline: Pipeline) -> None:
    before = threading.active_count()
    pump = make(pipeline)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    pump.submit(job(10**6, events.put))
    wait_for(lambda: pipeline.live)
    pump.close()
    assert "closed" in str(drain(events)[1])
    assert threading.active_count() <= before
    assert not pipeline.live, "the pipeline must be stepped once more, or it reports a leak"
    with pytest.raises(EngineError, match="closed"):
        pump.submit(job(1, events.put))


def test_a_closed_event_loop_frees_the_place(pump: Pump, pipeline: Pipeline) -> None:
    loop = asyncio.new_event_loop()
    orphan = job(10**6, lambda event: None)
    orphan.loop = loop
    loop.close()
    pump.submit(orphan)
    wait_for(lambda: pump.stats().running == 0 and pipeline.steps > 0 and not pipeline.live)
    assert orphan.finished


def test_an_idle_pump_takes_no_time(pump: Pump, pipeline: Pipeline) -> None:
    assert pump._thread.ident is not None
    clock = time.pthread_getcpuclockid(pump._thread.ident)  # of this thread alone
    before, cpu = pipeline.steps, time.clock_gettime(clock)
    time.sleep(0.5)
    assert pipeline.steps == before
    assert time.clock_gettime(clock) - cpu < 0.05


@pytest.mark.parametrize(("wanted", "schema"), [(True, False), (True, True), (False, False)])
def test_a_step_is_made_without_the_lock_where_wanted_unless_a_schema_might_raise(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, wanted: bool, schema: bool
) -> None:
    """An error without the lock ends the process."""
    without: list[int] = []

    def step() -> None:
        without.append(pipeline.steps)
        pipeline.step()

    monkeypatch.setattr("seekforge.engines.pump.unlocked_step", lambda pipeline: step)
    pump = Pump(pipeline, lambda p, number, job: p.add(number, job), 4, unlocked=wanted)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    asked = job(3, events.put)
    if schema:
        asked.options[SCHEMA] = "{}"
    pump.submit(asked)
    assert drain(events)[0] == "aaa"
    pump.close()
    assert bool(without) == (wanted and not schema)


def test_pieces_made_without_the_lock_go_out_before_a_step_that_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else they would wait for that step, which may be a long one."""
    pipeline, arrived = Pipeline(), list[int]()
    heard: list[tuple[int, int]] = []  # pieces made, pieces heard, when a step with the lock began

    class Locking(Pipeline):
        def step(self) -> None:
            heard.append((pipeline.steps, len(arrived)))
            pipeline.step()

    monkeypatch.setattr("seekforge.engines.pump.unlocked_step", lambda _: pipeline.step)
    locking = Locking()
    locking.live = pipeline.live = []
    locking.has_non_finished_requests = pipeline.has_non_finished_requests  # type: ignore[method-assign]
    pump = Pump(locking, lambda p, number, job: pipeline.add(number, job), 4, unlocked=True)

    async def ask() -> None:
        ended = asyncio.Event()
        plain, bound = job(10**6, lambda event: arrived.append(1)), job(1, lambda event: ended.set())
        bound.options[SCHEMA] = "{}"
        plain.loop = bound.loop = asyncio.get_running_loop()
        pump.submit(plain)
        while not arrived:
            await asyncio.sleep(0.001)
        pump.submit(bound)
        await ended.wait()

    asyncio.run(asyncio.wait_for(ask(), LONG))
    pump.close()
    made, passed_on = heard[0]
    assert passed_on == made, "what was made before is heard before"


class Reading(Pipeline):
    """Reads a long prompt: steps that make nothing."""

    def step(self) -> None:
        time.sleep(self.seconds)
        self.steps += 1
        self.live = [handle for handle in self.live if handle.limit > 0]


def test_a_loop_gets_its_turn_after_steps_that_made_nothing() -> None:
    """A step keeps Python's lock; without a turn in between, nobody would hear that the client has gone."""

    class Loop:
        def __init__(self) -> None:
            self.events: list[int] = []
            self.turns: list[int] = []

        def call_soon_threadsafe(
            self, deliver: Any, loop: Any, events: Any, turns: int, passed_on: threading.Event
        ) -> None:
            self.events.append(len(events))
            self.turns.append(turns)
            passed_on.set()

    pipeline, loop = Reading(), Loop()
    pump = make(pipeline)
    waiting = job(10, lambda event: None)
    waiting.loop = loop  # type: ignore[assignment]
    pump.submit(waiting)
    wait_for(lambda: len(loop.events) >= 3)
    assert not any(loop.events)
    assert min(loop.turns) > 2, "the way from the socket to `cancel` takes more turns than passing a piece on"
    pump.cancel(waiting)
    wait_for(lambda: waiting.finished and not pipeline.live)
    pump.close()
