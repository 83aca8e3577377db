"""Encoder-decoder translation models through `transformers`: Marian, NLLB, M2M-100, T5; one model a direction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seekforge.core.config import environment
from seekforge.core.config.augment import DirectionConfig, Seq2seqTranslatorConfig
from seekforge.core.config.environment import quiet_libraries
from seekforge.core.errors import ModelError
from seekforge.core.models import fingerprint, resolve
from seekforge.core.progress import Silent
from seekforge.data.augment.words import Language
from seekforge.engines.chat.protocol import Heard, Reply, unheard
from seekforge.engines.weights import hf_folder

_PIECES = 512  # longest text where the tokenizer names no limit
_UNLIMITED = 1 << 20  # tokenizers without a limit say 10^30
_GROWTH = 3  # a translation of more tokens than this times the text's (and some) goes round in circles


class Seq2seqTranslator:
    """Beam search; the greedy choice with one beam. A text that the model cannot read whole fails.

    Args:
        config: The two models.
    """

    def __init__(self, config: Seq2seqTranslatorConfig) -> None:
        self._config = config
        self._loaded: dict[str, tuple[Any, Any]] = {}

    @property
    def name(self) -> str:
        """Both models with the fingerprints of their weights, and the beams."""
        sides = (self._config.to_english, self._config.to_chinese)
        models = [f"{side.model}@{fingerprint(resolve(side.model))[:12]} {side.prefix}" for side in sides]
        return f"seq2seq {' | '.join(models)} beams={self._config.beams}"

    @property
    def rough(self) -> bool:
        """No: it was trained to translate."""
        return False

    def check(self) -> None:
        """Loads both models, so that a missing one is found before the work.

        Raises:
            ModelError: A model is missing or no encoder-decoder.
        """
        for side in (self._config.to_english, self._config.to_chinese):
            self._model(side)

    def translate(
        self, texts: Sequence[str], source: Language, target: Language, heard: Heard = unheard
    ) -> list[Reply]:
        """In batches of texts of like length."""
        side = self._config.to_english if target == "en" else self._config.to_chinese
        tokenizer, model = self._model(side)
        lengths = [len(tokenizer(side.prefix + text)["input_ids"]) for text in texts]
        longest = _longest(tokenizer, model)
        replies = {
            index: Reply(failure=f"{length} tokens, and the model reads {longest}")
            for index, length in enumerate(lengths)
            if length > longest
        }
        for index, reply in replies.items():
            heard(index, reply)
        order = sorted((i for i in range(len(texts)) if i not in replies), key=lambda i: (lengths[i], i))
        for start in range(0, len(order), self._config.batch_size):
            batch = order[start : start + self._config.batch_size]
            for index, reply in zip(batch, self._batch(side, [texts[i] for i in batch]), strict=True):
                heard(index, reply)
                replies[index] = reply
        return [replies[index] for index in range(len(texts))]

    def _batch(self, side: DirectionConfig, texts: Sequence[str]) -> list[Reply]:
        import torch

        tokenizer, model = self._model(side)
        entered = tokenizer([side.prefix + text for text in texts], padding=True, return_tensors="pt").to(model.device)
        limit = _GROWTH * int(entered["input_ids"].shape[1]) + 16
        options: dict[str, Any] = {"num_beams": self._config.beams, "do_sample": False, "max_new_tokens": limit}
        if side.target is not None:
            options["forced_bos_token_id"] = tokenizer.convert_tokens_to_ids(side.target)
        with torch.inference_mode():
            out = model.generate(**entered, **options)
        end = model.generation_config.eos_token_id
        return [_reply(row.tolist(), end, tokenizer) for row in out]

    def _model(self, side: DirectionConfig) -> tuple[Any, Any]:
        if side.model not in self._loaded:
            folder = hf_folder(resolve(side.model), environment(), Silent())
            self._loaded[side.model] = _load(folder, side)
        return self._loaded[side.model]


def _load(folder: Path, side: DirectionConfig) -> tuple[Any, Any]:
    quiet_libraries()
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    options = {"src_lang": side.source} if side.source else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype="float32").eval()
    except (OSError, ValueError, KeyError, ImportError) as error:
        what = " ".join(str(error).split())[:200]
        raise ModelError(
            f"no encoder-decoder model ({what})", where=side.model, mend="Give a translation model"
        ) from error
    if side.target is not None and tokenizer.convert_tokens_to_ids(side.target) in {None, tokenizer.unk_token_id}:
        raise ModelError(f"its tokenizer does not know '{side.target}'", where=side.model, mend="Correct `target`")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return tokenizer, model.to(device)


def _longest(tokenizer: Any, model: Any) -> int:  # noqa: ANN401  transformers has no types
    known = (tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", None))
    return min([int(limit) for limit in known if limit and limit < _UNLIMITED], default=_PIECES)


def _reply(ids: list[int], end: int | list[int] | None, tokenizer: Any) -> Reply:  # noqa: ANN401
    ends = {end} if isinstance(end, int) else set(end or ())
    if ends and not ends & set(ids[1:]):
        return Reply(failure=f"no end within {len(ids)} tokens")
    text = str(tokenizer.decode(ids, skip_special_tokens=True)).strip()
    return Reply(text) if text else Reply(failure="an empty translation")
