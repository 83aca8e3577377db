"""Whether a model was trained on its test: from the artifact back to its data, and what that data gives away.

The look itself (exact, near, quoted) is the data stage's; whose data is looked through and what counts is decided here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from seekforge.core import artifacts
from seekforge.core.artifacts import Artifact
from seekforge.core.errors import InputError
from seekforge.core.gates import Measurement
from seekforge.core.progress import Progress
from seekforge.core.records import Record, iterate_records

TRAIN = "train.jsonl"
KINDS = {"exact": "the same question", "near": "nearly the same question", "runs": "quoted"}
_ORDER = tuple(KINDS)
_BATCH = 1000
_SHOWN = 600
_ADVICE = "Train without them (data.leak.drop, or the op `leakage`), or take them out of the test"


class Leaked(Protocol):
    """One training record that gives one test record away; places count from 0."""

    @property
    def test(self) -> int:
        """Place of the test record."""

    @property
    def how(self) -> str:
        """`exact`, `near` or `runs`."""

    @property
    def share(self) -> float:
        """Similarity of the questions, or share of the test question's runs of words that the record holds."""

    @property
    def train(self) -> int:
        """Place of the training record among those that were looked through."""


class Finder(Protocol):
    """Knows a test set and finds it in other records."""

    def leaked(self, records: Sequence[Record], containment: float) -> Iterable[Leaked]:
        """Every test record that a record gives away."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A test record and the training record that gives most of it away.

    Attributes:
        test: Id of the test record.
        how: `exact`, `near` or `runs`.
        share: As `Leaked.share`, 0 to 1.
        train: Id of the training record.
        question: Of the test record.
        trained: Question of the training record; for `runs` all that it says.
        answer_too: Whether the answers are the same as well.
    """

    test: str
    how: str
    share: float
    train: str
    question: str
    trained: str
    answer_too: bool


@dataclass(frozen=True, slots=True)
class Contamination:
    """What training gave away of a test.

    Attributes:
        tests: Test records.
        trained: Training records that were looked through.
        contacts: One for each contaminated test record, the surest first.
    """

    tests: int
    trained: int
    contacts: tuple[Contact, ...]

    @property
    def count(self) -> int:
        """Contaminated test records."""
        return len(self.contacts)

    @property
    def share(self) -> float:
        """Their share of the test, 0 to 1."""
        return self.count / self.tests if self.tests else 0.0

    def to_dict(self, examples: int = 10) -> dict[str, Any]:
        """For the report: figures, how many of each kind, and some examples."""
        kinds = Counter(contact.how for contact in self.contacts)
        return {
            "tests": self.tests,
            "trained": self.trained,
            "contaminated": self.count,
            "share": self.share,
            "kinds": {kind: kinds[kind] for kind in KINDS},
            "examples": [asdict(contact) for contact in self.contacts[:examples]],
        }


def contamination(
    finder: Finder,
    tests: Sequence[Record],
    datasets: Sequence[Artifact],
    containment: float,
    progress: Progress,
) -> Contamination:
    """Looks through training records, a batch at a time, and keeps for each test record what gives most of it away.

    Args:
        finder: Knows `tests`, in the same order.
        tests: The test.
        datasets: Of `trained_on`; their `train.jsonl` is read, once.
        containment: Share of a test question's runs of words that a training record must hold.
        progress: Told how far it is.
    """
    found: dict[int, tuple[tuple[int, float], Contact]] = {}
    count = 0
    total = sum(int(m.value) for one in datasets for m in one.measurements if m.name == "data.train")
    with progress.task("training records", total) as task:
        for batch in _batches(datasets):
            for leak in finder.leaked(batch, containment):
                rank = (-_ORDER.index(leak.how), leak.share)
                if leak.test not in found or rank > found[leak.test][0]:
                    found[leak.test] = rank, _contact(tests[leak.test], batch[leak.train], leak)
            count += len(batch)
            task.advance(len(batch))
    ordered = sorted(found.items(), key=lambda item: ((-item[1][0][0], -item[1][0][1]), item[0]))
    return Contamination(len(tests), count, tuple(contact for _, (_, contact) in ordered))


def measurements(found: Contamination, how: str, where: str) -> tuple[Measurement, Measurement]:
    """`evaluate.contaminated` and its share.

    Args:
        found: What the look found.
        how: The command that made it.
        where: The hardware.
    """
    count = Measurement(
        "evaluate.contaminated",
        float(found.count),
        "count",
        how,
        where,
        "Test records that training gave away",
        _ADVICE,
    )
    share = replace(
        count,
        name="evaluate.contaminated_share",
        value=found.share,
        unit="fraction",
        title="Share of the test that training gave away",
    )
    return count, share


