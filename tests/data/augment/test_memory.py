"""Answers that were paid for: kept at once, asked for once, there after kill -9."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from seekforge.core.errors import EngineError
from seekforge.data.augment.memory import Answers, remembered
from seekforge.engines.chat.protocol import Heard, Reply

KILLED = """
import os, signal, sys
from pathlib import Path
from seekforge.data.augment.memory import Answers, remembered
from seekforge.engines.chat.protocol import Reply

def ask(texts, heard):
    for index, text in enumerate(texts):
        if index == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        heard(index, Reply(text.upper()))

remembered(Answers(Path(sys.argv[1])), ["who"], list("abcdef"), ask)
"""


def test_after_kill_nine_only_the_rest_is_asked(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    asked: list[str] = []

    def ask(texts: Sequence[str], heard: Heard) -> list[Reply]:
        asked.extend(texts)
        return [Reply(text.upper()) for text in texts]

    replies = remembered(Answers(tmp_path), ["who"], list("abcdef"), ask)
    assert asked == list("def")
    assert [reply.text for reply in replies] == list("ABCDEF")


def test_equal_texts_are_asked_once_and_another_asker_is_another_answer() -> None:
    answers, asked = Answers(), list[str]()

    def ask(texts: Sequence[str], heard: Heard) -> list[Reply]:
        asked.extend(texts)
        replies = [Reply(f"{text}!") for text in texts]
        for index, reply in enumerate(replies):
            heard(index, reply)
        return replies

    assert [reply.text for reply in remembered(answers, ["one"], ["a", "b", "a"], ask)] == ["a!", "b!", "a!"]
    remembered(answers, ["one"], ["b", "a"], ask)
    assert asked == ["a", "b"]
    remembered(answers, ["two"], ["a"], ask)
    assert asked == ["a", "b", "a"]
    assert len(answers) == 3


def test_failures_are_told_and_not_kept() -> None:
    answers = Answers()
    replies = remembered(answers, ["one"], ["a"], lambda texts, heard: [Reply(failure="HTTP 500")])
    assert replies == [Reply(failure="HTTP 500")]
    assert len(answers) == 0


def test_when_nobody_answers_any_more_the_work_stops() -> None:
    texts = [str(number) for number in range(8)]
    with pytest.raises(EngineError, match="no answer to any of 8 texts"):
        remembered(Answers(), ["one"], texts, lambda texts, heard: [Reply(failure="gone", gone=True)] * len(texts))


def test_texts_that_nobody_could_answer_do_not_stop_the_work() -> None:
    texts = [str(number) for number in range(8)]
    replies = remembered(Answers(), ["one"], texts, lambda texts, heard: [Reply(failure="too long")] * len(texts))
    assert {reply.failure for reply in replies} == {"too long"}
