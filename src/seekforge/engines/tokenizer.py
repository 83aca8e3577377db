"""The tokenizer of a GGUF file, made from the file's own metadata with Hugging Face's `tokenizers`.

OpenVINO GenAI 2026.4 cuts text rightly for the pre-tokenisers `smollm`, `qwen2` and `default` and by the last one's
rule under every other name: a model would read digits, Chinese and spaces otherwise than it was trained to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seekforge.core.errors import ModelError
from seekforge.engines.pretokenizer import DEFINITIONS, WHOLE_WORDS, canonical

if TYPE_CHECKING:
    from tokenizers import Tokenizer

NORMALISER_KEY = "seekforge.tokenizer.normaliser"  # GGUF has no key for it; `compress/gguf.py` writes this one
_CONTROL, _USER_DEFINED, _UNUSED = 3, 4, 5  # in `tokenizer.ggml.token_type`
# Qwen's tokenizers compose characters first (NFC), and no GGUF file but ours says so.
_COMPOSING = frozenset({"qwen2"})


class GgufTokenizer:
    """A byte-level BPE tokenizer. Ids and text are those of `transformers`.

    Args:
        metadata: What `read_metadata` gives.
        where: The file, for messages.

    Raises:
        ModelError: The pre-tokeniser is not known, or tokens and merges do not fit together.
    """

    def __init__(self, metadata: Mapping[str, Any], where: str) -> None:
        tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
        self._tokenizer = _build(metadata, where)
        self._bytes = _byte_table(tokens, types)

    def encode(self, text: str) -> list[int]:
        """Token ids; nothing is added to the text, and a control token's name becomes that token."""
        # The fast one leaves out where in the text each token stands, which nobody asks for here.
        ids: list[int] = self._tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids
        return ids

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of token ids, control tokens left out; bytes that are no character become U+FFFD."""
        table = self._bytes  # 1 µs for a short answer where `tokenizers` takes 10
        return b"".join([table[i] for i in token_ids]).decode("utf-8", "replace")


def _build(metadata: Mapping[str, Any], where: str) -> Tokenizer:
    from tokenizers import AddedToken, Tokenizer, models, normalizers

    written = str(metadata.get("tokenizer.ggml.pre", "default"))
    name = canonical(written, where)
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    # Numbers that no token uses have made-up names, which no text may turn into.
    vocabulary = {token: i for i, token in enumerate(tokens) if types[i] != _UNUSED}
    try:
        merges = [_halves(merge) for merge in metadata.get("tokenizer.ggml.merges", ())]
        tokenizer = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=name in WHOLE_WORDS))
    except Exception as error:  # `tokenizers` raises no narrower one
        raise ModelError(f"its tokenizer cannot be built ({error})", where=where, mend="Make the file again") from error
    # The classes' own constructors take less than the definitions say; a tokenizer.json takes all of it.
    shell = {"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": DEFINITIONS[name]}
    tokenizer.pre_tokenizer = Tokenizer.from_str(json.dumps(shell)).pre_tokenizer
    if metadata.get(NORMALISER_KEY, "NFC" if written in _COMPOSING else "") == "NFC":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens(
        [AddedToken(tokens[i], special=True, normalized=False) for i, kind in enumerate(types) if kind == _CONTROL]
    )
    tokenizer.add_tokens(
        [AddedToken(tokens[i], normalized=False) for i, kind in enumerate(types) if kind == _USER_DEFINED]
    )
    return tokenizer


def _halves(merge: str) -> tuple[str, str]:
    left, _, right = merge.partition(" ")
    return left, right


def _byte_table(tokens: Sequence[str], types: Sequence[int]) -> list[bytes]:
    """The bytes of each token. Source of the alphabet: GPT-2's `bytes_to_unicode`."""
    alphabet = _alphabet()
    table = []
    for token, kind in zip(tokens, types, strict=True):
        if kind in (_CONTROL, _UNUSED):
            table.append(b"")
            continue
        try:
            table.append(token.translate(alphabet).encode("latin-1"))
        except UnicodeEncodeError:  # not written in the alphabet: an added token, which is its own text
            table.append(token.encode())
    return table


def _alphabet() -> dict[int, int]:
    """Code points of the byte alphabet to bytes; those of Latin-1 that are not in it to something that is no byte."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    to_byte = {0x100 + i: byte for i, byte in enumerate(hidden)}
    return dict.fromkeys(hidden, 0xFFFF) | {byte: byte for byte in shown} | to_byte
