"""The examples of `docs/access.md` run as they stand there."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seekforge.core.config import KeyEntry
from seekforge.serve.gateway import keyfile

PAGE = (Path(__file__).parents[3] / "docs" / "access.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TEMPLATE = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    key = keyfile.add(Path("keys.jsonl"), lambda fresh: KeyEntry(id="team-a", hash=fresh, created=datetime.now(UTC)))
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "triage.yaml").write_text(TEMPLATE[0], encoding="utf-8")
    exec(compile(example, "docs/access.md", "exec"), {"KEY": key, "__name__": "example"})


def test_there_are_examples() -> None:
    assert (len(EXAMPLES), len(TEMPLATE)) == (4, 1)
