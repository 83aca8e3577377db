"""Who rates what: pure decisions, the same for the same seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seekforge.core.errors import InputError
from seekforge.evaluate.human.answers import Question
from seekforge.evaluate.human.model import Item
from seekforge.evaluate.rubric import language_of


@dataclass(frozen=True, slots=True)
class Slot:
    """One rating that is wanted: of this item by this rater.

    Attributes:
        place: In the rater's own order.
        swapped: The pair's second model stands left.
    """

    item: str
    rater: str
    place: int
    swapped: bool


def make_items(questions: Sequence[Question], kind: str, seed: int) -> list[Item]:
    """Blind items in a drawn order; pairs whose answers are equal are left out, as nobody could prefer one."""
    made: list[tuple[Question, tuple[str, ...]]] = []
    for question in questions:
        models = list(question.answers)
        if kind == "single":
            made += [(question, (model,)) for model in models]
            continue
        couples = [(a, b) for index, a in enumerate(models) for b in models[index + 1 :]]
        made += [(question, pair) for pair in couples if question.answers[pair[0]] != question.answers[pair[1]]]
    random.Random(f"items {seed}").shuffle(made)
    return [
        Item(
            f"item-{number:04d}",
            question.id,
            question.prompt,
            question.reference,
            language_of(question.prompt),
            models,
            tuple(question.answers[model] for model in models),
        )
        for number, (question, models) in enumerate(made, 1)
    ]


def assign(items: Sequence[str], raters: Sequence[str], overlap: int, seed: int) -> list[Slot]:
    """`overlap` raters for each item: loads differ by at most one, and raters meet each other about equally often.

    An item goes to those with the least to do, among these to those who have met least, then by lot. Of a pair every
    other rater sees the sides swapped; who begins is drawn. Each rater has an order of their own.

    Raises:
        InputError: There are fewer raters than each item needs.
    """
    if len(raters) < overlap:
        what = f"{len(raters)} raters, and each item needs {overlap}"
        raise InputError(what, where="--overlap", mend="Name more raters, or ask for fewer an item")
    draw = random.Random(f"assign {seed}")
    load, met = Counter(dict.fromkeys(raters, 0)), Counter[frozenset[str]]()
    given: dict[str, list[tuple[str, bool]]] = {rater: [] for rater in raters}
    for item in items:
        chosen: list[str] = []
        swapped = draw.random() < 0.5
        lots = {rater: draw.random() for rater in raters}
        while len(chosen) < overlap:
            rest = [rater for rater in raters if rater not in chosen]
            meetings = {rater: sum(met[frozenset((rater, other))] for other in chosen) for rater in rest}
            chosen.append(min(rest, key=lambda rater: (load[rater], meetings[rater], lots[rater])))
            load[chosen[-1]] += 1
        for index, rater in enumerate(chosen):
            met.update(frozenset((rater, other)) for other in chosen[:index])
            given[rater].append((item, swapped ^ (index % 2 == 1)))
    for rater in raters:
        random.Random(f"order {seed} {rater}").shuffle(given[rater])
    return [Slot(item, rater, place, swapped) for rater in raters for place, (item, swapped) in enumerate(given[rater])]


def hand_over(open_items: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """What a newcomer gets of the others' items that are not begun: from those with the most, until all have the same.

    Args:
        open_items: Rater to items, in the rater's order; the last go first.

    Returns:
        Items and whose they were.
    """
    left = {rater: list(items) for rater, items in open_items.items()}
    moved: list[tuple[str, str]] = []
    mine: set[str] = set()
    while left:
        owner = max(left, key=lambda rater: (len(left[rater]), rater))
        if len(left[owner]) <= len(moved) + 1:
            break
        item = next((item for item in reversed(left[owner]) if item not in mine), None)
        if item is None:
            del left[owner]
            continue
        left[owner].remove(item)
        mine.add(item)
        moved.append((item, owner))
    return moved
