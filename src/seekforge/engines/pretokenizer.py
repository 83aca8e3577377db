"""The pre-tokeniser: how text is cut before byte-pair merges. GGUF keeps only its name, Hugging Face its definition.

Getting it wrong does not fail, it tokenises digits or Chinese a little differently from training. Names and expressions
are those of llama.cpp's `llm_tokenizer_bpe` and of the models' own `tokenizer.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seekforge.core.errors import ModelError

_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORDS = r"|[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3 = _CONTRACTIONS + _WORDS + r"|\p{N}{1,3}" + _REST
_QWEN2 = _CONTRACTIONS + _WORDS + r"|\p{N}" + _REST
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
# What llama.cpp and OpenVINO do under `default` and under every name that they do not know; it is not GPT-2's.
_DEFAULT = (r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", "[0-9][0-9][0-9]")
_DEEPSEEK_LLM_HAN = "[一-龥ࠀ-一가-퟿]+"
_DEEPSEEK_V3_HAN = "[一-龥぀-ゟ゠-ヿ]+"


def _byte_level(*, use_regex: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def _split(expression: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}


def _sequence(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(parts)}


DEFINITIONS: dict[str, dict[str, Any]] = {
    "gpt-2": _byte_level(use_regex=True),
    "default": _sequence(*map(_split, _DEFAULT), _byte_level(use_regex=False)),
    "smollm": _sequence({"type": "Digits", "individual_digits": True}, _byte_level(use_regex=True)),
    "llama-bpe": _sequence(_split(_LLAMA3), _byte_level(use_regex=False)),
    "qwen2": _sequence(_split(_QWEN2), _byte_level(use_regex=False)),
}
# Same cuts under another name in GGUF files.
_ALIASES = {"llama3": "llama-bpe", "deepseek-r1-qwen": "qwen2"}


def definition(name: str, where: str = "") -> dict[str, Any]:
    """The Hugging Face definition behind a GGUF pre-tokeniser name.

    Raises:
        ModelError: The name is not known; guessing would tokenise differently from training.
    """
    known = _ALIASES.get(name, name)
    if known not in DEFINITIONS:
        raise ModelError(
            f"GGUF pre-tokeniser '{name}' is not supported",
            where=where,
            mend="Give the model's Hugging Face folder instead",
        )
    return DEFINITIONS[known]


def gguf_name(pre_tokenizer: Mapping[str, Any] | None, where: str = "") -> str:
    """The GGUF name of a `tokenizer.json`'s `pre_tokenizer`.

    Raises:
        ModelError: No known pre-tokeniser cuts like this one.
    """
    shape = _shape(pre_tokenizer or {})
    for name, known in DEFINITIONS.items():
        if shape == _shape(known):
            return name
    expressions = {part for part in shape if isinstance(part, str)}
    if _DEEPSEEK_V3_HAN in expressions:
        return "deepseek-v3"
    if _DEEPSEEK_LLM_HAN in expressions:
        return "deepseek-llm"
    raise ModelError(
        "its pre-tokeniser has no name in GGUF", where=where, mend="Serve the merged model with vLLM instead of GGUF"
    )


def _shape(part: Mapping[str, Any]) -> tuple[object, ...]:
    """What decides the cuts: types, expressions and switches, in order; offsets and spelling aside."""
    kind = part.get("type")
    if kind == "Sequence":
        return tuple(item for child in part["pretokenizers"] for item in _shape(child))
    if kind == "Split":
        expression = part["pattern"].get("Regex") or part["pattern"].get("String")
        return (_spelled_alike(str(expression)),)
    if kind == "Digits":
        return (("digits", bool(part.get("individual_digits"))),)
    if kind == "ByteLevel":
        return (("bytes", bool(part.get("use_regex", True))),)
    return ((str(kind),),)


def _spelled_alike(expression: str) -> str:
    long_form = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
    return expression.replace(long_form, _CONTRACTIONS)
