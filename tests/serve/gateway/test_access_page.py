"""The examples of `docs/access.md` run as they stand there, and do what the page says of them."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seekforge.core.config import KeyEntry
from seekforge.serve.gateway import keyfile

PAGE = (Path(__file__).parents[3] / "docs" / "access.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
EXAMPLES = {title: re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S) for title, text in SECTIONS.items()}
(TEMPLATE,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
Example = Callable[[str], dict[str, Any]]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Example:
    """Runs a section's example in a folder of its own; what it leaves are its names."""
    monkeypatch.chdir(tmp_path)
    key = keyfile.add(Path("keys.jsonl"), lambda fresh: KeyEntry(id="team-a", hash=fresh, created=datetime.now(UTC)))
    Path("prompts").mkdir()
    Path("prompts", "triage.yaml").write_text(TEMPLATE, encoding="utf-8")

    def run(title: str) -> dict[str, Any]:
        names: dict[str, Any] = {"KEY": key, "__name__": "example"}
        exec(compile(EXAMPLES[title][0], "docs/access.md", "exec"), names)
        return names

    return run


def test_every_example_has_a_test() -> None:
    assert {title: len(found) for title, found in EXAMPLES.items()} == dict.fromkeys(
        ("Keys", "Limits", "Templates", "Feedback"), 1
    )


def test_keys(example: Example) -> None:
    names = example("Keys")
    assert names["caller"].scopes == {"chat", "embeddings", "feedback"}
    written = Path("keys.jsonl").read_text(encoding="utf-8")
    assert hashlib.sha256(names["KEY"].encode()).hexdigest() in written
    assert names["KEY"] not in written


def test_limits(example: Example) -> None:
    refused = example("Limits")["refused"]
    assert (refused.limit, refused.headers["x-ratelimit-remaining-tokens"]) == ("tokens per minute", "0")
    assert 0 < refused.retry_after <= 60.001


def test_templates(example: Example) -> None:
    names = example("Templates")
    assert names["name"] == "triage@1"
    assert [message["role"] for message in names["messages"]] == ["system", "user"]
    assert "one word, URGENT or LATER" in names["messages"][0]["content"]
    assert "{domain}" in names["messages"][1]["content"], "what a user writes is no placeholder"


def test_feedback(example: Example) -> None:
    example("Feedback")
    (stored,) = map(json.loads, Path("feedback.jsonl").read_text(encoding="utf-8").splitlines())
    told = {"answer": "chatcmpl-1", "rating": 5, "comment": "Right.", "caller": "team-a", "model": "desk"}
    assert {name: stored[name] for name in told} == told
    assert Path("feedback.jsonl").stat().st_mode & 0o777 == 0o600
