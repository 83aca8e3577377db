"""Every bad input is one line that names the file, the place and the mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seekforge.core.config import DataConfig
from seekforge.core.errors import DataError
from seekforge.data.sources import read_sources

MakeConfig = Callable[..., DataConfig]
GOOD = '{"instruction": "q", "output": "a", "label": "HOLD"}'
CHAT = '{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}'


def turns(text: str) -> str:
    return f'{{"messages": [{text}]}}'


USER, ASSISTANT = '{"role": "user", "content": "q"}', '{"role": "assistant", "content": "a"}'

# name: (second line of a JSONL file whose first line is fine, words of the message)
SECOND_LINE = {
    "broken JSON": ('{"instruction": "q"', "not JSON: Expecting ',' delimiter at column 20"),
    "not an object": ("[1, 2]", "not a JSON object"),
    "another shape": (CHAT, "this record is sharegpt, but the file is alpaca"),
    "unknown shape": ('{"question": "q", "reply": "a"}', "no known record shape: the fields are question, reply"),
    "no answer": ('{"instruction": "q"}', "no answer: `output` is missing"),
    "empty answer": ('{"instruction": "q", "output": " "}', "the answer is empty"),
    "no user message": ('{"instruction": "", "output": "a"}', "no user message"),
    "content is a number": ('{"instruction": "q", "output": 5}', "`output` is a number, not text"),
    "content is a list": ('{"instruction": ["q"], "output": "a"}', "`instruction` is a list, not text"),
    "input is false": ('{"instruction": "q", "input": false, "output": "a"}', "`input` is true or false, not text"),
    "NUL": ('{"instruction": "q\\u0000", "output": "a"}', "NUL character"),
    "lone surrogate": ('{"instruction": "q", "output": "a\\ud800"}', "a lone surrogate, \\ud800"),
    "lone surrogate in meta": (
        '{"instruction": "q", "output": "a", "x": {"y\\udfff": 1}}',
        "a lone surrogate, \\udfff",
    ),
    "odd id": ('{"instruction": "q", "output": "a", "id": [1]}', "the id [1] is neither text nor a number"),
    "too deep": ("[" * 100_000, "not JSON: nested too deep"),
    "too many digits": ('{"instruction": ' + "9" * 5000 + "}", "not JSON: Exceeds the limit"),
}
# The same with a file of `messages`.
SECOND_CHAT = {
    "no turns": (turns(""), "no user message"),
    "no list": ('{"messages": {"role": "user"}}', "`messages` is no list of turns"),
    "turn without content": (turns('{"role": "user"}'), "turn 1 has no `role` and `content`"),
    "turn is text": (turns('"hello"'), "turn 1 has no `role` and `content`"),
    "content is null": (
        turns(f'{USER}, {{"role": "assistant", "content": null}}'),
        "`content` of turn 2 is null, not text",
    ),
    "unknown role": (turns(f'{USER}, {{"role": "asistant", "content": "a"}}'), "unknown role 'asistant'"),
    "role is a list": (turns('{"role": ["user"], "content": "a"}'), "turn 1 has the unknown role ['user']"),
    "user has the last word": (turns(f"{USER}, {ASSISTANT}, {USER}"), "no answer: the last turn is the user's"),
    "only an answer": (turns(ASSISTANT), "no user message"),
}


def failure(config: DataConfig) -> DataError:
    with pytest.raises(DataError) as caught:
        list(read_sources(config))
    error = caught.value
    assert "\n" not in str(error)
    assert error.mend
    assert len(str(error)) < 500
    return error


@pytest.mark.parametrize("name", SECOND_LINE)
def test_bad_second_line(name: str, tmp_path: Path, config: MakeConfig) -> None:
    line, words = SECOND_LINE[name]
    path = tmp_path / "desk.jsonl"
    path.write_text(f"{GOOD}\n{line}\n", encoding="utf-8")
    error = failure(config(path))
    assert str(error).startswith(f"{path}:2: ")
    assert words in str(error)


@pytest.mark.parametrize("name", SECOND_CHAT)
def test_bad_second_conversation(name: str, tmp_path: Path, config: MakeConfig) -> None:
    line, words = SECOND_CHAT[name]
    path = tmp_path / "desk.jsonl"
    path.write_text(f"{turns(f'{USER}, {ASSISTANT}')}\n{line}\n", encoding="utf-8")
    error = failure(config(path))
    assert str(error).startswith(f"{path}:2: ")
    assert words in str(error)


def test_wrong_role_names_the_nearest(tmp_path: Path, config: MakeConfig) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(SECOND_CHAT["unknown role"][0], encoding="utf-8")
    assert "did you mean 'assistant'?" in str(failure(config(path)))


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ('"HODL"', "label 'HODL' is not one of HOLD, APPROVE. did you mean 'HOLD'?"),
        ("null", "no label: `label` is missing. Give one of HOLD, APPROVE"),
        ('""', "no label: `label` is missing"),
        ('["HOLD"]', "label ['HOLD'] is no text"),
        ("true", "label True is no text"),
    ],
)
def test_bad_label(label: str, words: str, tmp_path: Path, config: MakeConfig) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{GOOD}\n{{"instruction": "q", "output": "a", "label": {label}}}\n', encoding="utf-8")
    error = failure(config(path, labels=["HOLD", "APPROVE"]))
    assert str(error).startswith(f"{path}:2: {words}")


@pytest.mark.parametrize(
    ("value", "words"), [('"trian"', "`part` is 'trian'"), ("null", "`part` is missing"), ("[1]", "`part` is [1]")]
)
def test_bad_split_value(value: str, words: str, tmp_path: Path, config: MakeConfig) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"instruction": "q", "output": "a", "part": {value}}}\n', encoding="utf-8")
    error = failure(config(path, split={"column": "part"}))
    assert str(error).startswith(f"{path}:1: {words}, not train, validation or test")


def test_duplicate_ids_name_both_places(tmp_path: Path, config: MakeConfig) -> None:
    path = tmp_path / "a.jsonl"
    row = '{"id": "x", "instruction": "q", "output": "a"}\n'
    path.write_text(row + "\n" + row, encoding="utf-8")
    assert str(failure(config(path))).startswith(f"{path}:3: the id 'x' was used before, at {path}:1")


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_missing_file(ending: str, tmp_path: Path, config: MakeConfig) -> None:
    assert str(failure(config(tmp_path / f"a.{ending}"))).startswith(f"{tmp_path}/a.{ending}: no such data file")


def test_folder_and_unknown_ending(tmp_path: Path, config: MakeConfig) -> None:
    assert "a folder, not a file" in str(failure(config(tmp_path)))
    (tmp_path / "a.xlsx").touch()
    assert "the ending '.xlsx' does not tell the format" in str(failure(config(tmp_path / "a.xlsx")))


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_empty_file(content: bytes, ending: str, tmp_path: Path, config: MakeConfig) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(content)
    assert str(failure(config(path))).startswith(f"{path}: the file has no records")


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_not_utf8_names_the_line(ending: str, tmp_path: Path, config: MakeConfig) -> None:
    path = tmp_path / f"a.{ending}"
    head = GOOD if ending == "jsonl" else "instruction,output\nq,a"
    path.write_bytes(head.encode() + b"\n\xd6\xd0\xce\xc4,gbk\n")
    line = 2 if ending == "jsonl" else 3
    assert str(failure(config(path))).startswith(f"{path}:{line}: not UTF-8: byte 0xd6. Save the file as UTF-8")


def test_an_array_of_records_is_explained(tmp_path: Path, config: MakeConfig) -> None:
    path = tmp_path / "a.json"
    path.write_text(f"[\n{GOOD}\n]\n", encoding="utf-8")
    error = str(failure(config(path)))
    assert error.startswith(f"{path}:1: not JSON")
    assert "one JSON object a line, not an array" in error


CSV = {
    "columns": ("question,answer\nq,a\n", 1, "the columns question, answer hold no known record shape"),
    "half of alpaca": ("instruction,input\nq,a\n", 1, "hold no known record shape"),
    "column twice": ("instruction,output,output\nq,a,b\n", 1, "the column 'output' comes twice"),
    "too many cells": ("instruction,output\nq,a\nq,a,b\n", 3, "3 cells, but the header has 2"),
    "open quote": ('instruction,output\nq,a\n"q,a\n', 3, "not CSV"),
    "stray quote": ('instruction,output\n"a"b,c\n', 2, "not CSV"),
    "broken JSON in a cell": ("messages\n[{]\n", 2, "not JSON"),
    "begins on line 2": ('instruction,output\n"two\nlines",\n', 2, "the answer is empty"),
    "empty answer": ('instruction,output\n"two\nlines",a\nq,\n', 4, "the answer is empty"),
}


@pytest.mark.parametrize("name", CSV)
def test_bad_csv(name: str, tmp_path: Path, config: MakeConfig) -> None:
    text, line, words = CSV[name]
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    error = failure(config(path))
    assert str(error).startswith(f"{path}:{line}: ")
    assert words in str(error)


def test_bad_parquet(tmp_path: Path, config: MakeConfig) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"instruction": ["q", "q"], "output": ["a", ""]}), path)
    assert str(failure(config(path))).startswith(f"{path} row 2: the answer is empty")
    pq.write_table(pa.table({"instruction": pa.array([], pa.string())}), path)
    assert str(failure(config(path))).startswith(f"{path}: the file has no records")
    pq.write_table(
        pa.table({"instruction": ["question " * 50] * 5000, "output": ["a"] * 5000}), path, compression="none"
    )
    path.write_bytes(path.read_bytes()[:-500])
    assert str(failure(config(path))).startswith(f"{path}: broken Parquet: ")
    path.write_bytes(b"")
    assert str(failure(config(path))).startswith(f"{path}: broken Parquet: ")
