"""Classifiers of other people: alt-profanity-check for English, and any text classifier of `transformers`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from seekforge.core.errors import ModelError, ResourceError

_SENTENCES = re.compile(r"(?<=[.!?;。！？；])\s*|\n+")
_LATIN = re.compile(r"[A-Za-z]{2}")
_BATCH = 32
_LONGEST = 512  # tokens that a classifier sees of a text, if it says nothing itself


class Profanity:
    """English abuse: the linear SVM of alt-profanity-check over word counts, by sentence.

    Raises:
        ResourceError: The package is not installed.
    """

    def __init__(self) -> None:
        try:
            from profanity_check import predict_prob
        except ImportError as error:
            raise ResourceError(
                "the package alt-profanity-check is not installed",
                where="data.ops sensitive",
                mend="Run `pip install seekforge[data]`, or set english: null",
            ) from error
        self._predict = predict_prob

    def worst(self, texts: Sequence[str]) -> list[tuple[float, str]]:
        """Of each text the highest probability of its sentences, and that sentence; 0 where there is no English."""
        sentences = [[s for s in _SENTENCES.split(text) if _LATIN.search(s)] for text in texts]
        flat = [sentence for group in sentences for sentence in group]
        scores = iter(self._predict(flat).tolist() if flat else ())
        found = [[(next(scores), sentence) for sentence in group] for group in sentences]
        return [max(group, key=lambda pair: pair[0], default=(0.0, "")) for group in found]


class Transformer:
    """A text classifier by name.

    Args:
        name: A local folder or a hub id.
        labels: Those that are sensitive.

    Raises:
        ModelError: There is no classifier of this name, or it does not have these labels.
    """

    def __init__(self, name: str, labels: Sequence[str]) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        where = f"data.ops sensitive, model {name}"
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(name)
            self._model: Any = AutoModelForSequenceClassification.from_pretrained(name).eval()
        except (OSError, ValueError) as error:
            raise ModelError("no text classifier there", where=where, mend="Give a model folder or a hub id") from error
        known = self._model.config.label2id
        missing = [label for label in labels if label not in known]
        if missing:
            raise ModelError(f"has no label {missing[0]!r}", where=where, mend=f"Its labels: {', '.join(known)}")
        self._places = [known[label] for label in labels]
        self._several = self._model.config.problem_type == "multi_label_classification"
        most = getattr(self._model.config, "max_position_embeddings", _LONGEST)
        self._most = min(_LONGEST, most, self._tokenizer.model_max_length)

    def scores(self, texts: Sequence[str]) -> list[float]:
        """Of each text the probability of the sensitive labels: their sum, or the highest where labels go together."""
        import torch

        found: list[float] = []
        with torch.inference_mode():
            for start in range(0, len(texts), _BATCH):
                batch = self._tokenizer(
                    list(texts[start : start + _BATCH]),
                    truncation=True,
                    max_length=self._most,
                    padding=True,
                    return_tensors="pt",
                )
                logits = self._model(**batch).logits.float()
                if self._several:
                    found += logits.sigmoid()[:, self._places].amax(-1).tolist()
                else:
                    found += logits.softmax(-1)[:, self._places].sum(-1).tolist()
        return found
