"""Test sets that a dataset must not give away, as an index: exact, near, and by shared runs of words.

Runs: Brown et al. 2020, "Language Models are Few-Shot Learners", appendix C, which calls an example contaminated when
it shares a run of 13 words. A share of the runs decides here, not a single one. As there, runs that many test questions
have count for nothing: they are the form of the question and not its matter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from seekforge.core.config import DataConfig, SourceConfig
from seekforge.core.records import Record
from seekforge.data.quality.units import units
from seekforge.data.similarity import band_keys, compact, sets_of, shingled_texts
from seekforge.data.sources import read_sources

if TYPE_CHECKING:
    from seekforge.data.ops.protocol import Ragged

_FORM, _LEAST_FORM = 0.1, 10  # a run that a tenth of the questions have, and ten at least, is form


class Likeness(NamedTuple):
    """The test record that a training record is most like.

    Attributes:
        how: `exact`, `near` or `runs`.
        share: Jaccard similarity of the questions, or the share of the test question's runs that the record holds.
        test: Id of the test record.
        file: Its file's name.
        text: Its question.
    """

    how: str
    share: float
    test: str
    file: str
    text: str


class Leaked(NamedTuple):
    """A test record that a training record gives away.

    Attributes:
        test: Place of the test record among the tests.
        how: `exact`, `near` or `runs`.
        share: As `Likeness.share`.
        train: Place of the training record among those asked about.
    """

    test: int
    how: str
    share: float
    train: int


@dataclass(frozen=True, slots=True)
class TestRecord:
    """One question of a test set and the file that it stands in."""

    record: Record
    file: str


def read_tests(paths: Iterable[Path]) -> list[TestRecord]:
    """All records of the files, by the readers of the data stage.

    Raises:
        DataError: A file or record cannot be used.
    """
    found = []
    for path in paths:
        config = DataConfig(sources=(SourceConfig(path=path),))
        found += [TestRecord(record, path.name) for record in read_sources(config)]
    return found


class KnownTests:
    """Finds the test record that a training record gives away most of.

    Args:
        tests: The test records.
        threshold: Jaccard similarity from which questions are near.
        shingle: Characters in a shingle.
        ngram: Words in a run.
    """

    def __init__(self, tests: Sequence[TestRecord], threshold: float, shingle: int, ngram: int) -> None:
        self._tests, self._threshold, self._shingle, self._ngram = tests, threshold, shingle, ngram
        self._same: dict[str, list[int]] = defaultdict(list)
        for row, test in enumerate(tests):
            self._same[compact(test.record.text)].append(row)
        shingled = shingled_texts([test.record.text for test in tests], shingle)
        self._sets = _sets(shingled)
        self._buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
        for row, keys in enumerate(band_keys(shingled, threshold).tolist()):
            for band in enumerate(keys):
                self._buckets[band].append(row)
        self._runs, self._sizes = self._index([_runs(test.record.text, ngram) for test in tests])

    def likest(self, records: Sequence[Record]) -> list[Likeness | None]:
        """Of each record the likest test record: an exact one, else the nearest, else that with most of its runs."""
        shingled = shingled_texts([record.text for record in records], self._shingle)
        sets, keys = _sets(shingled), band_keys(shingled, self._threshold).tolist()
        return [
            self._exact(record) or self._near(sets, row, keys[row]) or self._quoted(record)
            for row, record in enumerate(records)
        ]

    def leaked(self, records: Sequence[Record], containment: float) -> Iterator[Leaked]:
        """Every test record that a record gives away, with every record that does.

        Args:
            records: Training records; their answers count too where runs are quoted.
            containment: Share of a test question's runs that a record must hold.
        """
        shingled = shingled_texts([record.text for record in records], self._shingle)
        sets, keys = _sets(shingled), band_keys(shingled, self._threshold).tolist()
        for row, record in enumerate(records):
            yield from (Leaked(test, "exact", 1.0, row) for test in self._same.get(compact(record.text), ()))
            near = self._similar(sets, row, keys[row])
            yield from (Leaked(test, "near", alike, row) for test, alike in near if alike >= self._threshold)
            held = self._held(record)
            yield from (Leaked(test, "runs", share, row) for test, share in held if share >= containment)

    def _exact(self, record: Record) -> Likeness | None:
        rows = self._same.get(compact(record.text))
        return self._like("exact", 1.0, rows[0]) if rows else None

    def _near(self, sets: Ragged, row: int, keys: Sequence[int]) -> Likeness | None:
        found = self._similar(sets, row, keys)
        best, nearest = max(found, key=lambda pair: pair[1], default=(-1, 0.0))
        return self._like("near", nearest, best) if nearest >= self._threshold else None

    def _similar(self, sets: Ragged, row: int, keys: Sequence[int]) -> list[tuple[int, float]]:
        """The tests that share a bucket with a record, in their order, and the Jaccard similarity of each."""
        import numpy as np

        found = []
        for other in sorted({other for band in enumerate(keys) for other in self._buckets.get(band, ())}):
            shared = len(np.intersect1d(sets[row], self._sets[other], assume_unique=True))
            found.append((other, shared / (len(sets[row]) + len(self._sets[other]) - shared)))
        return found

    def _quoted(self, record: Record) -> Likeness | None:
        row, share = min(self._held(record), key=lambda pair: (-pair[1], pair[0]), default=(-1, 0.0))
        return self._like("runs", share, row) if share else None

    def _held(self, record: Record) -> list[tuple[int, float]]:
        """The tests of which a record holds runs, and the share of each one's runs."""
        said = _runs("\n".join(message.content for message in record.messages), self._ngram)
        held = Counter(row for run in said for row in self._runs.get(run, ()))
        return [(row, count / self._sizes[row]) for row, count in held.items()]

    def _like(self, how: str, share: float, row: int) -> Likeness:
        test = self._tests[row]
        return Likeness(how, share, test.record.id, test.file, test.record.text)

    def _index(self, runs: Sequence[frozenset[int]]) -> tuple[dict[int, list[int]], list[int]]:
        """Each run that tells something to the questions that have it, and how many of those a question has."""
        count = Counter(run for own in runs for run in own)
        most = max(_LEAST_FORM, _FORM * len(runs))
        index: dict[int, list[int]] = defaultdict(list)
        sizes = []
        for row, own in enumerate(runs):
            telling = [run for run in own if count[run] < most]
            sizes.append(len(telling))
            for run in telling:
                index[run].append(row)
        return dict(index), sizes


def _sets(shingled: Ragged) -> Ragged:
    """The shingles of all texts as ascending sets."""
    import numpy as np

    return sets_of(shingled, np.zeros((1, len(shingled)), np.int32))


def _runs(text: str, size: int) -> frozenset[int]:
    """Hashes of the runs of words; none where the text is shorter, for few words in a row are no quotation."""
    words = units(text)
    return frozenset(hash(tuple(words[at : at + size])) for at in range(len(words) - size + 1))
