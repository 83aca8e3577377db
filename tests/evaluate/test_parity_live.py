"""Endpoints as the last step: one that tells nothing but texts, and our real worker, which tells tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.engines import chat_server, tiny
from tests.engines.chat_server import Server
from tests.evaluate import lineage
from tests.evaluate.lineage import Models

from seekforge.core.config import RemoteConfig
from seekforge.core.errors import ModelError
from seekforge.engines.openvino import OpenVinoEngine
from seekforge.engines.protocol import Sampling
from seekforge.evaluate.parity.gate import Parity
from seekforge.evaluate.parity.live import UNNAMED, LiveEndpoint
from seekforge.evaluate.parity.result import Step
from seekforge.serve.process import Worker, WorkerSpec

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return lineage.make(tmp_path_factory.mktemp("lineage"))


@pytest.fixture
def server() -> Iterator[Server]:
    with chat_server.serving() as state:
        yield state


def talk(server: Server, file: Path, cache: Path, dropped: int = 0) -> None:
    """The endpoint answers as this file does in the engine, and counts `dropped` tokens too few in the prompt."""
    said: dict[str, tuple[str, int]] = {}
    with closing(OpenVinoEngine(file, cache=cache)) as engine:
        prompts = [engine.encode(engine.render(record.prompt)) for record in lineage.RECORDS]
        answers = engine.generate(prompts, Sampling(max_new_tokens=64))
        for record, prompt, given in zip(lineage.RECORDS, prompts, answers, strict=True):
            said[record.text] = (given.text, len(prompt) - dropped)

    def answer(text: str, turn: int) -> tuple[int, object]:
        body = chat_server.completion(said[text][0])
        return 200, {**body, "usage": {"prompt_tokens": said[text][1]}}

    server.answer = answer


def judge(models: Models, folder: Path, url: str, served: str, *formats: str, model: str = "tiny") -> Parity:
    endpoint = RemoteConfig(url=url, model=model, attempts=1)
    # Without a start: what an endpoint does is compared with the file behind it.
    given = models.lineage(*formats, base=None, trained=None, endpoint=endpoint, served=served)
    return lineage.judge(given, folder)


def live(found: Parity) -> Step:
    return found.steps[-1]


def test_an_endpoint_that_tells_texts_only(models: Models, server: Server, tmp_path: Path) -> None:
    talk(server, models.file("Q8_0"), tmp_path)
    found = judge(models, tmp_path, server.url, "Q8_0", "Q8_0")
    step = live(found)
    assert found.passed
    assert (step.before, step.answers_equal, step.first_text) == ("INT8", 1.0, None)
    assert step.seen.choices is None
    assert step.seen.unequal_prompts == []
    assert any("takes no prompts of token ids (HTTP 404" in note for note in step.seen.notes)
    assert any("number of tokens" in note for note in step.seen.notes)
    assert "parity.live_step_agreement" not in {m.name for m in found.measurements}, "no figure is made up"
    assert {body["temperature"] for body in server.seen} == {0}


def test_an_endpoint_that_loses_the_bos(models: Models, server: Server, tmp_path: Path) -> None:
    talk(server, models.file("Q8_0"), tmp_path, dropped=1)
    found = judge(models, tmp_path, server.url, "Q8_0", "Q8_0")
    assert [cause.name for cause in live(found).causes] == ["lost BOS"]
    assert not found.passed


def test_full_precision_served_as_int4(models: Models, server: Server, tmp_path: Path) -> None:
    talk(server, models.file("F16"), tmp_path)
    found = judge(models, tmp_path, server.url, "Q4_0", "F16", "Q4_0")
    step = live(found)
    assert [cause.name for cause in step.causes] == ["full precision"]
    assert "the answers of F16, not those of INT4" in str(step.causes[0])
    assert step.first_text is not None
    at, expected, got = (step.first_text[key] for key in ("character", "expected", "got"))
    assert expected[:at] == got[:at]
    assert expected[at : at + 1] != got[at : at + 1]
    assert not found.passed


def test_some_failures_are_told_and_score_nothing(models: Models, server: Server, tmp_path: Path) -> None:
    talk(server, models.file("Q8_0"), tmp_path)
    answer = server.answer
    server.answer = lambda text, turn: (400, b"{}") if "red" in text else answer(text, turn)
    step = live(judge(models, tmp_path, server.url, "Q8_0", "Q8_0"))
    assert step.seen.score is None
    assert step.seen.notes[0] == "3 of 12 requests failed: HTTP 400 {}"
    assert step.answers_equal == pytest.approx(0.75)


def test_nobody_there_is_one_line(models: Models, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"http://127.0.0.1:9: the endpoint does not answer") as caught:
        judge(models, tmp_path, "http://127.0.0.1:9", "Q8_0")
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="names no model"):
        LiveEndpoint(RemoteConfig(url="http://127.0.0.1:9", model=UNNAMED, attempts=1)).named()


def test_our_worker_is_compared_token_by_token(models: Models, tmp_path: Path) -> None:
    with Worker(WorkerSpec(str(models.file("F16")), "tiny", tmp_path / "log", ready_seconds=600)) as worker:
        sound = judge(models, tmp_path / "sound", worker.url, "F16", "F16", model=UNNAMED)
        wrong = judge(models, tmp_path / "wrong", worker.url, "Q8_0", "F16", "Q8_0")
    assert sound.passed, sound.verdicts
    step = live(sound)
    assert step.seen.source.startswith("tiny at http://")
    assert step.previous is not None
    assert step.previous.share == 1.0
    assert (step.seen.same_file, step.seen.prompts, step.seen.unequal_prompts) == (True, 12, [])
    assert [cause.name for cause in live(wrong).causes] == ["full precision"]
    assert (live(wrong).seen.same_file, live(wrong).seen.serves) == (False, "F16")
    assert not wrong.passed
