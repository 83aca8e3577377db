"""The file of conversations to warm up with, and what is done with it."""

import asyncio
import json
from pathlib import Path

import pytest

from seekforge.core.errors import ConfigError, InputError
from seekforge.engines.fake import FakeEngine
from seekforge.serve.warm import read_warm, warm_up

TALK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "你好"}]


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "warm.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_a_line_is_a_conversation_or_a_system_prompt(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(TALK, ensure_ascii=False), "", '"You are kind."')
    first, second = read_warm(path)
    assert first == TALK
    assert second[0] == {"role": "system", "content": "You are kind."}
    assert second[-1]["role"] == "user"


@pytest.mark.parametrize(
    "line", ["{", "[]", "5", "{}", '[{"role": "wizard", "content": "x"}]', '[{"role": "user"}]', "[" * 9999]
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, '"fine"', line)
    with pytest.raises(ConfigError, match=r"warm\.jsonl:2: ") as caught:
        read_warm(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_warm(tmp_path / "none")


def test_each_conversation_is_read_once_and_one_token_written() -> None:
    engine = FakeEngine()
    said: list[str] = []
    asyncio.run(warm_up(engine, [TALK, TALK[1:]], said.append))
    assert [sampling.max_new_tokens for sampling in engine.seen] == [1, 1]
    assert said == ["warming up: 0 of 2", "warming up: 1 of 2"]
    with pytest.raises(InputError, match="context"):
        asyncio.run(warm_up(FakeEngine(context_length=8), [TALK], said.append))
