"""Which tokenizer an OpenVINO engine uses: ours for byte-level BPE, OpenVINO's own for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seekforge.engines.tokenizer import GgufTokenizer


class OpenVinoTokenizer:
    """OpenVINO's tokenizer, for SentencePiece models.

    Args:
        tokenizer: An `openvino_genai.Tokenizer`.
    """

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401  OpenVINO has no types
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """Token ids; nothing is added to the text."""
        if not text:
            return []
        ids: list[int] = self._tokenizer.encode([text], add_special_tokens=False).input_ids.data[0].tolist()
        return ids

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of token ids, control tokens left out."""
        return str(self._tokenizer.decode(list(token_ids))) if token_ids else ""


def own_tokenizer(metadata: Mapping[str, Any], where: str) -> GgufTokenizer | None:
    """Our tokenizer for a file; None for one that is not byte-level.

    Args:
        metadata: What `read_metadata` gives.
        where: The file, for messages.

    Raises:
        ModelError: A byte-level tokenizer that cannot be built.
    """
    return GgufTokenizer(metadata, where) if metadata["tokenizer.ggml.model"] == "gpt2" else None
