"""A study's rows: what is asked of SQLite, and rows turned into what they stand for."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from seekforge.evaluate.human.model import Item, Rating, resolved
from seekforge.evaluate.human.plan import hand_over

# A rater's items: done, open, begun, passed on.
SHARES = """
SELECT name, SUM(state IS 'done'), SUM(state IS 'open'),
    SUM(state IS 'open' AND EXISTS (SELECT 1 FROM ratings r WHERE r.item = s.item AND r.rater = s.rater)),
    SUM(state IS 'passed'), seen
FROM raters LEFT JOIN slots s ON s.rater = name WHERE role = 'rater' GROUP BY name ORDER BY name
"""
PER_ITEM = "SELECT COUNT(s.item) FROM items LEFT JOIN slots s ON s.item = id AND state = 'done' GROUP BY id"
# An open item of the rater who has been silent longest; none that the one who asks has.
FREE = """
SELECT s.item, s.rater, s.swapped FROM slots s JOIN raters ON name = s.rater
WHERE s.state = 'open' AND seen < ? AND NOT EXISTS (SELECT 1 FROM slots o
    WHERE o.item = s.item AND o.rater = ? AND o.state <> 'passed')
ORDER BY seen, name, place LIMIT 1
"""
IN_FORCE = """
SELECT r.item, r.rater, s.swapped, r.content, r.revision, r.time FROM ratings r JOIN slots s USING (item, rater)
WHERE r.complete AND r.revision =
    (SELECT MAX(revision) FROM ratings l WHERE l.item = r.item AND l.rater = r.rater)
ORDER BY r.item, r.rater
"""
_UNTOUCHED = """
SELECT rater, item, swapped FROM slots s WHERE state = 'open'
    AND NOT EXISTS (SELECT 1 FROM ratings r WHERE r.item = s.item AND r.rater = s.rater)
ORDER BY rater, place
"""


def give_part(base: sqlite3.Connection, name: str) -> None:
    """Gives a newcomer a part of what nobody has begun; should an owner have it on the screen, it still counts."""
    mine: dict[str, list[str]] = {}
    sides: dict[tuple[str, str], bool] = {}
    for rater, item, swapped in base.execute(_UNTOUCHED):
        mine.setdefault(rater, []).append(item)
        sides[item, rater] = swapped
    for item, owner in hand_over(mine):
        pass_on(base, item, owner, name, sides[item, owner])


def pass_on(base: sqlite3.Connection, item: str, owner: str, rater: str, swapped: bool) -> None:
    """Makes an owner's open item another rater's last one; what the owner has said of it stays."""
    base.execute("UPDATE slots SET state = 'passed' WHERE item = ? AND rater = ?", (item, owner))
    last = base.execute("SELECT COALESCE(MAX(place), -1) FROM slots WHERE rater = ?", (rater,)).fetchone()[0]
    # Who had it before and passed it on gets it back with the sides that a draft may speak of.
    add = "INSERT INTO slots VALUES (?, ?, ?, ?, 'open') ON CONFLICT DO UPDATE SET state = 'open', place = ?"
    base.execute(add, (item, rater, last + 1, swapped, last + 1))


def latest(base: sqlite3.Connection, rater: str, item: str) -> tuple[int, bool, Mapping[str, Any]]:
    """Revision, whether it is complete, content; 0 and nothing where nothing was said."""
    order = (
        "SELECT revision, complete, content FROM ratings WHERE item = ? AND rater = ? ORDER BY revision DESC LIMIT 1"
    )
    row = base.execute(order, (item, rater)).fetchone()
    return (0, False, {}) if row is None else (row[0], bool(row[1]), json.loads(row[2]))


def rating_of(item: Item, rater: str, swapped: bool, content: str, revision: int, moment: float) -> Rating:
    """A complete rating of an item."""
    said = json.loads(content)
    scores, choice = resolved(item, bool(swapped), said)
    left = item.models[1 if swapped else 0] if len(item.models) > 1 else None
    return Rating(item.id, item.record, rater, item.models, scores, choice, left, said["comment"], revision, moment)


def item_row(item: Item) -> tuple[str, ...]:
    """An item as the table holds it."""
    models, texts = written(item.models), written(item.texts)
    return (item.id, item.record, item.prompt, item.reference, item.language, models, texts)


def item_of(row: Sequence[Any]) -> Item:
    """The inverse of `item_row`."""
    key, record, prompt, reference, language, models, texts = row
    return Item(key, record, prompt, reference, language, tuple(json.loads(models)), tuple(json.loads(texts)))


def written(value: object) -> str:
    """As JSON."""
    return json.dumps(value, ensure_ascii=False)
