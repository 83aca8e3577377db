"""A test set asked of whatever serves it: an OpenAI-compatible endpoint, many requests at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from seekforge.core.errors import EngineError
from seekforge.core.progress import Progress
from seekforge.core.records import Record
from seekforge.engines.chat.protocol import Chat, Reply
from seekforge.evaluate.predict import Kept, Prediction, prediction

_NAMED = 5  # failures that are told by name
_DEAD = 64  # after so many failures of the endpoint's own in a row nobody is there any more


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of asking.

    Attributes:
        predictions: The answers that came, in the records' order.
        failures: Id of each record without an answer, and why: they are in no figure.
    """

    predictions: list[Prediction]
    failures: dict[str, str]


class Patience:
    """Tells a question that its endpoint fails on from an endpoint that is gone."""

    def __init__(self) -> None:
        self._dead = 0

    def heard(self, reply: Reply) -> None:
        """Counts the failures in a row that are the endpoint's own.

        Raises:
            EngineError: There were so many that nobody is there any more.
        """
        self._dead = self._dead + 1 if reply.gone else 0
        if self._dead == _DEAD:
            mend = "Start it and run the same command again: what it answered is kept"
            raise EngineError(f"{_DEAD} questions in a row found nobody ({reply.failure})", mend=mend)


def ask(chat: Chat, records: Sequence[Record], labels: Sequence[str], progress: Progress, kept: Kept) -> Answered:
    """Asks every record's question that has no answer yet.

    Args:
        chat: Who is asked, greedily; how many at once it knows itself.
        records: The questions.
        labels: What a decision can be; none for tasks without labels.
        progress: Where to say how far it is.
        kept: Where each answer goes as it comes, and where those of an earlier attempt are.

    Raises:
        EngineError: The endpoint went away; what it had answered is kept.
    """
    keys = [kept.key([chat.name, record.prompt]) for record in records]
    missing = [index for index, key in enumerate(keys) if kept.get(key) is None]
    failures: dict[int, str] = {}
    patience = Patience()
    with progress.task("answers", len(records), len(records) - len(missing)) as task:

        def heard(number: int, reply: Reply) -> None:
            index = missing[number]
            if reply.failure:
                failures[index] = reply.failure
            else:
                kept.put(keys[index], reply.text, reply.finish_reason)
            patience.heard(reply)
            task.advance(note=f"{len(failures)} failed" if failures else "")

        if missing:
            chat.check()
            chat.ask([records[index].prompt for index in missing], heard)
    found = {index: answer for index, key in enumerate(keys) if (answer := kept.get(key)) is not None}
    return Answered(
        [prediction(records[index], *answer, labels) for index, answer in found.items()],
        {records[index].id: failures[index] for index in sorted(failures)},
    )


def failed(failures: dict[str, str], asked: int, *, kept: bool = True) -> EngineError:
    """One line that counts and names the questions that got no answer.

    Args:
        failures: Id of each to why.
        asked: How many questions there were.
        kept: Whether the other answers are on disk.
    """
    reasons = ", ".join(f"{why} ({count})" for why, count in Counter(failures.values()).most_common(_NAMED))
    named = ", ".join([*list(failures)[:_NAMED], *(["..."] if len(failures) > _NAMED else [])])
    return EngineError(
        f"{len(failures)} of {asked} questions got no answer and are in no figure: {named}: {reasons}",
        mend="Run the same command again with the same --out: it asks those only"
        if kept
        else "With --out answers are kept: then the same command asks those only",
    )
