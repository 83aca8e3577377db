"""A language model judges answers by the rubric: what it is asked, what counts as a verdict, what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from seekforge.core.config.rubric import RubricConfig
from seekforge.core.errors import DataError, EngineError
from seekforge.core.files import sha256_json
from seekforge.core.progress import Progress
from seekforge.engines.chat.protocol import Chat, Reply, json_object
from seekforge.engines.protocol import Messages
from seekforge.evaluate.human.answers import Question
from seekforge.evaluate.judge_journal import Journal, Judgement
from seekforge.evaluate.judge_prompts import (
    FIRST,
    SECOND,
    TIE,
    ask_again,
    ask_pair,
    ask_single,
    pair_form,
    single_form,
)
from seekforge.evaluate.rubric import Language, check_scores, language_of, names

PROSE = "no JSON of the form that was asked for, also when asked again"
CUT = "cut off, also when asked again"


@dataclass(frozen=True, slots=True)
class Task:
    """One question to the judge.

    Attributes:
        key: Of the judge and the conversation: equal answers are judged once.
        models: One, or two in the order in which the judge sees them.
    """

    key: str
    kind: str
    record: str
    models: tuple[str, ...]
    language: Language
    messages: Messages


def make_tasks(
    chat: Chat,
    rubric: RubricConfig,
    questions: Sequence[Question],
    kinds: Sequence[str],
    *,
    with_reference: bool = False,
) -> list[Task]:
    """What the judge is to be asked, question by question.

    Args:
        chat: The judge, whose name is part of the keys.
        rubric: By what it judges.
        questions: With the models' answers.
        kinds: Of `single`, each answer alone, and `pair`, each two answers in both orders; equal ones are left out.
        with_reference: Whether it sees the record's own answer.
    """
    tasks = []
    for question in questions:
        language = language_of(question.prompt)
        reference = question.reference if with_reference else ""

        def task(kind: str, models: tuple[str, ...], messages: Messages, key: str, language: Language) -> Task:
            return Task(sha256_json([chat.name, messages]), kind, key, models, language, messages)

        if "single" in kinds:
            for model, text in question.answers.items():
                asked = ask_single(rubric, language, question.prompt, reference, text)
                tasks.append(task("single", (model,), asked, question.id, language))
        if "pair" in kinds:
            for a, b in combinations(question.answers, 2):
                if question.answers[a] == question.answers[b]:
                    continue
                for pair in ((a, b), (b, a)):
                    texts = [question.answers[model] for model in pair]
                    asked = ask_pair(rubric, language, question.prompt, reference, texts)
                    tasks.append(task("pair", pair, asked, question.id, language))
    return tasks


def judge(
    chat: Chat,
    rubric: RubricConfig,
    tasks: Sequence[Task],
    journal: Journal,
    progress: Progress,
    *,
    at_once: int = 32,
    again: bool = False,
) -> None:
    """Asks what the journal does not know yet; each verdict is written as it comes.

    An answer that is no JSON of the form gets one repair request; after that it is a failure, kept with its texts. A
    question that the endpoint did not answer is not written down: the next run asks it again.

    Args:
        chat: The judge.
        rubric: By what it judges.
        tasks: From `make_tasks`.
        journal: What is known, and where verdicts go.
        progress: Told how far it is.
        at_once: Questions given to the endpoint together.
        again: Ask again also what failed before.

    Raises:
        EngineError: The endpoint answers nothing any more; what was judged is kept.
    """
    known = {key for key, judgement in journal.known.items() if not (again and judgement.failure)}
    wanted = {task.key: task for task in tasks}
    left = [task for key, task in wanted.items() if key not in known]
    with progress.task("judgements", len(wanted), len(wanted) - len(left)) as bar:
        for start in range(0, len(left), at_once):
            piece = left[start : start + at_once]
            gone = _Round(chat, rubric, journal).ask(piece)
            journal.sync()
            bar.advance(len(piece))
            if len(gone) == len(piece):
                done = len(wanted) - len(left) + start
                raise EngineError(
                    f"the judge answers no more ({gone[0]}); {done} of {len(wanted)} judgements are in {journal.path}",
                    where=chat.name,
                    mend="Mend that and run the same command again: it goes on from there",
                )


class _Round:
    """A piece of the questions, and the repairs that it needs."""

    def __init__(self, chat: Chat, rubric: RubricConfig, journal: Journal) -> None:
        self._chat, self._rubric, self._journal = chat, rubric, journal
        self._gone: list[str] = []

    def ask(self, tasks: Sequence[Task]) -> list[str]:
        """Why the endpoint did not answer, for each question that it did not."""
        unusable: list[tuple[Task, str]] = []

        def heard(index: int, reply: Reply) -> None:
            text = reply.text or reply.partial
            if not self._settled(tasks[index], reply, ()):
                unusable.append((tasks[index], text))

        def heard_again(index: int, reply: Reply) -> None:
            task, before = unusable[index]
            if not self._settled(task, reply, (before,)):
                self._failed(task, CUT if reply.partial else PROSE, (before, reply.text or reply.partial))

        self._chat.ask([task.messages for task in tasks], heard)
        if unusable:
            repairs = [ask_again(t.messages, said, form_of(self._rubric, t), t.language) for t, said in unusable]
            self._chat.ask(repairs, heard_again)
        return self._gone

    def _settled(self, task: Task, reply: Reply, before: tuple[str, ...]) -> bool:
        """Whether this needs no repair: a verdict, a failure that none would mend, or nobody there."""
        if reply.gone:
            self._gone.append(reply.failure)
            return True
        if reply.failure and not reply.partial:
            self._failed(task, reply.failure, before)
            return True
        if reply.failure or (found := read_verdict(self._rubric, task.kind, reply.text)) is None:
            return False
        verdict, reason = found
        self._journal.put(Judgement(task.key, task.kind, task.record, task.models, verdict, reason, "", before))
        return True

    def _failed(self, task: Task, failure: str, said: tuple[str, ...]) -> None:
        self._journal.put(Judgement(task.key, task.kind, task.record, task.models, None, "", failure, said))


def form_of(rubric: RubricConfig, task: Task) -> str:
    """What a usable answer looks like."""
    return single_form(rubric, task.language) if task.kind == "single" else pair_form(task.language)


def read_verdict(rubric: RubricConfig, kind: str, text: str) -> tuple[dict[str, Any], str] | None:
    """The verdict in an answer and its reason; None unless it is one JSON object of the form asked for.

    Every criterion must be there with a whole number of the scale; `better` must be one of its three words.
    """
    found = json_object(text)
    if found is None:
        return None
    reason = str(found.get("reason", ""))
    if kind == "pair":
        better = found.get("better")
        return ({"better": better}, reason) if better in (FIRST, SECOND, TIE) else None
    scores = {name: found[name] for name in names(rubric) if name in found}
    try:
        check_scores(rubric, scores, kind)
    except DataError:
        return None
    return scores, reason
