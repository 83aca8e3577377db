"""A study: who rates what next, what was said, and who is who."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from seekforge.core.config import validate
from seekforge.core.config.rubric import StudyConfig
from seekforge.core.errors import DataError, InputError
from seekforge.core.registry import nearest
from seekforge.evaluate.human import database
from seekforge.evaluate.human.model import (
    SIDES,
    Conflict,
    Item,
    NotHere,
    Outcome,
    Rating,
    Receipt,
    Role,
    Submission,
    View,
    check_submission,
)
from seekforge.evaluate.human.people import Progress, Rater, Share, check_name, digest, new_token
from seekforge.evaluate.human.plan import assign
from seekforge.evaluate.human.rows import (
    FREE,
    IN_FORCE,
    PER_ITEM,
    SHARES,
    give_part,
    item_of,
    item_row,
    latest,
    pass_on,
    rating_of,
    written,
)


class Store:
    """A study's file, open for use.

    Args:
        path: The file.
        now: Seconds since 1970.

    Raises:
        InputError: There is no such file, or it is no study.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._base, self._now = database.Database(path), now
        with self._base.reading() as base:
            (content,) = base.execute("SELECT content FROM study").fetchone()
        self.study = validate(StudyConfig, json.loads(content), str(path))

    @classmethod
    def create(
        cls,
        path: Path,
        study: StudyConfig,
        items: Sequence[Item],
        raters: Sequence[str],
        leads: Sequence[str] = (),
        now: Callable[[], float] = time.time,
    ) -> dict[str, str]:
        """Makes a study's file; returns everybody's token, which stands nowhere else.

        Raises:
            InputError: The file is there already, a name is wrong or stands twice, there are no items, or fewer raters
                than each item needs.
        """
        everybody = [*raters, *leads]
        for name in everybody:
            check_name(name)
            if everybody.count(name) > 1:
                raise InputError(f"'{name}' stands twice", where="raters", mend="Give each person one name and role")
        if not items:
            what = "nothing to rate: no answers, or every pair of answers is the same text"
            raise DataError(what, where=str(path), mend="Take other predictions, or single answers: --kind single")
        slots = assign([item.id for item in items], raters, study.overlap, study.seed)
        tokens = {name: new_token() for name in everybody}
        moment = now()

        def fill(base: sqlite3.Connection) -> None:
            base.execute("INSERT INTO study VALUES (?)", (study.model_dump_json(),))
            base.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?)", map(item_row, items))
            rows = [(n, "lead" if n in leads else "rater", digest(token), moment) for n, token in tokens.items()]
            base.executemany("INSERT INTO raters VALUES (?, ?, ?, ?)", rows)
            given = [(slot.item, slot.rater, slot.place, slot.swapped, "open") for slot in slots]
            base.executemany("INSERT INTO slots VALUES (?, ?, ?, ?, ?)", given)

        database.create(path, fill)
        return tokens

    def identify(self, token: str) -> Rater | None:
        """Whose token it is; None for a token that is nobody's."""
        with self._base.reading() as base:
            row = base.execute("SELECT name, role FROM raters WHERE token = ?", (digest(token),)).fetchone()
        return None if row is None else Rater(*row)

    def next(self, rater: str) -> View | None:
        """The next item of a rater: the same until it is rated; None when there is none now.

        Own items come first. Then those of raters who have been silent for longer than the lease, one at a time.

        Raises:
            NotHere: There is no such rater.
        """
        with self._base.writing() as base:
            self._seen(base, rater)
            own = "SELECT item, swapped FROM slots WHERE rater = ? AND state = 'open' ORDER BY place LIMIT 1"
            found = base.execute(own, (rater,)).fetchone() or self._taken_over(base, rater)
            return None if found is None else self._view(base, rater, *found)

    def submit(self, rater: str, sent: Submission) -> Receipt:
        """Keeps what a rater says of an item; once this returns, a kill of the process loses nothing.

        The same content again changes nothing. Another content becomes the next revision, which counts from then on;
        those before are kept. What is incomplete is kept as a draft, and the item stays open. An item that others took
        over may still be rated: both count.

        Raises:
            NotHere: There is no such rater or item, or it was never this rater's.
            DataError: A side, criterion, score or choice does not belong there.
            Conflict: It is incomplete and the item is finished; or there is a later revision than `replaces`.
        """
        missing = check_submission(self.study, sent)
        content = sent.content()
        with self._base.writing() as base:
            self._seen(base, rater)
            self._check_slot(base, rater, sent.item)
            revision, complete, before = latest(base, rater, sent.item)
            if before == content:
                return Receipt(sent.item, "unchanged", revision, missing)
            if sent.replaces not in (None, revision):
                what = f"there is revision {revision} of this, and revision {sent.replaces} was seen"
                raise Conflict(what, where=sent.item, mend="Look at it again, then send what is to stay")
            if complete and missing:
                mend = "Send all of it to revise it"
                raise Conflict(f"is finished, and this leaves {', '.join(missing)} open", where=sent.item, mend=mend)
            row = (sent.item, rater, revision + 1, not missing, written(content), self._now())
            base.execute("INSERT INTO ratings VALUES (?, ?, ?, ?, ?, ?)", row)
            if not missing:
                base.execute("UPDATE slots SET state = 'done' WHERE item = ? AND rater = ?", (sent.item, rater))
        outcome: Outcome = "draft" if missing else "revised" if complete else "stored"
        return Receipt(sent.item, outcome, revision + 1, missing)

    def invite(self, name: str, role: Role = "rater") -> str:
        """A new token for somebody; a newcomer gets a fair part of what the others have not begun.

        Raises:
            InputError: The name cannot be one, or this person has the other role.
        """
        check_name(name)
        token = new_token()
        with self._base.writing() as base:
            known = base.execute("SELECT role FROM raters WHERE name = ?", (name,)).fetchone()
            if known is not None and known[0] != role:
                raise InputError(f"'{name}' is a {known[0]}", mend="Give the other role another name")
            add = "INSERT INTO raters VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET token = ?, seen = ?"
            base.execute(add, (name, role, digest(token), self._now(), digest(token), self._now()))
            if known is None and role == "rater":
                give_part(base, name)
        return token

    def dismiss(self, name: str) -> int:
        """Takes a rater's token away and frees the items not yet rated at once; what was rated stays.

        Returns:
            How many items became free.

        Raises:
            NotHere: There is no such rater.
        """
        with self._base.writing() as base:
            self._check_known(base, name, "rater", "lead")
            base.execute("UPDATE raters SET token = NULL, seen = 0 WHERE name = ?", (name,))
            count = "SELECT COUNT(*) FROM slots WHERE rater = ? AND state = 'open'"
            return int(base.execute(count, (name,)).fetchone()[0])

    def progress(self) -> Progress:
        """How far everybody is."""
        with self._base.reading() as base:
            shares = [Share(*row) for row in base.execute(SHARES)]
            per_item = [count for (count,) in base.execute(PER_ITEM)]
        overlap = self.study.overlap
        finished = sum(count >= overlap for count in per_item)
        return Progress(len(per_item), finished, sum(per_item), overlap * len(per_item), tuple(shares))

    def ratings(self) -> list[Rating]:
        """Every complete rating in force, by item and rater."""
        items = {item.id: item for item in self.items()}
        with self._base.reading() as base:
            rows = base.execute(IN_FORCE).fetchall()
        return [rating_of(items[item], rater, *rest) for item, rater, *rest in rows]

    def items(self) -> list[Item]:
        """All items, models included, in their order."""
        with self._base.reading() as base:
            return [item_of(row) for row in base.execute("SELECT * FROM items ORDER BY id")]

    def _seen(self, base: sqlite3.Connection, rater: str) -> None:
        self._check_known(base, rater, "rater")
        base.execute("UPDATE raters SET seen = ? WHERE name = ?", (self._now(), rater))

    def _check_known(self, base: sqlite3.Connection, name: str, *roles: Role) -> None:
        known = [known for known, role in base.execute("SELECT name, role FROM raters") if role in roles]
        if name not in known:
            raise NotHere(f"there is no {roles[0]} '{name}'", where=str(self._base.path), mend=nearest(name, known))

    def _taken_over(self, base: sqlite3.Connection, rater: str) -> tuple[str, bool] | None:
        silent_since = self._now() - self.study.lease
        found = base.execute(FREE, (silent_since, rater)).fetchone()
        if found is None:
            return None
        item, owner, swapped = found
        pass_on(base, item, owner, rater, swapped)
        (swapped,) = base.execute("SELECT swapped FROM slots WHERE item = ? AND rater = ?", (item, rater)).fetchone()
        return item, swapped

    def _check_slot(self, base: sqlite3.Connection, rater: str, item: str) -> None:
        if base.execute("SELECT 1 FROM slots WHERE item = ? AND rater = ?", (item, rater)).fetchone() is None:
            raise NotHere(f"'{rater}' has no item '{item}'", mend="Ask for the next item")

    def _view(self, base: sqlite3.Connection, rater: str, item_id: str, swapped: bool) -> View:
        item = item_of(base.execute("SELECT * FROM items WHERE id = ?", (item_id,)).fetchone())
        texts = item.texts[::-1] if swapped else item.texts
        revision, _, said = latest(base, rater, item_id)
        study = self.study
        return View(
            item=item.id,
            kind=study.kind,
            ask=study.ask,
            language=item.language,
            prompt=item.prompt,
            reference=item.reference if study.with_reference else None,
            answers=dict(zip(SIDES[study.kind], texts, strict=True)),
            said=said,
            revision=revision,
        )