def trained_on(artifact: Artifact, places: Sequence[Path] = ()) -> list[Artifact]:
    """The dataset artifacts that a trained artifact goes back to, each with the files that its manifest says.

    The way goes from parent to parent by content hash, among the artifacts that lie beside each other; and where
    the base model was made by a run of ours, on to what that was trained on.

    Args:
        artifact: Of any kind that has training above it; a dataset stands for itself.
        places: Further artifact folders to look for parents in.

    Raises:
        InputError: A parent is gone, data was changed since, or there is no training data above it.
    """
    found: dict[str, Artifact] = {}
    seen: set[str] = set()
    left = [artifact]
    while left:
        one = left.pop()
        if one.content_hash in seen:
            continue
        seen.add(one.content_hash)
        if one.kind == "dataset":
            found[one.content_hash] = _verified(one)
            continue
        left += [*_parents(one, places), *_base(one)]
    if not found:
        raise InputError(
            f"this {artifact.kind} goes back to no training data",
            where=str(artifact.folder),
            mend="Give a run, or what its train or compress stage made",
        )
    return list(found.values())


def artifact_of(path: Path) -> Artifact:
    """The artifact that a path leads to: a run's folder, an artifact's, or a file or folder within one.

    Raises:
        InputError: It leads to none.
    """
    for name in ("train", "data"):  # of a run that ended before its training
        if (path / "run.json").is_file() and (path / name / artifacts.MANIFEST).is_file():
            return artifacts.load((path / name).resolve())
    here = path.resolve()
    inside = next((f for f in (here, *here.parents[:2]) if (f / artifacts.MANIFEST).is_file()), None)
    if inside is None:
        what = "no artifact, so what it was trained on is not known" if path.exists() else "no such run or artifact"
        mend = "Give a folder in runs/, an artifact of its train or compress stage, or NAME@champion"
        raise InputError(what, where=str(path), mend=mend)
    return artifacts.load(inside)


def _verified(dataset: Artifact) -> Artifact:
    if not artifacts.verify(dataset):
        raise InputError(
            "the training data is not what its manifest says: files were changed",
            where=str(dataset.folder),
            mend="Run the recipe again, so that data and model belong together",
        )
    return dataset


def _parents(artifact: Artifact, places: Sequence[Path]) -> list[Artifact]:
    """By content hash; of equal ones the last found, and those in `places` before the others."""
    wanted = set(artifact.parents)
    known = [*_loaded(artifact.folder.resolve().parent.iterdir()), *_loaded(places)]
    found = {one.content_hash: one for one in known if one.content_hash in wanted}
    if missing := wanted - found.keys():
        raise InputError(
            f"what it was made from is not beside it (content hash {min(missing)[:12]})",
            where=str(artifact.folder),
            mend="Say where its dataset lies: --trained-on FOLDER; or run its recipe again",
        )
    return list(found.values())


def _loaded(folders: Iterable[Path]) -> Iterator[Artifact]:
    for folder in sorted(folders):
        with suppress(InputError, OSError):  # a broken neighbour is nobody's parent
            yield artifacts.load(folder)


def _base(artifact: Artifact) -> list[Artifact]:
    """What the base model was made by, where that was a run of ours."""
    model = artifact.config.get("model")
    reference = model.get("reference") if isinstance(model, Mapping) else None
    path = Path(str(reference)).expanduser() if artifact.kind == "adapter" and reference else None
    if path is None or not path.exists():
        return []
    with suppress(InputError):
        return [artifact_of(path)]
    return []


def _batches(datasets: Sequence[Artifact]) -> Iterator[list[Record]]:
    left = (record for dataset in datasets for record in iterate_records(dataset.file(TRAIN)))
    while batch := list(islice(left, _BATCH)):
        yield batch


def _contact(test: Record, trained: Record, leak: Leaked) -> Contact:
    said = "\n".join(message.content for message in trained.messages) if leak.how == "runs" else trained.text
    same = test.answer.split() == trained.answer.split()
    question, shown = test.text[:_SHOWN], said[:_SHOWN]
    return Contact(test.id, leak.how, round(leak.share, 4), trained.id, question, shown, same)
