"""Records survive the way to disk and back, whatever is written in them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge.core.errors import DataError
from seekforge.core.records import Message, Record, read_records, write_records

# All text but lone surrogates, which are no text; line separators, Chinese and emoji made likely.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.text(
    '客户存款风险😀🏦👩‍💻\u2028\x85\r\n"\\é ', max_size=12
)
plain = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts
)
records = st.builds(
    Record,
    id=texts,
    messages=st.lists(
        st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts), min_size=1, max_size=4
    ).map(tuple),
    label=st.none() | texts,
    split=st.none() | st.sampled_from(["train", "validation", "test"]),
    meta=st.dictionaries(texts, plain | st.lists(plain, max_size=3), max_size=3),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(records, max_size=4))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, made: list[Record]) -> None:
    path = tmp_path_factory.getbasetemp() / "records.jsonl"
    assert write_records(path, made) == len(made)
    assert read_records(path) == made
    assert path.read_bytes().count(b"\n") == len(made), "one line a record, whatever line ends its text has"


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    record = Record(
        "甲-1", (Message("user", "客户存款 😀"), Message("assistant", "批准")), "批准", "train", {"源": ["é"]}
    )
    write_records(tmp_path / "r.jsonl", [record])
    text = (tmp_path / "r.jsonl").read_text(encoding="utf-8")
    for piece in ("甲-1", "客户存款 😀", "批准", "é"):
        assert piece in text


def test_views_of_a_record() -> None:
    turns = (
        Message("system", "s"),
        Message("user", "q1"),
        Message("assistant", "a1"),
        Message("user", "q2"),
        Message("assistant", "a2"),
    )
    record = Record("1", turns)
    assert [message["content"] for message in record.prompt] == ["s", "q1", "a1", "q2"]
    assert record.prompt[1] == {"role": "user", "content": "q1"}
    assert record.answer == "a2"
    assert record.text == "q1\nq2"
    assert record.with_split("test") == Record("1", turns, split="test")
    assert record.split is None


def test_missing_file_and_wrong_lines_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such dataset file"):
        read_records(tmp_path / "none.jsonl")
    path = tmp_path / "r.jsonl"
    write_records(path, [Record("1", (Message("user", "q"), Message("assistant", "a")))])
    good = path.read_text()
    for bad in ("{", "[]", '{"id": 1}', '{"id": 1, "messages": [{"role": "user"}]}', '{"id": 1, "messages": 7}', ""):
        path.write_text(good + bad + "\n" + good)
        with pytest.raises(DataError, match="not a record of a seekforge dataset") as caught:
            read_records(path)
        assert caught.value.where == f"{path}:2"
