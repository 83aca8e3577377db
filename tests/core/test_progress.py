"""Plain progress for logs: a line now and then, not one a step."""

import io
import sys

import pytest

from seekforge.core.progress import Plain, Silent, for_terminal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("seekforge.core.progress.time.monotonic", lambda: now[0])
    return now


def test_plain_says_at_once() -> None:
    stream = io.StringIO()
    Plain(stream).say("data running [1/2]")
    assert stream.getvalue() == "data running [1/2]\n"


def test_plain_counts_every_ten_seconds_and_sums_up(clock: list[float]) -> None:
    stream = io.StringIO()
    with Plain(stream).task("training", 40, done=4) as task:
        for _ in range(36):
            clock[0] += 1
            task.advance(note="loss 0.5")
    assert stream.getvalue().splitlines() == [
        "  training: 14/40 loss 0.5",
        "  training: 24/40 loss 0.5",
        "  training: 34/40 loss 0.5",
        "  training: 40/40 in 36 s",
    ]


def test_plain_is_quiet_about_what_is_quick(clock: list[float]) -> None:
    stream = io.StringIO()
    with Plain(stream).task("training", 40) as task:
        task.advance(40)
        clock[0] += 9
    assert stream.getvalue() == ""


def test_silent_keeps_what_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Silent()
    quiet.say("one")
    with quiet.task("t", 2) as task:
        task.advance()
    quiet.say("two")
    assert quiet.lines == ["one", "two"]
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_a_pipe_gets_plain_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert not sys.stderr.isatty()
    found = for_terminal()
    assert isinstance(found, Plain)
    found.say("here")
    assert capsys.readouterr().err == "here\n"
