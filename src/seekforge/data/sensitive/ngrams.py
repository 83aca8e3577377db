"""A linear model of character n-grams that finds the most suspicious stretch of a text.

The log-odds of a stretch are a bias and the weights of its n-grams of 1 to 3 characters, hashed (Weinberger et al.
2009, "Feature hashing for large scale multitask learning"). They add up, so that the best of all stretches of 2 to 8
characters is found by running sums over a whole batch of texts at once, and a bad word in a long text is not diluted.
A stretch without a Chinese character is not looked at: ordinary texts are Chinese, and say nothing of other languages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seekforge.data.sensitive.views import HAN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUCKETS = 1 << 18
SHORTEST, LONGEST = 2, 8
_ORDERS = (1, 2, 3)
_GOLDEN, _MIX = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9  # as in `kernels`, which needs numba
_OTHER = re.compile(f"[^{HAN}0-9a-z]+")
_END = 10  # a line's end, between phrases
_NEVER = -1e6  # a stretch over the end of a phrase, or without a Chinese character


def phrases(plain: str) -> list[str]:
    """The runs of Chinese characters, letters and digits of a folded text."""
    return [run for run in _OTHER.split(plain) if run]


def features(samples: Sequence[str]) -> Any:  # noqa: ANN401  scipy ships no types
    """Counts of hashed n-grams: a sparse matrix of shape (samples, BUCKETS). A sample holds no line's end."""
    import numpy as np
    import scipy.sparse

    codes = _codes("\n".join(samples) + "\n")
    grams, ends = _grams(codes), codes == _END
    row: NDArray[np.int64] = np.cumsum(ends) - ends
    rows: list[NDArray[np.int64]] = []
    columns: list[NDArray[np.int64]] = []
    for order, buckets in zip(_ORDERS, grams, strict=True):
        whole = np.ones(len(buckets), bool)
        for place in range(order):
            whole &= ~ends[place : place + len(buckets)]
        rows.append(row[: len(buckets)][whole])
        columns.append(buckets[whole])
    at, bucket = np.concatenate(rows), np.concatenate(columns)
    return scipy.sparse.csr_matrix((np.ones(len(at), np.float32), (at, bucket)), shape=(len(samples), BUCKETS))


@dataclass(frozen=True, slots=True)
class Weights:
    """The model: `buckets` of shape (BUCKETS,), float32, and the bias."""

    buckets: NDArray[np.float32]
    bias: float

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The log-odds of the most suspicious stretch of each folded text, shape (texts,)."""
        import numpy as np

        if not texts:
            return np.empty(0)
        joined = ["\n".join(phrases(text)) + "\n" * LONGEST for text in texts]
        best = self._best("".join(joined))
        sizes = np.fromiter(map(len, joined), np.int64, len(joined))
        found: NDArray[np.float64] = np.maximum.reduceat(best, np.cumsum(sizes) - sizes)
        return found

    def _best(self, text: str) -> NDArray[np.float64]:
        """The log-odds of the best stretch that begins at each character."""
        import numpy as np

        codes = _codes(text)
        grams, chinese = _grams(codes), _running(_is_chinese(codes))
        sums = []
        for order, buckets in zip(_ORDERS, grams, strict=True):
            weights = self.buckets[buckets].astype(np.float64)
            if order == 1:
                weights[codes == _END] = _NEVER
            sums.append(_running(weights))
        best = np.full(len(text), _NEVER)
        for size in range(SHORTEST, min(LONGEST, len(text)) + 1):
            count = len(text) - size + 1
            total = np.full(count, self.bias)
            for order, running in zip(_ORDERS, sums, strict=True):
                if size >= order:
                    wide = size - order + 1
                    total += running[wide : wide + count] - running[:count]
            total[chinese[size : size + count] == chinese[:count]] = _NEVER
            np.maximum(best[:count], total, out=best[:count])
        return best


def _codes(text: str) -> NDArray[np.uint64]:
    import numpy as np

    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)


def _is_chinese(codes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which characters `HAN` holds."""
    first, last, begin, end = (ord(char) for char in HAN if char != "-")
    found: NDArray[np.bool_] = ((first <= codes) & (codes <= last)) | ((begin <= codes) & (codes <= end))
    return found


def _running(values: NDArray[Any]) -> NDArray[Any]:
    """Sums of the first 0, 1, 2 … values."""
    import numpy as np

    return np.concatenate([[0], np.cumsum(values)])


def _grams(codes: NDArray[np.uint64]) -> list[NDArray[np.int64]]:
    """The bucket of each n-gram, by order."""
    import numpy as np

    mixed = (codes + np.uint64(1)) * np.uint64(_GOLDEN)
    grams = []
    for order in _ORDERS:
        if order > 1:
            count = max(0, len(codes) - order + 1)
            mixed = (mixed[:count] + np.uint64(order)) * np.uint64(_GOLDEN) + codes[order - 1 : order - 1 + count]
        hashed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(_MIX)
        grams.append((hashed >> np.uint64(64 - 18)).astype(np.int64))
    return grams
