"""Confident learning: which labels a classifier that has not seen them contradicts with confidence.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", section 3: the
threshold of a class is the mean probability of that class among the examples that carry its label (equation 2). An
example counts for the most probable of the classes that reach their thresholds (equation 1); where that is not the
class it carries, it lies off the diagonal of the confident joint, and its label is an issue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUCKETS = 1 << 18
_STRENGTH = 3.0  # inverse of the regularisation; best of 1, 3, 10 and 30 on reviews with flipped labels


def confident_labels(probabilities: NDArray[np.float64], given: NDArray[np.int64]) -> NDArray[np.int64]:
    """The class that each example confidently belongs to; -1 where none reaches its threshold.

    Args:
        probabilities: Shape (examples, classes), out of sample.
        given: Shape (examples,): the class that each one carries.
    """
    import numpy as np

    classes = probabilities.shape[1]
    thresholds = np.array([probabilities[given == label, label].mean() for label in range(classes)])
    reached = np.where(probabilities >= thresholds, probabilities, -1.0)
    return np.where(reached.max(axis=1) >= 0, reached.argmax(axis=1), -1)


def out_of_sample(
    grams: Any,  # noqa: ANN401  scipy ships no types
    given: NDArray[np.int64],
    fold: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Probabilities by logistic regression over tf-idf of character n-grams, each fold's by the other folds.

    Args:
        grams: Sparse counts, of `matrix`.
        given: Shape (examples,): classes 0, 1, ...; each occurs outside every fold.
        fold: Shape (examples,): the fold of each; equal texts must have the same.

    Returns:
        Shape (examples, classes); rows add up to 1.
    """
    import numpy as np
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    found = np.zeros((len(given), int(given.max()) + 1))
    for part in np.unique(fold):
        seen, unseen = fold != part, fold == part
        weights = TfidfTransformer(sublinear_tf=True).fit(grams[seen])
        model = OneVsRestClassifier(LogisticRegression(C=_STRENGTH, solver="liblinear", random_state=0))
        model.fit(weights.transform(grams[seen]), given[seen])
        found[np.ix_(unseen, model.classes_)] = model.predict_proba(weights.transform(grams[unseen]))
    return found


def matrix(values: NDArray[np.uint32], bounds: NDArray[np.int64], rows: NDArray[np.int64]) -> Any:  # noqa: ANN401
    """Sparse counts of those n-grams that two examples have at least: what one alone has says nothing about others.

    Args:
        values: Hashed n-grams of all examples, end to end.
        bounds: Where each example's begin, and the end.
        rows: The examples that are wanted, in order.
    """
    import numpy as np
    import scipy.sparse

    shape = (len(bounds) - 1, BUCKETS)
    counts = scipy.sparse.csr_matrix((np.ones(len(values), np.float32), values.astype(np.int32), bounds), shape=shape)
    counts.sum_duplicates()
    counts = counts[rows]
    return counts[:, np.flatnonzero(np.bincount(counts.indices, minlength=BUCKETS) > 1)]
