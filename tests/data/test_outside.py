"""Files that a recipe's ops name: found from the recipe's folder, refused where missing, counted by content."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from seekforge.core.config import Config
from seekforge.core.errors import DataError
from seekforge.data.outside import by_content


class Inner(Config):
    files: tuple[Path, ...] = Field(description="Files.")


class Outer(Config):
    inner: Inner = Field(description="A part.")
    folder: Path | None = Field(None, description="A folder.", json_schema_extra={"folder": True})
    key_file: Path | None = Field(None, description="A key.", json_schema_extra={"secret": True})
    default: Path = Field(Path("/nowhere/at/all"), description="A file that need not be there.")
    other: int = Field(3, description="A number.")


def test_content_counts_and_not_the_place(tmp_path: Path) -> None:
    found = []
    for place, text in (("a", "one"), ("b", "one"), ("c", "two")):
        (tmp_path / place / "more").mkdir(parents=True)
        (tmp_path / place / "words.txt").write_text(text)
        (tmp_path / place / "more" / "x").write_text(text)
        paths = (tmp_path / place / "words.txt",)
        found.append(by_content(Outer(inner=Inner(files=paths), folder=tmp_path / place / "more", key_file=paths[0])))
        assert "key_file" not in found[-1]
    assert found[0] == found[1] != found[2]
    assert found[0]["inner"]["files"][0]["name"] == "words.txt"
    assert found[0]["folder"]["sha256"] != found[2]["folder"]["sha256"]
    assert (found[0]["other"], found[0]["default"]) == (3, {"name": "all", "sha256": None})


def test_a_folder_in_a_files_place_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seekforge.data.outside.content_hash", lambda _: pytest.fail("it may be a whole disk"))
    for config in (Outer(inner=Inner(files=(tmp_path,))), Outer(inner=Inner(files=()), default=tmp_path)):
        with pytest.raises(DataError, match=r"a folder, not a file\. Correct the path in data\.(inner\.files|default)"):
            by_content(config)


def test_a_missing_file_is_named_with_its_key(tmp_path: Path) -> None:
    config = Outer(inner=Inner(files=(tmp_path / "none.txt",)))
    with pytest.raises(DataError, match=r"none.txt: no such file. Correct the path in data.inner.files.0"):
        by_content(config)
