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
# Letters with case, as DeepSeek-LLM's tokenizer.json lists them; by number, for some look like others and are not.
_CASED = """
    0041-005A 0061-007A 00B5 00C0-00D6 00D8-00F6 00F8-01BA 01BC-01BF 01C4-0293 0295-02AF 0370-0373 0376-0377
    037B-037D 037F 0386 0388-038A 038C 038E-03A1 03A3-03F5 03F7-0481 048A-052F 0531-0556 10A0-10C5 13A0-13F5
    13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A 1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D
    1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE 1FC2-1FC4 1FC6-1FCC 1FD0-1FD3 1FD6-1FDB
    1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 2119-211D 2124 2126 2128 212A-212D 212F-2134 2139
    213C-213F 2145-2149 214E 2183-2184 2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2-2CF3 A640-A66D A680-A69B A722-A76F
    A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3
    104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943
"""
_DEEPSEEK_LLM_HAN = "[一-龥ࠀ-一가-퟿]+"
_DEEPSEEK_V3_HAN = "[一-龥぀-ゟ゠-ヿ]+"
_DEEPSEEK_V3_REST = (
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
)
_DEEPSEEK_LLM_SIGNS = "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"


def _byte_level(*, use_regex: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def _split(expression: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}


def _sequence(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(parts)}


def _letters(ranges: str) -> str:
    """`0041-005A 00B5` as the inside of a character class."""
    ends = [[chr(int(end, 16)) for end in part.split("-")] for part in ranges.split()]
    return "".join("-".join(pair) for pair in ends)


_DIGITS = {"type": "Digits", "individual_digits": True}
DEFINITIONS: dict[str, dict[str, Any]] = {
    "gpt-2": _byte_level(use_regex=True),
    "default": _sequence(*map(_split, _DEFAULT), _byte_level(use_regex=False)),
    "smollm": _sequence(_DIGITS, _byte_level(use_regex=True)),
    "llama-bpe": _sequence(_split(_LLAMA3), _byte_level(use_regex=False)),
    "qwen2": _sequence(_split(_QWEN2), _byte_level(use_regex=False)),
    "deepseek-v3": _sequence(
        *map(_split, (r"\p{N}{1,3}", _DEEPSEEK_V3_HAN, _DEEPSEEK_V3_REST)), _byte_level(use_regex=False)
    ),
    "deepseek-coder": _sequence(
        *map(_split, ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _DEEPSEEK_LLM_HAN)), _DIGITS, _byte_level(use_regex=False)
    ),
    "deepseek-llm": _sequence(
        *map(_split, ("[\r\n]", rf"\s?[{_letters(_CASED)}]+", _DEEPSEEK_LLM_SIGNS, r"\s+$", _DEEPSEEK_LLM_HAN)),
        _DIGITS,
        _byte_level(use_regex=False),
    ),
}
# Names under which a word that is a token as a whole is taken as it is, whatever its merges say (`ignore_merges`).
WHOLE_WORDS = frozenset({"llama-bpe"})
# Same cuts under another name in GGUF files.
_ALIASES = {"llama3": "llama-bpe", "llama-v3": "llama-bpe", "deepseek-r1-qwen": "qwen2"}


def canonical(name: str, where: str = "") -> str:
    """The name in `DEFINITIONS` of a GGUF pre-tokeniser name.

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
    return known


def definition(name: str, where: str = "") -> dict[str, Any]:
    """The Hugging Face definition behind a GGUF pre-tokeniser name.

    Raises:
        ModelError: As `canonical`.
    """
    return DEFINITIONS[canonical(name, where)]


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
