"""Names and definitions of pre-tokenisers: every pair leads back, and nothing is guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.core.errors import ModelError
from seekforge.engines.pretokenizer import DEFINITIONS, definition, gguf_name

DIGITS = "Card 0042 on 2024-01-05, £12,345.67"


def cut(pre_tokenizer: dict[str, Any], text: str) -> list[str]:
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(json.dumps({**json.loads(tiny.EMPTY), "pre_tokenizer": pre_tokenizer}))
    return [piece for piece, _ in made.pre_tokenizer.pre_tokenize_str(text)]


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_every_name_leads_back(name: str) -> None:
    assert gguf_name(definition(name)) == name


@pytest.mark.parametrize(("alias", "name"), [("llama3", "llama-bpe"), ("deepseek-r1-qwen", "qwen2")])
def test_aliases(alias: str, name: str) -> None:
    assert definition(alias) == DEFINITIONS[name]


def test_spelling_and_offsets_do_not_matter_but_digits_do() -> None:
    written = json.loads(json.dumps(DEFINITIONS["qwen2"]))
    split = written["pretokenizers"][0]["pattern"]
    split["Regex"] = split["Regex"].replace(
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)", "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
    )
    written["pretokenizers"][1]["trim_offsets"] = False
    assert gguf_name(written) == "qwen2"
    split["Regex"] = split["Regex"].replace(r"|\p{N}|", r"|\p{N}{1,3}|")
    assert gguf_name(written) == "llama-bpe"


def test_deepseek_is_known_by_its_expressions() -> None:
    assert gguf_name(tiny.DEEPSEEK_V3) == "deepseek-v3"
    # DeepSeek-Coder's and DeepSeek-LLM's tokenizers share their rule for Chinese, and nothing else.
    assert gguf_name(DEFINITIONS["deepseek-coder"]) == "deepseek-coder"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [("Ωαß", 1), ("\u2126", 1), ("转账", 1), ("ω转", 2), ("ªª", 1), ("ªω", 2), ("42", 2), ("a b", 2), ("a,b", 3)],
)
def test_deepseek_llm_keeps_letters_with_case_together(text: str, pieces: int) -> None:
    assert len(cut(DEFINITIONS["deepseek-llm"], text)) == pieces


@pytest.mark.parametrize("strange", [None, {}, {"type": "Whitespace"}, {"type": "Digits", "individual_digits": True}])
def test_an_unknown_definition_is_refused(strange: dict[str, Any] | None) -> None:
    with pytest.raises(ModelError) as caught:
        gguf_name(strange, "some/tokenizer.json")
    assert str(caught.value).startswith("some/tokenizer.json: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["deepseek-v9", "tekken", "", "Qwen2"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="is not supported"):
        definition(name, "m.gguf")


def test_how_each_cuts_digits() -> None:
    runs = {name: [p for p in cut(DEFINITIONS[name], DIGITS) if p.strip("Ġ").isdigit()] for name in DEFINITIONS}
    assert runs["smollm"] == runs["qwen2"] == list("00422024010512345" + "67")
    assert runs["llama-bpe"] == runs["default"] == ["004", "2", "202", "4", "01", "05", "12", "345", "67"]
    assert runs["gpt-2"] == ["Ġ0042", "Ġ2024", "01", "05", "12", "345", "67"]


def test_the_demo_is_cut_digit_by_digit(demo_folder: Path) -> None:
    from seekforge.engines.transformers import load_tokenizer

    tokenizer = load_tokenizer(demo_folder)
    assert json.loads((demo_folder / "tokenizer.json").read_text("utf-8"))["pre_tokenizer"] == DEFINITIONS["smollm"]
    pieces = [tokenizer.decode([i]) for i in tokenizer.encode("case 20240105", add_special_tokens=False)]
    assert pieces[-8:] == list("20240105")
