"""From a candidate to its answers: what is on disk already, and the rest asked of it; a failure is told, not thrown."""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seekforge.core.config import PriceConfig
from seekforge.core.errors import SeekforgeError
from seekforge.core.files import sha256_json
from seekforge.core.progress import Progress
from seekforge.core.records import Record
from seekforge.evaluate import predict
from seekforge.evaluate.predict import Prediction, prediction
from seekforge.evaluate.side_by_side.asking import Answer, Answerer
from seekforge.evaluate.side_by_side.journal import Journal, Kept

_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the models that are compared.

    Attributes:
        name: What the page calls it.
        reference: As the user wrote it.
        identity: What its answers depend on besides the question: weights, engine, address.
        start: Loads it; None where its answers are there already.
        ready: Those answers.
        price: Of the machine that it runs on, where that was said.
    """

    name: str
    reference: str
    identity: str = ""
    start: Callable[[], Answerer] | None = None
    ready: tuple[Prediction, ...] = ()
    price: PriceConfig | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """How all of them are asked.

    Attributes:
        labels: Permitted labels.
        max_new_tokens: Longest answer.
        concurrency: Questions at once.
    """

    labels: tuple[str, ...]
    max_new_tokens: int
    concurrency: int


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast the answers came. Times are seconds.

    Attributes:
        answers: How many.
        seconds: The time that the machine was at it, over all attempts.
        p50: Time to a whole answer that half of them did not take longer than.
        p95: The same for 95 of 100.
        tokens_per_second: Written, over all requests; NaN where the tokens are not known.
    """

    answers: int
    seconds: float
    p50: float
    p95: float
    tokens_per_second: float

    @property
    def per_1000(self) -> float:
        """Device seconds of 1,000 answers."""
        return 1000 * self.seconds / self.answers


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one candidate.

    Attributes:
        candidate: Which.
        predictions: Its answers, in the test's order.
        speed: None where the answers were there already.
        engine: Engine and format.
        unanswered: Id of a question to why it has no answer.
        failure: Why the model failed as a whole; empty where it did not.
    """

    candidate: Candidate
    predictions: tuple[Prediction, ...] = ()
    speed: Speed | None = None
    engine: str = ""
    unanswered: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""


def answer(
    candidate: Candidate, records: Sequence[Record], asking: Asking, folder: Path, progress: Progress
) -> Answered:
    """A candidate's answers to a test; those that `folder` has are not asked for again.

    Args:
        candidate: Which.
        records: The test, ids unique.
        asking: How it is asked.
        folder: Where `answers-NAME.jsonl` grows and `predictions-NAME.jsonl` is written at the end.
        progress: Told how far it is.
    """
    if candidate.start is None:
        return Answered(candidate, candidate.ready, engine="saved answers")
    key = sha256_json([candidate.identity, [r.prompt for r in records], asking.max_new_tokens, asking.concurrency])
    stem = stem_of(candidate.name)
    journal = Journal(folder / f"answers-{stem}.jsonl", key)
    if journal.outdated:
        progress.say(f"{candidate.name}: its answers in {folder} were to other questions or settings; asked again")
    engine, unanswered = "", dict[str, str]()
    try:
        engine, unanswered = _ask(candidate, records, journal, progress)
    except (SeekforgeError, RuntimeError, MemoryError) as error:
        return Answered(candidate, failure=str(error) or type(error).__name__)
    finally:
        journal.close()
    known = journal.known
    answered = [(record, known[record.id].answer) for record in records if record.id in known]
    found = tuple(
        prediction(record, answer.text, answer.finish_reason, asking.labels, opened=answer.opened)
        for record, answer in answered
    )
    predict.save(folder / f"predictions-{stem}.jsonl", found)
    kept = [known[record.id] for record in records if record.id in known]
    if not kept:
        first = next(iter(unanswered.values()))
        return Answered(candidate, unanswered=unanswered, failure=f"not one question was answered: {first}")
    return Answered(candidate, found, speed_of(kept), engine, unanswered)


def stem_of(name: str) -> str:
    """A model's name as part of a file's; two names never give the same.

    >>> stem_of("tuned"), stem_of("a b")
    ('tuned', 'a_b-c8687a08')
    """
    plain = _NAME.sub("_", name)[:80]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def speed_of(kept: Sequence[Kept]) -> Speed:
    """Figures from answers: an attempt's time is that of its last answer."""
    import numpy as np

    ends: dict[int, float] = {}
    for one in kept:
        ends[one.sitting] = max(ends.get(one.sitting, 0.0), one.at)
    seconds = sum(ends.values())
    # Nearest rank: a time that an answer really took.
    p50, p95 = np.percentile([one.answer.seconds for one in kept], [50, 95], method="inverted_cdf")
    tokens = [one.answer.tokens for one in kept]
    known = any(tokens) and seconds > 0
    return Speed(len(kept), seconds, float(p50), float(p95), sum(tokens) / seconds if known else math.nan)


def _ask(
    candidate: Candidate, records: Sequence[Record], journal: Journal, progress: Progress
) -> tuple[str, dict[str, str]]:
    left = [record for record in records if record.id not in journal.known]
    if not left:
        return journal.engine, {}
    assert candidate.start is not None
    model = candidate.start()
    journal.name(model.name)
    unanswered: dict[str, str] = {}
    try:
        model.ask([left[0].prompt], lambda index, heard: None)  # what only the first question ever waits for
        started = time.perf_counter()
        with progress.task(f"{candidate.name} answers", len(records), len(records) - len(left)) as task:

            def heard(index: int, found: Answer) -> None:
                if found.failure:
                    unanswered[left[index].id] = found.failure
                else:
                    journal.put(left[index].id, found, time.perf_counter() - started)
                task.advance()

            model.ask([record.prompt for record in left], heard)
    finally:
        model.close()
    return model.name, unanswered
