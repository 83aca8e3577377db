"""Trains the n-gram model on listed words against ordinary text, and says how good it is on what it has not seen.

Positives are the words that may decide alone; negatives are stretches of ordinary text of the same lengths and jieba's
everyday vocabulary. A second round adds the stretches that the first took for sensitive (hard negatives, as in
Felzenszwalb et al. 2010, "Object detection with discriminatively trained part-based models"), for the decision rests on
the worst stretch of a text, not on the average one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from seekforge.data.sensitive.ngrams import BUCKETS, LONGEST, SHORTEST, Weights, features, phrases

if TYPE_CHECKING:
    from numpy.typing import NDArray

FALSE_SHARE = 1e-4  # of ordinary texts that the classifier may call sensitive
_PER_TEXT = 8  # stretches of each ordinary text
_HARD_SHARE = 1 / 6  # of the ordinary texts, the most suspicious: their stretches are looked at again
_HARD_FROM = -1.0  # log-odds from which a stretch is hard
_SEED = 7


@dataclass(frozen=True, slots=True)
class Quality:
    """Measured on words and texts that the model had not seen, by halves.

    Attributes:
        limit: Score from which a text is sensitive: at most `FALSE_SHARE` of the unseen ordinary texts are above it.
        recall: Share of unseen listed words above it.
        f1: Of telling unseen words from as many stretches of unseen ordinary text, by the same limit.
    """

    limit: float
    recall: float
    f1: float


def train(words: Sequence[str], texts: Sequence[str], everyday: Sequence[str]) -> Weights:
    """A model of all that is given.

    Args:
        words: Folded words, the positives.
        texts: Folded ordinary texts.
        everyday: Folded everyday words, negatives as they are.
    """
    positives = [stretch for word in words if len(stretch := "".join(phrases(word))[:LONGEST]) >= SHORTEST]
    negatives = [*_stretches(texts, positives, _PER_TEXT), *everyday]
    weights = _fit(positives, negatives)
    return _fit(positives, [*negatives, *_hard(weights, texts)])


def measure(words: Sequence[str], texts: Sequence[str], everyday: Sequence[str]) -> Quality:
    """Trains on one half of everything and looks at the other, both ways round."""
    import numpy as np

    found: list[tuple[NDArray, NDArray, NDArray]] = []  # type: ignore[type-arg]
    for half in (0, 1):
        unseen = [word for word in words if _half(word) == half]
        others = [text for text in texts if _half(text) == half]
        weights = train(
            [word for word in words if _half(word) != half], [text for text in texts if _half(text) != half], everyday
        )
        stretches = _stretches(others, unseen, 1)[: len(unseen)]
        found.append((weights.scores(unseen), weights.scores(others), weights.scores(stretches)))
    positives, ordinary, negatives = (np.concatenate(parts) for parts in zip(*found, strict=True))
    limit = float(np.quantile(ordinary, 1 - FALSE_SHARE)) if len(ordinary) else 0.0
    right, wrong = int((positives > limit).sum()), int((negatives > limit).sum())
    return Quality(limit, right / max(1, len(positives)), 2 * right / max(1, right + wrong + len(positives)))


def _fit(positives: Sequence[str], negatives: Sequence[str]) -> Weights:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    counts = features([*positives, *negatives])
    used = np.flatnonzero(np.bincount(counts.indices, minlength=BUCKETS))  # the rest would get a weight of 0
    model = LogisticRegression(solver="liblinear", max_iter=200, random_state=_SEED)
    model.fit(counts[:, used], np.repeat([1, 0], [len(positives), len(negatives)]))
    buckets = np.zeros(BUCKETS, np.float32)
    buckets[used] = model.coef_[0]
    return Weights(buckets, float(model.intercept_[0]))


def _stretches(texts: Sequence[str], like: Sequence[str], each: int) -> list[str]:
    """Stretches of the texts, as long as the words of `like` are."""
    rng = Random(_SEED)
    sizes = [min(LONGEST, max(SHORTEST, len(word))) for word in like] or [SHORTEST]
    found = []
    for text in texts:
        runs = [run for run in phrases(text) if len(run) >= SHORTEST]
        for _ in range(each if runs else 0):
            run = rng.choice(runs)
            size = min(rng.choice(sizes), len(run))
            start = rng.randrange(len(run) - size + 1)
            found.append(run[start : start + size])
    return found


def _hard(weights: Weights, texts: Sequence[str]) -> list[str]:
    import numpy as np

    worst = np.argsort(-weights.scores(texts), kind="stable")[: round(_HARD_SHARE * len(texts))]
    stretches = sorted(
        {
            run[start : start + size]
            for row in worst
            for run in phrases(texts[row])
            for size in range(SHORTEST, LONGEST - 1)
            for start in range(len(run) - size + 1)
        }
    )
    odds = features(stretches) @ weights.buckets + weights.bias
    return [stretch for stretch, log_odds in zip(stretches, odds, strict=True) if log_odds > _HARD_FROM]


def _half(text: str) -> int:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[0] & 1
