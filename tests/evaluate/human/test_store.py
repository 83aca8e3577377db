"""A study's file: nothing that was said is lost, whoever quits, sends twice, stops half-way or is killed."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.evaluate.human.studies import FULL, HOUR, POOR, rate_all, scored, study

from seekforge.core.errors import DataError, InputError
from seekforge.evaluate.human.model import Conflict, NotHere, Submission
from seekforge.evaluate.human.store import Store


def sent(item: str, **fields: Any) -> Submission:
    return Submission.model_validate({"item": item, **fields})


def test_everybody_rates_and_each_item_has_its_raters(tmp_path: Path) -> None:
    made = study(tmp_path)
    rated = {rater: rate_all(made.store, rater) for rater in ("an", "bo", "chen")}
    assert {rater: len(items) for rater, items in rated.items()} == {"an": 4, "bo": 4, "chen": 4}
    assert set(Counter(item for items in rated.values() for item in items).values()) == {2}
    progress = made.reopened().progress()
    assert (progress.finished, progress.items, progress.ratings, progress.wanted) == (6, 6, 12, 12)
    for rating in made.store.ratings():
        assert (rating.scores["tuned"], rating.scores["base"]) == (FULL, POOR), "sides are turned back into models"
        assert rating.choice == "tuned"
    assert len({rating.left for rating in made.store.ratings()}) == 2, "sides were swapped"


def test_a_view_tells_no_model(tmp_path: Path) -> None:
    made = study(tmp_path)
    seen = set()
    while (view := made.store.next("an")) is not None:
        shown = json.dumps(view.to_dict(), ensure_ascii=False)
        assert "base" not in shown and "tuned" not in shown
        assert view.reference is None
        seen.add(view.answers["left"].split()[0])
        made.store.submit("an", scored(view))
    assert seen == {"Perhaps", "Hold"}


def test_the_reference_is_shown_only_if_wanted(tmp_path: Path) -> None:
    view = study(tmp_path, with_reference=True).store.next("an")
    assert view is not None and view.reference is not None and view.reference.startswith("reference ")


def test_a_second_submission_changes_nothing_or_is_a_revision(tmp_path: Path) -> None:
    made = study(tmp_path)
    view = made.store.next("an")
    assert view is not None
    first = scored(view)
    assert made.store.submit("an", first).outcome == "stored"
    for store in (made.store, made.reopened()):
        again = store.submit("an", first)
        assert (again.outcome, again.revision) == ("unchanged", 1)
    other = scored(view, comment="on second thought")
    assert made.store.submit("an", other).outcome == "revised"
    assert made.store.submit("an", first).revision == 3, "what was said before may be said again"
    (rating,) = made.store.ratings()
    assert (rating.revision, rating.comment) == (3, "")
    with sqlite3.connect(made.path) as base:
        kept = base.execute("SELECT revision, content FROM ratings ORDER BY revision").fetchall()
    assert [json.loads(content)["comment"] for _, content in kept] == ["", "on second thought", ""]
    assert made.store.progress().ratings == 1


def test_a_late_duplicate_does_not_undo_a_revision_that_it_has_not_seen(tmp_path: Path) -> None:
    made = study(tmp_path)
    view = made.store.next("an")
    assert view is not None and view.revision == 0
    first = scored(view, replaces=0)
    made.store.submit("an", first)
    made.store.submit("an", scored(view, comment="better", replaces=1))
    with pytest.raises(Conflict, match="there is revision 2 of this, and revision 0 was seen"):
        made.store.submit("an", first)
    assert made.store.ratings()[0].comment == "better"


def test_nothing_can_be_taken_out_of_the_file(tmp_path: Path) -> None:
    made = study(tmp_path)
    rate_all(made.store, "an", 1)
    with sqlite3.connect(made.path) as base:
        for change in ("DELETE FROM ratings", "UPDATE ratings SET content = '{}'"):
            with pytest.raises(sqlite3.IntegrityError, match="ratings are only added"):
                base.execute(change)


def test_an_unfinished_pair_stays_open_with_what_was_said(tmp_path: Path) -> None:
    made = study(tmp_path)
    view = made.store.next("an")
    assert view is not None
    receipt = made.store.submit("an", sent(view.item, scores={"left": FULL}))
    assert receipt.outcome == "draft"
    assert receipt.missing == ("right.relevance", "right.accuracy", "right.readability", "choice")
    assert made.store.ratings() == []
    again = made.reopened().next("an")
    assert again is not None
    assert (again.item, again.said["scores"], again.revision) == (view.item, {"left": FULL}, 1)
    share = next(share for share in made.store.progress().shares if share.rater == "an")
    assert (share.done, share.open, share.drafts) == (0, 4, 1)
    assert made.store.submit("an", scored(view)).outcome == "stored"
    assert len(made.store.ratings()) == 1
    with pytest.raises(Conflict, match=r"is finished, and this leaves choice open"):
        made.store.submit("an", scored(view, choice=None))
    assert made.store.ratings()[0].choice == "tuned"


def test_a_rater_who_quits_loses_nothing_and_the_others_finish(tmp_path: Path) -> None:
    made = study(tmp_path)
    done = rate_all(made.store, "bo", 1)
    begun = made.store.next("bo")
    assert begun is not None
    made.store.submit("bo", sent(begun.item, comment="I was here"))
    made.clock.time += HOUR / 2
    own = {rater: rate_all(made.store, rater) for rater in ("an", "chen")}
    assert {rater: len(items) for rater, items in own.items()} == {"an": 4, "chen": 4}
    assert made.store.next("an") is None, "bo's lease runs"
    made.clock.time += HOUR
    taken = {rater: rate_all(made.store, rater) for rater in ("an", "chen")}
    assert sum(map(len, taken.values())) == 3
    progress = made.store.progress()
    assert (progress.finished, progress.ratings) == (6, 12)
    assert {s.rater: (s.done, s.open, s.passed) for s in progress.shares}["bo"] == (1, 0, 3)
    assert done[0] in {rating.item for rating in made.store.ratings() if rating.rater == "bo"}
    late = made.store.submit("bo", scored(begun))
    assert late.outcome == "stored", "who comes back late is heard too"
    assert made.store.progress().ratings == 13
    assert made.store.next("bo") is None


def test_each_free_item_goes_to_one_who_has_not_had_it(tmp_path: Path) -> None:
    made = study(tmp_path, overlap=3)
    made.clock.time += 2 * HOUR
    rate_all(made.store, "an")
    assert made.store.next("an") is None, "an has had all; bo's and chen's ratings are still wanted"
    assert made.store.progress().finished == 0
    assert len(rate_all(made.store, "bo")) == 6
    made.clock.time += 2 * HOUR
    assert made.store.next("an") is None
    assert len(rate_all(made.store, "chen")) == 6
    assert made.store.progress().finished == 6


def test_what_was_passed_on_can_come_back(tmp_path: Path) -> None:
    """An takes all of bo's, vanishes too, and bo, who is back, gets them again with his own sides."""
    made = study(tmp_path, raters=("an", "bo"), overlap=1)
    before = {}
    view = made.store.next("bo")
    assert view is not None
    before[view.item] = view.answers
    made.store.submit("bo", sent(view.item, comment="begun"))
    made.clock.time += 2 * HOUR
    rate_all(made.store, "an", 3)
    taken = made.store.next("an")
    assert taken is not None and taken.item not in {r.item for r in made.store.ratings()}
    made.clock.time += 2 * HOUR
    mine = []
    while (view := made.store.next("bo")) is not None:
        assert before.get(view.item, view.answers) == view.answers
        mine.append(view.item)
        made.store.submit("bo", scored(view))
    assert made.store.progress().finished == 6
    assert set(before) <= set(mine)


