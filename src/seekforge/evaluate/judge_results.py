"""From judgements to figures: scores, wins of pairs seen in both orders, failures, and agreement with people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seekforge.core.config.rubric import RubricConfig
from seekforge.evaluate.human.agreement import Level, alpha, kappa, spearman
from seekforge.evaluate.human.model import Item, Rating
from seekforge.evaluate.human.results import TOTAL, Results, results, said_of
from seekforge.evaluate.judge import Task
from seekforge.evaluate.judge_journal import Judgement
from seekforge.evaluate.judge_prompts import FIRST, SECOND, TIE
from seekforge.evaluate.rubric import names

UNANSWERED = "the endpoint did not answer"
_JUDGE = "judge"


@dataclass(frozen=True, slots=True)
class Swaps:
    """What became of pairs that were shown in both orders.

    Attributes:
        pairs: With a verdict in both orders.
        agreed: The same verdict in both.
        first: The answer that stood first was preferred in both orders.
        second: The one that stood second was.
        mixed: A tie in one order, and a preference in the other.
        failed: Pairs without a verdict in one order or both; they count nowhere else.
    """

    pairs: int
    agreed: int
    first: int
    second: int
    mixed: int
    failed: int

    @property
    def bias(self) -> float | None:
        """Share of the pairs whose verdict hung on the order; each of them counts as a tie."""
        return (self.pairs - self.agreed) / self.pairs if self.pairs else None


@dataclass(frozen=True, slots=True)
class Accord:
    """How far the judge agrees with the people on one thing.

    Attributes:
        of: A criterion, `weighted` or `choice`.
        units: Answers or pairs that both have judged.
        people: Krippendorff's alpha among the people alone, on these.
        joined: The same with the judge as one rater more.
        judge: Alpha between the judge and the people taken together: their mean, of choices their majority.
        spearman: Rank correlation of the judge's scores with the people's means.
        kappa: Cohen's, of the judge's choices with the people's majority.
    """

    of: str
    units: int
    people: float | None
    joined: float | None
    judge: float | None
    spearman: float | None = None
    kappa: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """All figures of a judge.

    Attributes:
        asked: Questions to the judge.
        usable: Of them with a verdict.
        repaired: Of these after the repair request.
        failures: Reason to how many; none of them is a score.
        results: Scores by model and wins.
        swaps: Of pairs.
    """

    judge: str
    asked: int
    usable: int
    repaired: int
    failures: Mapping[str, int]
    results: Results
    swaps: Swaps
    people: tuple[Accord, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        bias = {"bias": self.swaps.bias}
        return {**asdict(self), "swaps": {**asdict(self.swaps), **bias}}


def judged(
    name: str, rubric: RubricConfig, tasks: Sequence[Task], known: Mapping[str, Judgement], seed: int = 7
) -> tuple[Judged, list[Rating]]:
    """The figures, and the verdicts as the ratings of one rater.

    Args:
        name: The judge's.
        rubric: By what it judged.
        tasks: What it was to be asked.
        known: Key to judgement; what is not there was not answered.
        seed: Of the bootstrap.
    """
    singles = [_single(task, known[task.key]) for task in tasks if task.kind == "single" and _has(known, task)]
    pairs, swaps = _pairs(tasks, known)
    ratings = [*singles, *pairs]
    failures = Counter(
        known[task.key].failure if task.key in known else UNANSWERED for task in tasks if not _has(known, task)
    )
    usable = [known[task.key] for task in tasks if _has(known, task)]
    figures = results(rubric, ratings, seed=seed)
    alone = Results(figures.models, figures.matches, (), None)  # one rater agrees with nobody
    repaired = sum(bool(judgement.said) for judgement in usable)
    return Judged(name, len(tasks), len(usable), repaired, dict(failures), alone, swaps), ratings


def _has(known: Mapping[str, Judgement], task: Task) -> bool:
    return task.key in known and known[task.key].verdict is not None


def _single(task: Task, judgement: Judgement) -> Rating:
    assert judgement.verdict is not None
    scores = {task.models[0]: judgement.verdict}
    return _rating(task.record, task.models, scores, None)


def _pairs(tasks: Sequence[Task], known: Mapping[str, Judgement]) -> tuple[list[Rating], Swaps]:
    """Each two orders of a pair become one verdict: theirs if they agree, otherwise a tie."""
    both: dict[tuple[str, tuple[str, ...]], list[Task]] = defaultdict(list)
    for task in tasks:
        if task.kind == "pair":
            both[task.record, tuple(sorted(task.models))].append(task)
    ratings, counts = list[Rating](), Counter[str]()
    for (record, _), (forth, back) in both.items():
        if not (_has(known, forth) and _has(known, back)):
            counts["failed"] += 1
            continue
        chosen = [_chosen(task, known[task.key]) for task in (forth, back)]
        places = [str((known[task.key].verdict or {})["better"]) for task in (forth, back)]
        counts[_kind(chosen, places)] += 1
        ratings.append(_rating(record, forth.models, {}, chosen[0] if chosen[0] == chosen[1] else TIE))
    swaps = Swaps(len(ratings), *(counts[name] for name in ("agreed", "first", "second", "mixed", "failed")))
    return ratings, swaps


def _chosen(task: Task, judgement: Judgement) -> str:
    """The better model, or `tie`."""
    better = (judgement.verdict or {})["better"]
    return {FIRST: task.models[0], SECOND: task.models[1]}.get(better, TIE)


def _kind(chosen: Sequence[str], places: Sequence[str]) -> str:
    if chosen[0] == chosen[1]:
        return "agreed"
    return places[0] if places[0] == places[1] else "mixed"


def _rating(
    record: str, models: tuple[str, ...], scores: Mapping[str, Mapping[str, int]], choice: str | None
) -> Rating:
    return Rating(f"{record} {' '.join(models)}", record, _JUDGE, models, scores, choice, None, "", 1, 0.0)


def accords(
    rubric: RubricConfig,
    judge: Sequence[Rating],
    people: Sequence[Rating],
    items: Sequence[Item],
    answers: Mapping[tuple[str, str], str],
) -> list[Accord]:
    """How far the judge agrees with the people, where both judged the same text.

    Args:
        rubric: Of both.
        judge: The judge's verdicts, from `judged`.
        people: The ratings of a study.
        items: That study's.
        answers: Record and model to the text that was judged.
    """
    same = {
        item.id
        for item in items
        if all(answers.get((item.record, model)) == text for model, text in zip(item.models, item.texts, strict=True))
    }
    shared = [rating for rating in people if rating.item in same]
    found = [_on_scores(rubric, judge, shared, name) for name in (*names(rubric), TOTAL)]
    found.append(_on_choices(judge, shared))
    return [accord for accord in found if accord.units]


def _on_scores(rubric: RubricConfig, judge: Sequence[Rating], people: Sequence[Rating], name: str) -> Accord:
    theirs: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (record, _, model), values in said_of(rubric, people, name).items():
        theirs[record, model] += values
    own = {(record, model): values[0] for (record, _, model), values in said_of(rubric, judge, name).items()}
    both = [key for key in theirs if key in own]
    level: Level = "interval" if name == TOTAL else "ordinal"
    means = [sum(theirs[key]) / len(theirs[key]) for key in both]
    return Accord(
        of=name,
        units=len(both),
        people=alpha([theirs[key] for key in both], level),
        joined=alpha([[*theirs[key], own[key]] for key in both], level),
        judge=alpha([[own[key], mean] for key, mean in zip(both, means, strict=True)], "interval"),
        spearman=spearman([own[key] for key in both], means),
    )


def _on_choices(judge: Sequence[Rating], people: Sequence[Rating]) -> Accord:
    def pair(rating: Rating) -> tuple[str, tuple[str, ...]]:
        return rating.record, tuple(sorted(rating.models))

    theirs: dict[tuple[str, tuple[str, ...]], list[Hashable]] = defaultdict(list)
    for rating in people:
        if rating.choice is not None:
            theirs[pair(rating)].append(rating.choice)
    own = {pair(rating): rating.choice for rating in judge if rating.choice is not None}
    both = [key for key in theirs if key in own]
    majority = [_majority(theirs[key]) for key in both]
    return Accord(
        of="choice",
        units=len(both),
        people=alpha([theirs[key] for key in both], "nominal"),
        joined=alpha([[*theirs[key], own[key]] for key in both], "nominal"),
        judge=alpha([[own[key], most] for key, most in zip(both, majority, strict=True)], "nominal"),
        kappa=kappa([own[key] for key in both], majority),
    )


def _majority(choices: Sequence[Hashable]) -> Hashable:
    """What most chose; where two are chosen equally often, a tie."""
    ranked = Counter(choices).most_common(2)
    return TIE if len(ranked) > 1 and ranked[0][1] == ranked[1][1] else ranked[0][0]
