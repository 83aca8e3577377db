"""`seekforge adapt`: from text to a reviewed lexicon to a model folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engines import tiny
from typer.testing import CliRunner

from seekforge.cli.app import app
from seekforge.core.errors import DataError, InputError
from seekforge.core.files import read_json
from seekforge.core.lexicon import read_lexicon

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


def call(*arguments: object) -> str:
    found = CliRunner().invoke(app, ["adapt", *map(str, arguments)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


def test_mine_review_extend(tmp_path: Path) -> None:
    text, lexicon, out = tmp_path / "notes.txt", tmp_path / "new" / "l.tsv", tmp_path / "model"
    text.write_text("".join(f"case {chr(97 + n % 26)}{n} variation margin due {n}\n" for n in range(80)), "utf-8")
    said = call("mine", text, "--out", lexicon)
    assert "variation margin" in said
    terms = {entry.term for entry in read_lexicon(lexicon)}
    assert any("variation margin" in term for term in terms)
    lexicon.write_text("variation margin\n", "utf-8")  # what a person left of it
    with pytest.raises(InputError, match="is there, perhaps reviewed"):
        call("mine", text, "--out", lexicon)
    assert lexicon.read_text("utf-8") == "variation margin\n"
    base = tiny.make(tmp_path / "base", "smollm")
    said = call("extend", base, "--lexicon", lexicon, "--text", text, "--out", out, "--loss-texts", 2)
    assert "1 tokens added" in said
    assert "nats a character" in said
    assert list(read_json(out / "extension.json")["tokens"]) == [" variation margin"]


def test_text_without_a_term_is_one_line(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("one and two\n", "utf-8")
    with pytest.raises(DataError, match="no term stands often enough"):
        call("mine", text, "--out", tmp_path / "l.tsv")
    assert not (tmp_path / "l.tsv").exists()


def test_the_text_is_never_written_over(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("variation margin\n" * 9, "utf-8")
    with pytest.raises(InputError, match="is read and would be written over"):
        call("mine", text, "--out", text)
    assert text.read_text("utf-8").startswith("variation")


def test_records_of_every_ending_give_their_messages_not_their_keys(tmp_path: Path) -> None:
    file = tmp_path / "notes.ndjson"
    row = '{{"instruction": "The variation margin of case {0}?", "output": "Variation margin due {0}."}}\n'
    file.write_text("".join(row.format(n) for n in range(40)), "utf-8")
    (tmp_path / "l.tsv").write_text("old\n", "utf-8")
    call("mine", file, "--out", tmp_path / "l.tsv", "--overwrite")
    terms = {entry.term for entry in read_lexicon(tmp_path / "l.tsv")}
    assert any(term.lower() == "variation margin" for term in terms)
    assert not any("instruction" in term for term in terms)