def test_a_newcomer_gets_a_part_and_one_who_is_dismissed_frees_his(tmp_path: Path) -> None:
    made = study(tmp_path, count=12)
    before = {share.rater: share.open for share in made.store.progress().shares}
    assert before == {"an": 8, "bo": 8, "chen": 8}
    screen = made.store.next("an")
    token = made.store.invite("dora")
    found = made.store.identify(token)
    assert found is not None and found.name == "dora"
    after = {share.rater: share.open for share in made.store.progress().shares}
    assert sum(after.values()) == 24
    assert max(after.values()) - min(after.values()) <= 1
    assert screen == made.store.next("an")
    assert made.store.dismiss("bo") == after["bo"]
    assert made.store.identify(made.tokens["bo"]) is None
    made.clock.time += 1
    for rater in ("an", "chen", "dora"):
        rate_all(made.store, rater)
    assert made.store.progress().finished == 12
    renewed = made.store.invite("bo")
    assert made.store.identify(renewed) is not None
    with pytest.raises(InputError, match="'bo' is a rater"):
        made.store.invite("bo", "lead")
    with pytest.raises(NotHere, match=r"no rater 'dorra'.*did you mean 'dora'"):
        made.store.dismiss("dorra")


def test_tokens_are_known_by_their_hash_alone(tmp_path: Path) -> None:
    made = study(tmp_path, leads=("lea",))
    for name, token in made.tokens.items():
        found = made.store.identify(token)
        assert found is not None
        assert (found.name, found.role) == (name, "lead" if name == "lea" else "rater")
        assert token.encode() not in made.path.read_bytes()
    assert made.store.identify("rate-nobody") is None
    with pytest.raises(NotHere):
        made.store.next("lea")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"scores": {"left": {"relevance": 4}}}, "scores.left: relevance 4 is no score"),
        ({"scores": {"left": {"tone": 1}}}, "scores.left: unknown criterion 'tone'"),
        ({"scores": {"answer": FULL}}, "scores: unknown side 'answer'. Here: left, right"),
    ],
)
def test_a_submission_that_does_not_fit(tmp_path: Path, fields: dict[str, Any], words: str) -> None:
    made = study(tmp_path)
    view = made.store.next("an")
    assert view is not None
    with pytest.raises(DataError) as caught:
        made.store.submit("an", sent(view.item, **fields))
    assert words in str(caught.value)
    assert made.store.progress().shares[0].drafts == 0


