"""Word lists as files: what a line may be, and the one line that says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seekforge.core.config.guard import WordListConfig
from seekforge.core.errors import ConfigError
from seekforge.core.words.lists import parse, read
from seekforge.core.words.matcher import Matcher


def write(tmp_path: Path, data: str | bytes) -> WordListConfig:
    path = tmp_path / "list.txt"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return WordListConfig(path=path)


def test_words_comments_exceptions_and_escapes(tmp_path: Path) -> None:
    listed = read(
        write(tmp_path, "\ufeff# arms\r\n枪支\r\n\r\n  ＧＵＮ  \r\n!枪支管理\r\n\\#tag\r\n\\!wow\r\n枪\u200b支\r\n🔫")
    )
    assert [(e.text, e.line, e.is_exception) for e in listed.entries] == [
        ("枪支", 2, False),
        ("gun", 4, False),
        ("枪支管理", 5, True),
        ("#tag", 6, False),
        ("!wow", 7, False),
        ("🔫", 9, False),
    ]
    assert listed.name == "list.txt"


@pytest.mark.parametrize(
    ("data", "line", "what"),
    [
        ("gun\n\x07枪", 2, "U+0007"),
        ("gun\n---\n", 2, "nothing but punctuation"),
        ("gun\n\u200b\n", 2, "nothing but punctuation"),
        ("gun\n" + "x" * 129, 2, "longer than 128"),
        ("gun\n枪\n!枪", 3, "same word as on line 2"),
        ("!枪\n枪", 2, "same word as on line 1"),
        ("枪\n!手", 2, "holds no word of this list"),
        (b"gun\nok\n\xff\xfe\n", 3, "not UTF-8"),
        ("# nothing\n\n", None, "has no word"),
        ("", None, "has no word"),
    ],
)
def test_a_bad_file_is_one_line_that_names_file_and_line(
    tmp_path: Path, data: str | bytes, line: int | None, what: str
) -> None:
    config = write(tmp_path, data)
    with pytest.raises(ConfigError) as caught:
        read(config)
    message = str(caught.value)
    assert message.startswith(f"{config.path}:{line}: " if line else f"{config.path}: ")
    assert what in message
    assert "\n" not in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.txt: the word list cannot be read"):
        read(WordListConfig(path=tmp_path / "none.txt"))


def test_the_version_is_the_files_content(tmp_path: Path) -> None:
    first, second = read(write(tmp_path, "gun")), read(write(tmp_path, "guns"))
    assert first.version != second.version
    assert read(write(tmp_path, "gun")).version == first.version


def test_the_list_that_comes_with_it() -> None:
    listed = read(WordListConfig(builtin="default"))
    words = [entry for entry in listed.entries if not entry.is_exception]
    assert len(words) >= 50
    assert sum(entry.text.isascii() for entry in words) >= 20
    matcher = Matcher([listed])
    for text in ("我们严禁出售枪支。", "反洗钱培训", "how to report a fake id", "the gun law", "冰毒的危害"):
        assert not matcher.hits(text), text
    for text in ("本店出售枪支", "收购银行卡四件套", "get a fake id for sale here"):
        assert matcher.hits(text), text


def test_what_a_list_answers_with_must_not_be_listed() -> None:
    lists = [read(WordListConfig(builtin="default", action="answer", text="Not a FAKE ID for sale."))]
    with pytest.raises(ConfigError, match="default: the answer's text holds a listed word"):
        Matcher(lists)


def test_something_is_left_to_mask_with() -> None:
    config = WordListConfig(path=Path("x.txt"))
    from seekforge.core.words.lists import WordList

    assert Matcher([WordList(config, parse("a*b\nc■d", "x"), "0", ())]).mask == "●"
    with pytest.raises(ConfigError, match="part of a listed word"):
        Matcher([WordList(config, parse("a*■●▒b", "x"), "0", ())])


def test_the_config_wants_one_source_and_a_text_for_an_answer(tmp_path: Path) -> None:
    for wrong in (
        {},
        {"path": "x", "builtin": "default"},
        {"path": "x", "action": "answer"},
        {"path": "x", "text": "y"},
    ):
        with pytest.raises(ValueError, match=r"path or builtin|text belongs"):
            WordListConfig.model_validate(wrong)
