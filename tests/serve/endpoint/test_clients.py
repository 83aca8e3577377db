"""Clients as they come from their makers, unchanged, before the started command with keys and guard on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import openai
import pytest
from tests.serve.endpoint.harness import Served, serving

from seekforge.core.config import KeyEntry
from seekforge.serve.gateway import keyfile

ASK: list[Any] = [{"role": "user", "content": "hello 你好 world"}]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    work = tmp_path_factory.mktemp("clients")
    key = keyfile.add(work / "keys.jsonl", lambda fresh: KeyEntry(id="a", hash=fresh, created=datetime.now(UTC)))
    with serving(work, "demo", "--engine", "fake", "--api-keys", "keys.jsonl") as served:
        yield served, key


@pytest.fixture
def base(served: tuple[Served, str]) -> dict[str, Any]:
    return {"base_url": f"http://127.0.0.1:{served[0].client.port}/v1", "api_key": served[1], "max_retries": 0}


def test_openais_own_client(base: dict[str, Any]) -> None:
    with openai.OpenAI(**base) as client:
        whole = client.chat.completions.create(model="demo", messages=ASK, temperature=0)
        assert whole.choices[0].message.content == "hello 你好 world"
        stream = client.chat.completions.create(
            model="demo", messages=ASK, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "hello 你好 world"
        assert chunks[-1].usage == whole.usage
        assert [model.id for model in client.models.list()] == ["demo"]
        plain = client.completions.create(model="demo", prompt="abc", max_tokens=8)
        assert plain.choices[0].text
    with openai.OpenAI(**{**base, "api_key": "sk-wrong"}) as stranger, pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def test_langchain(base: dict[str, Any]) -> None:
    chat_models = pytest.importorskip("langchain_openai")
    model = chat_models.ChatOpenAI(model="demo", **base)
    assert model.invoke("hello 你好").content == "hello 你好"
    assert "".join(piece.content for piece in model.stream("hello 你好")) == "hello 你好"