def test_items_that_are_somebody_elses(tmp_path: Path) -> None:
    made = study(tmp_path, raters=("an", "bo"), overlap=1)
    view = made.store.next("an")
    assert view is not None
    for rater, item in (("bo", view.item), ("an", "item-9999")):
        with pytest.raises(NotHere, match=f"'{rater}' has no item"):
            made.store.submit(rater, sent(item, choice="left"))
    with pytest.raises(NotHere, match=r"no rater 'ann'.*did you mean 'an'"):
        made.store.next("ann")


def test_single_answers_and_choices_alone(tmp_path: Path) -> None:
    single, choice = tmp_path / "s", tmp_path / "c"
    single.mkdir()
    choice.mkdir()
    made = study(single, kind="single")
    rate_all(made.store, "an")
    assert {tuple(rating.scores) for rating in made.store.ratings()} == {("base",), ("tuned",)}
    view = made.store.next("bo")
    assert view is not None and list(view.answers) == ["answer"]
    with pytest.raises(DataError, match="nothing to choose from"):
        made.store.submit("bo", sent(view.item, scores={"answer": FULL}, choice="tie"))
    pairs = study(choice, ask="choice")
    view = pairs.store.next("an")
    assert view is not None
    with pytest.raises(DataError, match="asks for the choice alone"):
        pairs.store.submit("an", scored(view))
    assert pairs.store.submit("an", sent(view.item, choice="tie")).outcome == "stored"
    assert pairs.store.ratings()[0].choice == "tie"


def test_what_is_no_study(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("hello " * 400)
    with sqlite3.connect(tmp_path / "other.db") as base:
        base.execute("CREATE TABLE x (y)")
    for name, words in (("none.db", "no such study"), ("text.db", "not a study"), ("other.db", "not a study")):
        with pytest.raises(InputError, match=words):
            Store(tmp_path / name)
    assert not (tmp_path / "none.db").exists()
    made = study(tmp_path)
    rate_all(made.store, "an", 1)
    with pytest.raises(InputError, match="there is a file of this name"):
        study(tmp_path)
    assert len(made.reopened().ratings()) == 1
    with pytest.raises(InputError, match="'an' stands twice"):
        Store.create(tmp_path / "x.db", made.store.study, made.store.items(), ["an", "an"])
    with pytest.raises(InputError, match="nothing to rate"):
        Store.create(tmp_path / "x.db", made.store.study, [], ["an", "bo"])
    assert sorted(path.name for path in tmp_path.glob("*.db*")) == ["other.db", "ratings.db", "text.db"]
    assert not list(tmp_path.glob(".*"))


def test_an_idle_study_is_one_file(tmp_path: Path) -> None:
    made = study(tmp_path)
    rate_all(made.store, "an")
    assert [path.name for path in tmp_path.glob("ratings.db*")] == ["ratings.db"]


def test_raters_at_the_same_time(tmp_path: Path) -> None:
    """Threads with stores of their own; one of them sends everything twice."""
    made = study(tmp_path, count=12)
    errors: list[BaseException] = []

    def rate(rater: str, times: int) -> None:
        try:
            store = Store(made.path, made.clock)
            while (view := store.next(rater)) is not None:
                outcomes = [store.submit(rater, scored(view)).outcome for _ in range(times)]
                assert outcomes == ["stored", "unchanged"][:times]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=rate, args=(name, 2 if name == "bo" else 1)) for name in ("an", "bo", "chen")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    progress = made.store.progress()
    assert (progress.finished, progress.ratings) == (12, 24)


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    made = study(tmp_path, count=40)
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.evaluate.human.studies import scored\n"
        "from seekforge.evaluate.human.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "while (view := store.next('an')) is not None:\n"
        "    store.submit('an', scored(view)); print(view.item, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(made.path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    told = [child.stdout.readline().strip() for _ in range(3)]
    os.kill(child.pid, signal.SIGKILL)
    told += [line.strip() for line in child.stdout.read().splitlines() if line.endswith(tuple("0123456789"))]
    child.stdout.close()
    child.wait()
    kept = {rating.item for rating in made.reopened().ratings()}
    assert kept >= set(filter(None, told))
    assert len(kept) >= 3
    rate_all(made.reopened(), "an")
    an = next(share for share in made.store.progress().shares if share.rater == "an")
    assert (an.done in {26, 27}, an.open) == (True, 0)
