"""Knowledge bases: what is read, and the one line that says what is wrong where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seekforge.core.errors import DataError
from seekforge.data.facts import Fact, read_knowledge


def write(folder: Path, name: str, *lines: object) -> Path:
    path = folder / name
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_triples_and_texts_from_jsonl(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "kb.jsonl",
        "\ufeff" + json.dumps({"id": 7, "subject": "长江", "relation": "全长", "object": 6300, "note": "kept out"}),
        "",
        {"text": "Dogs are not admitted."},
        {"subject": "a", "relation": "b", "object": "c", "text": "a's b is c.", "aliases": ["A", " "]},
    )
    assert read_knowledge(path) == (
        Fact("7", "长江", "全长", "6300"),
        Fact("kb.jsonl:3", text="Dogs are not admitted."),
        Fact("kb.jsonl:4", "a", "b", "c", "a's b is c.", ("A",)),
    )
    assert read_knowledge(path)[0].statement == "长江 · 全长 · 6300"


def test_csv_with_aliases_and_quoted_cells(tmp_path: Path) -> None:
    lines = ("subject,relation,object,aliases,object_aliases", 'Corvane Bank,seat,"Turin, Italy",Corvane|The Bank,', "")
    path = write(tmp_path, "kb.csv", *lines)
    assert read_knowledge(path) == (
        Fact("kb.csv:2", "Corvane Bank", "seat", "Turin, Italy", aliases=("Corvane", "The Bank")),
    )


@pytest.mark.parametrize(
    ("name", "lines", "where", "what"),
    [
        ("kb.jsonl", ['{"text": "x"}', "{nonsense"], ":2", "not JSON"),
        ("kb.jsonl", ["[1]"], ":1", "not a JSON object"),
        ("kb.jsonl", ["{}"], ":1", "neither a triple nor a text"),
        ("kb.jsonl", ['{"subject": "x", "object": "y"}'], ":1", "lacks relation"),
        ("kb.jsonl", ['{"subject": "x", "text": "x is y"}'], ":1", "lacks relation and object"),
        ("kb.jsonl", ['{"text": ["x"]}'], ":1", "'text' is no text or number"),
        ("kb.jsonl", ['{"text": "x", "aliases": [1]}'], ":1", "'aliases' is no list of texts"),
        ("kb.jsonl", ['{"id": "a", "text": "x"}', '{"id": "a", "text": "y"}'], ":2", "the id 'a' comes twice"),
        ("kb.jsonl", [""], "", "has no facts"),
        ("kb.csv", ["subject,object", "a,b"], ":1", "neither triples nor texts"),
        ("kb.csv", ["text,id", "a,b,c"], ":2", "3 cells, but the header has 2"),
        ("kb.csv", ["text", '"open'], ":2", "not CSV"),
        ("kb.parquet", [""], "", ".jsonl or .csv"),
    ],
)
def test_a_bad_line_is_one_clear_error(tmp_path: Path, name: str, lines: list[str], where: str, what: str) -> None:
    path = write(tmp_path, name, *lines)
    with pytest.raises(DataError) as caught:
        read_knowledge(path)
    assert str(caught.value).startswith(f"{path}{where}: ")
    assert what in str(caught.value)
    assert caught.value.mend
    assert caught.value.exit_code == 2


def test_a_missing_file_and_another_encoding(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such knowledge base"):
        read_knowledge(tmp_path / "kb.jsonl")
    path = tmp_path / "kb.jsonl"
    path.write_bytes('{"text": "长江"}'.encode("gb18030"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_knowledge(path)
