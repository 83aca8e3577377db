"""`seekforge serve --embed`: embeddings through the whole gateway, beside a model or alone."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import openai
import psutil
import pytest
from tests.patience import LONG, wait_for
from tests.serve.endpoint.harness import Served, fails, serving

from seekforge.cli.endpoint import prepare, read
from seekforge.core.config import KeyEntry, environment
from seekforge.core.errors import ConfigError
from seekforge.core.progress import Silent
from seekforge.serve.gateway import keyfile
from seekforge.serve.process import free_port


def official(served: Served, key: str = "none") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{served.client.port}/v1", api_key=key, max_retries=0)


def embedder(served: Served) -> psutil.Process:
    (child,) = served.children("seekforge.serve.embed")
    return child


def test_model_and_embedder_behind_one_door(tmp_path: Path) -> None:
    key = keyfile.add(tmp_path / "keys.jsonl", lambda fresh: KeyEntry(id="a", hash=fresh, created=datetime.now(UTC)))
    arguments = ("demo", "--engine", "fake", "--embed", "e5", "--api-keys", "keys.jsonl")
    with serving(tmp_path, *arguments) as served, official(served, key) as client:
        assert sorted(model.id for model in client.models.list()) == ["demo", "e5"]
        answer = client.embeddings.create(model="e5", input=["手机卡被换了", "My SIM was swapped.", "Stocks fell."])
        zh, en, other = (np.array(row.embedding) for row in answer.data)
        assert answer.model == "e5"
        assert answer.usage.prompt_tokens > 0
        assert zh @ en > zh @ other
        chat = client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "hi"}])
        assert chat.choices[0].message.content == "hi"
        with pytest.raises(openai.BadRequestError, match="reads 512"):
            client.embeddings.create(model="e5", input="word " * 600)
        with pytest.raises(openai.NotFoundError, match="'demo' gives no embeddings; ask 'e5'"):
            client.embeddings.create(model="demo", input="a")
        assert served.end() == 0


def test_an_embedder_that_dies_is_started_anew_and_the_model_answers_meanwhile(tmp_path: Path) -> None:
    with serving(tmp_path, "demo", "--engine", "fake", "--embed", "fake") as served, official(served) as client:
        before = client.embeddings.create(model="fake", input="a b c").data
        os.kill(embedder(served).pid, signal.SIGKILL)
        assert served.chat().status == 200

        def again() -> bool:
            try:
                after.append(client.embeddings.create(model="fake", input="a b c").data)
            except openai.InternalServerError as error:
                assert error.status_code == 503
            return bool(after)

        after: list[Any] = []
        wait_for(again)
        assert after == [before]
        wait_for(lambda: served.errors.endswith("the embedder answers again\n"))
        assert "the embedder ended with status -9" in served.errors


def test_an_embedder_that_lives_does_not_make_a_dead_model_ready(tmp_path: Path) -> None:
    restart = {"attempts": 5, "first_delay": 10 * LONG, "longest_delay": 10 * LONG, "stable_seconds": 10 * LONG}
    settings = {"worker": {"restart": restart}}
    arguments = ("demo", "--engine", "fake", "--embed", "fake")
    with serving(tmp_path, *arguments, settings=settings) as served, official(served) as client:
        before = served.worker
        before.kill()  # the first new start is at once, the second one only after a while
        wait_for(lambda: served.has_another("seekforge.serve.worker", before.pid))
        wait_for(lambda: served.client.send("GET", "/readyz").status == 200)
        served.worker.kill()
        wait_for(lambda: "started anew in 1200 s" in served.errors)
        assert len(client.embeddings.create(model="fake", input="a").data) == 1
        assert served.client.send("GET", "/readyz").status == 503


def test_an_embedder_alone(tmp_path: Path) -> None:
    with serving(tmp_path, "--embed", "fake", settings={"embed": {"model": "e5", "name": "vec"}}) as served:
        with official(served) as client:
            assert len(client.embeddings.create(model="vec", input="a").data[0].embedding) == 64
        assert served.client.send("GET", "/readyz").status == 200
        page = served.client.send("GET", "/metrics").body.decode()
        assert 'seekforge_embed_requests_total{outcome="ok",route="/v1/embeddings"}' in page
        assert served.end() == 0


def test_what_is_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEKFORGE_RUNS", str(tmp_path / "runs"))
    code, line = fails(tmp_path, "--embed", "nothing", "--port", str(free_port()))
    assert (code, line.count("\n"), "seekforge: nothing: no such model" in line) == (2, 1, True)
    options = {"model": "demo", "engine": "fake", "name": "e5", "embed": "e5"}
    with pytest.raises(ConfigError, match="both called 'e5'"):
        prepare(read(None, options), None, environment(), Silent())
    given = (tmp_path / "e.yaml").absolute()
    given.write_text("embed: {model: ./here, matryoshka: [64]}\n", encoding="utf-8")
    plan = prepare(read(given, {}), None, environment(), Silent())
    assert plan.embedder is not None
    assert (plan.embedder.config.model, plan.embedder.config.matryoshka) == (str(tmp_path / "here"), (64,))
    assert plan.order is None
