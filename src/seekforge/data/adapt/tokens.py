"""A tokenizer with more tokens, written beside the old one; every other text keeps its ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seekforge.core.errors import ModelError
from seekforge.core.files import read_json, write_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE, SETTINGS = "tokenizer.json", "tokenizer_config.json"
_SERVE = "Choose a model with a byte-level BPE tokenizer, such as Qwen's, Llama 3's or DeepSeek's"


def read_tokenizer(folder: Path) -> Tokenizer:
    """The folder's tokenizer.

    Raises:
        ModelError: There is none, or it is no byte-level BPE: whether added tokens come back as the same text there is
            not known to us, and the GGUF export refuses it.
    """
    from tokenizers import Tokenizer

    path = folder / FILE
    if not path.is_file():
        raise ModelError("no tokenizer.json", where=str(folder), mend="Save the tokenizer with transformers first")
    tree = read_json(path)
    if tree["model"].get("type") != "BPE" or tree["model"].get("byte_fallback"):
        raise ModelError("only byte-level BPE tokenizers can be extended", where=str(path), mend=_SERVE)
    return Tokenizer.from_file(str(path))


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """Ids; nothing is added to the text."""
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def add_tokens(tokenizer: Tokenizer, forms: Sequence[str]) -> dict[str, int]:
    """Adds tokens that match wherever their text stands, and gives their ids.

    No `single_word` and no stripping of spaces: GGUF has no word for either, so engines would tokenise otherwise than
    `transformers`, and a stripped space does not come back.
    """
    from tokenizers import AddedToken

    tokenizer.add_tokens([AddedToken(form, normalized=False, special=False) for form in forms])
    return {form: int(tokenizer.token_to_id(form) or 0) for form in forms}  # never None: it was added


def unreadable(tokenizer: Tokenizer, forms: Sequence[str]) -> list[str]:
    """Forms that would not come back as they went in, tried on a copy.

    Byte-level decoders read a token that is written in their alphabet as bytes, so an added `ü` alone would be half a
    character; and a normaliser (Qwen's composes characters) may change a form before it is met.
    """
    from tokenizers import Tokenizer

    copy = Tokenizer.from_str(tokenizer.to_str())
    numbers = add_tokens(copy, forms)
    return [
        form
        for form in forms
        if encode(copy, f"x{form}") != [*encode(tokenizer, "x"), numbers[form]] or copy.decode([numbers[form]]) != form
    ]


def write_tokenizer(tokenizer: Tokenizer, source: Path, target: Path, numbers: dict[str, int]) -> None:
    """Writes the tokenizer's files into a folder that has the others already."""
    tokenizer.save(str(target / FILE))
    settings: dict[str, Any] = read_json(source / SETTINGS) if (source / SETTINGS).exists() else {}
    if "added_tokens_decoder" in settings:  # written by older versions of transformers, which read it before the file
        decoder = dict(settings["added_tokens_decoder"])
        shape = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": False}
        decoder.update({str(number): {"content": form, **shape} for form, number in numbers.items()})
        write_json(target / SETTINGS, {**settings, "added_tokens_decoder": decoder})


def tokens_per_character(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """Tokens of the texts by their characters."""
    return sum(len(encode(tokenizer, text)) for text in texts) / max(1, sum(map(len, texts)))
