"""Each format with each shape, and what becomes of ids, labels, meta and the system line."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from seekforge.core.config import DataConfig
from seekforge.core.records import Message, Record, read_records, write_records
from seekforge.data.sources import read_sources

QUESTION, ANSWER = "这笔 500 元的转账，可以放行吗？", "APPROVE。规则 1：金额小。"
SHAPES: dict[str, dict[str, Any]] = {
    "alpaca": {"instruction": QUESTION, "input": "", "output": ANSWER},
    "sharegpt": {"conversations": [{"from": "human", "value": QUESTION}, {"from": "gpt", "value": ANSWER}]},
    "messages": {"messages": [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}]},
}
Write = Callable[..., Path]
MakeConfig = Callable[..., DataConfig]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_format_reads_every_shape(ending: str, shape: str, write: Write, config: MakeConfig) -> None:
    path = write(f"chat.{ending}", [{**SHAPES[shape], "label": "APPROVE", "template": "T1"}] * 3)
    records = list(read_sources(config(path, labels=["APPROVE", "HOLD"])))
    assert len(records) == 3
    for got in records:
        assert got.messages == (Message("user", QUESTION), Message("assistant", ANSWER))
        assert got.label == "APPROVE"
        assert got.meta == {"template": "T1"}
    assert len({got.id for got in records}) == 3


def test_ids_come_from_the_row_or_from_stem_and_line(write: Write, config: MakeConfig) -> None:
    path = write("desk.jsonl", [{**SHAPES["alpaca"], "id": "a7"}, {**SHAPES["alpaca"], "id": 12}, SHAPES["alpaca"]])
    assert [r.id for r in read_sources(config(path))] == ["a7", "12", "desk-3"]


def test_generated_ids_stay_unique_over_files_of_one_name(write: Write, config: MakeConfig) -> None:
    one, two = (write(f"{folder}/desk.jsonl", [SHAPES["alpaca"]]) for folder in "ab")
    assert [r.id for r in read_sources(config(one, two))] == ["desk-1", "desk~2-1"]


def test_alpaca_input_follows_the_instruction(write: Write, config: MakeConfig) -> None:
    path = write("a.jsonl", [{"instruction": "Decide.", "input": "Transfer of 5", "output": "OK"}])
    assert next(iter(read_sources(config(path)))).text == "Decide.\nTransfer of 5"


def test_everything_else_goes_to_meta_and_split_only_if_asked(write: Write, config: MakeConfig) -> None:
    extra = {"split": "test", "entities": ["Ann", "Bob"], "rule": 3}
    path = write("a.jsonl", [{**SHAPES["alpaca"], **extra}])
    assert [(r.split, r.meta) for r in read_sources(config(path))] == [(None, extra)]
    asked = config(path, split={"column": "split"})
    assert [(r.split, r.meta) for r in read_sources(asked)] == [("test", extra)]


def test_label_field_is_configurable_and_numbers_become_text(write: Write, config: MakeConfig) -> None:
    path = write("a.jsonl", [{**SHAPES["alpaca"], "stars": 5, "label": "x"}])
    got = next(iter(read_sources(config(path, label_field="stars", labels=["1", "5"]))))
    assert (got.label, got.meta) == ("5", {"label": "x"})


def test_a_system_line_is_put_first_only_where_there_is_none(write: Write, config: MakeConfig) -> None:
    turns = SHAPES["sharegpt"]["conversations"]
    rows = [{"conversations": turns}, {"conversations": turns, "system": "Own."}]
    rows += [{"conversations": [{"from": "system", "value": "Turn."}, *turns]}]
    path = write("a.jsonl", rows)
    heads = [r.messages[0] for r in read_sources(config(path, system="Default."))]
    assert heads == [Message("system", "Default."), Message("system", "Own."), Message("system", "Turn.")]
    assert next(iter(read_sources(config(path)))).messages[0].role == "user"


def test_bom_blank_lines_and_windows_line_ends(tmp_path: Path, config: MakeConfig) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf\r\n{"instruction": "q", "output": "a"}\r\n\r\n   \n{"instruction": "r", "output": "b"}'
    )
    assert [(r.id, r.text) for r in read_sources(config(path))] == [("a-2", "q"), ("a-5", "r")]


def test_csv_keeps_quoted_line_breaks_and_counts_lines(tmp_path: Path, config: MakeConfig) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('\ufeffinstruction,input,output\r\n"two\nlines",,"好，的"\r\n\r\nq,,a\r\n'.encode())
    assert [(r.id, r.text, r.answer) for r in read_sources(config(path))] == [
        ("a-2", "two\nlines", "好，的"),
        ("a-5", "q", "a"),
    ]


def test_limit_is_per_source_and_reading_is_lazy(tmp_path: Path, write: Write, config: MakeConfig) -> None:
    good = write("good.jsonl", [SHAPES["alpaca"]] * 5)
    broken = tmp_path / "broken.jsonl"
    broken.write_text(good.read_text(encoding="utf-8") + "not JSON\n", encoding="utf-8")
    assert len(list(read_sources(config(good, broken, limit=2)))) == 4
    assert len(list(islice(read_sources(config(broken)), 5))) == 5


def test_parquet_dates_bytes_and_nulls_can_be_written_again(tmp_path: Path, write: Write, config: MakeConfig) -> None:
    import datetime
    import decimal

    row = {
        **SHAPES["alpaca"],
        "input": None,
        "day": datetime.date(2026, 1, 2),
        "sum": decimal.Decimal("1.50"),
        "raw": b"x",
    }
    records = list(read_sources(config(write("a.parquet", [row]))))
    assert write_records(tmp_path / "out.jsonl", records) == 1
    back: list[Record] = read_records(tmp_path / "out.jsonl")
    assert back[0].meta == {"day": "2026-01-02", "sum": "1.50", "raw": "b'x'"}


def test_a_whole_surrogate_pair_is_text(tmp_path: Path, config: MakeConfig) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"instruction": "\\ud83d\\ude00", "output": "a"}\n', encoding="utf-8")
    assert next(iter(read_sources(config(path)))).text == "😀"


def test_format_and_shape_can_be_set(tmp_path: Path, config: MakeConfig) -> None:
    path = tmp_path / "a.txt"
    path.write_text('{"instruction": "q", "output": "a", "messages": []}\n', encoding="utf-8")
    got = list(read_sources(config(path, source={"format": "jsonl", "shape": "alpaca"})))
    assert [r.text for r in got] == ["q"]
