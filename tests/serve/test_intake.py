"""What a worker turns away, and how it stops."""

import asyncio
import json
from typing import Any

import pytest
from tests.patience import LONG, patiently
from tests.serve.client import COMPLETIONS, USER, Client

from seekforge.engines.fake import FakeEngine
from seekforge.serve.intake import Intake, Limits, retry_after

BODY = json.dumps({"messages": USER}).encode()


@pytest.mark.parametrize(
    ("present", "seconds", "expected"), [(1, 0.1, 1), (64, 2.0, 2), (65, 2.0, 4), (320, 2.0, 10), (320, 600.0, 60)]
)
def test_how_long_to_wait(present: int, seconds: float, expected: int) -> None:
    assert retry_after(present, Limits(running=64), seconds) == expected


def test_more_than_may_wait_get_429_and_the_others_their_answers() -> None:
    def many(token_seconds: float) -> None:
        client = Client(FakeEngine(token_seconds=token_seconds), limits=Limits(running=2, waiting=3))

        async def burst() -> list[Any]:
            return await asyncio.gather(*(client._send("POST", COMPLETIONS, BODY) for _ in range(8)))

        answers = asyncio.run(burst())
        assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 3
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["type"] == "rate_limit_error"
        assert client.metric("seekforge_requests_total", route=COMPLETIONS, outcome="refused") == 3
        assert client.post().status_code == 200, "places are given back"

    patiently(many, 0.02, 0.2, 1)


def test_a_refused_body_is_not_read() -> None:
    client = Client(FakeEngine(), limits=Limits(running=1, waiting=0))
    client.app.state.service.intake.draining = True

    async def never() -> Any:
        raise AssertionError("the body was asked for")

    async def ask() -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": COMPLETIONS, "headers": [], "query_string": b""}
        await client.app({**scope, "http_version": "1.1", "scheme": "http", "root_path": ""}, never, send)
        return int(sent[0]["status"])

    assert asyncio.run(ask()) == 503


def test_draining_ends_what_runs_and_takes_nothing_new() -> None:
    engine = FakeEngine(token_seconds=0.01)
    client = Client(engine)
    intake = client.app.state.service.intake

    async def stop_in_the_middle() -> tuple[Any, Any, Any, bool]:
        running = asyncio.ensure_future(client._send("POST", COMPLETIONS, BODY))
        while not engine.stats().running:
            await asyncio.sleep(0.005)
        draining = asyncio.ensure_future(intake.drained(LONG))
        await asyncio.sleep(0)
        late = await client._send("POST", COMPLETIONS, BODY)
        state = await client._send("GET", "/healthz", b"")
        return await running, late, state, await draining

    done, late, state, in_time = asyncio.run(stop_in_the_middle())
    assert done.json()["choices"][0]["message"]["content"] == USER[0]["content"]
    assert (late.status_code, late.headers["retry-after"], state.status_code, in_time) == (503, "1", 200, True)


def test_draining_has_a_deadline_and_then_everything_is_cancelled() -> None:
    engine = FakeEngine(token_seconds=60)
    client = Client(engine)
    intake = client.app.state.service.intake

    async def stop_soon() -> bool:
        running = asyncio.ensure_future(client._send("POST", COMPLETIONS, BODY))
        while not engine.stats().running:
            await asyncio.sleep(0.005)
        in_time = await intake.drained(0.05)
        intake.cancel_all()
        with pytest.raises(asyncio.CancelledError):
            await running
        return bool(in_time)

    assert asyncio.run(stop_soon()) is False
    assert (engine.stats().running, engine.cancelled) == (0, 1)


def test_an_idle_worker_is_drained_at_once() -> None:
    assert asyncio.run(Intake(Limits(), lambda: 0.0).drained(60))


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_takes_too_long_is_ended(stream: bool) -> None:
    def ended(seconds: float) -> None:
        engine = FakeEngine(token_seconds=seconds / 4, first_seconds=0 if stream else LONG)
        client = Client(engine, limits=Limits(answer_seconds=seconds))
        response = client.post(stream=stream)
        if stream:
            assert response.status_code == 200, "its head came in time"
            last = json.loads(response.text.strip().split("\n\n")[-1].removeprefix("data: "))
            assert last["error"]["code"] == "deadline_exceeded"
            assert "[DONE]" not in response.text
        else:
            assert (response.status_code, response.json()["error"]["code"]) == (504, "deadline_exceeded")
        assert engine.stats().running == 0
        assert client.metric("seekforge_requests_total", outcome="error") == 1

    patiently(ended, 0.2, 2, 10)
