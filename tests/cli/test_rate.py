"""`seekforge evaluate rate` and `judge` on the command line."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engines.chat_server import Server, completion, serving
from tests.evaluate.human.studies import predictions, scored
from tests.evaluate.test_judge import fair
from tests.patience import wait_for

from seekforge.evaluate.human.store import Store

FULL = ("--score", "left.relevance=3", "--score", "left.accuracy=2", "--score", "left.readability=1")
POOR = ("--score", "right.relevance=0", "--score", "right.accuracy=1", "--score", "right.readability=0")


@pytest.fixture
def files(work: Path) -> list[Path]:
    return [path.relative_to(work) for path in predictions(work, {"base": "Perhaps", "tuned": "Hold"}, 4)]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        state.answer = lambda text, turn: (200, completion(fair(text) if text.startswith("{") else "Hi"))
        yield state


def judge_options(server: Server) -> tuple[str, ...]:
    return ("--url", server.url, "--model", "j")


def test_a_study_from_the_command_line(seekforge: Any, work: Path, files: list[Path]) -> None:
    made = seekforge("evaluate", "rate", "new", "s.db", *files, "--rater", "an", "--rater", "bo", "--lead", "lea")
    assert made.code == 0, made.err
    tokens = dict(line.split("\t") for line in made.out.splitlines())
    assert list(tokens) == ["an", "bo", "lea"]
    assert made.err == "s.db: 4 items, 2 raters each. Tokens are shown this once.\n"
    shown = seekforge("evaluate", "rate", "next", "s.db", "--rater", "an").out
    view = json.loads(seekforge("evaluate", "rate", "next", "s.db", "--rater", "an", "--json").out)
    assert view["item"] in shown and "--- left" in shown and view["answers"]["right"] in shown
    assert ("相关性" in shown) or ("relevance (0-3)" in shown)
    rate = ("evaluate", "rate", "submit", "s.db", view["item"], "--rater", "an")
    draft = seekforge(*rate, *FULL)
    assert draft.out.startswith(f"{view['item']}: draft, revision 1; still open: right.relevance, ")
    assert "said so far (revision 1)" in seekforge("evaluate", "rate", "next", "s.db", "--rater", "an").out
    whole = (*rate, *FULL, *POOR, "--choice", "left")
    assert seekforge(*whole).out == f"{view['item']}: stored, revision 2\n"
    assert seekforge(*whole).out == f"{view['item']}: unchanged, revision 2\n"
    assert seekforge(*whole, "--comment", "sure").out == f"{view['item']}: revised, revision 3\n"
    status = json.loads(seekforge("evaluate", "rate", "status", "s.db", "--json").out)
    assert (status["ratings"], status["wanted"], status["finished"]) == (1, 8, 0)
    assert "0 of 4 items finished, 1 of 8 ratings" in seekforge("evaluate", "rate", "status", "s.db").out
    assert "win rate of the first" in seekforge("evaluate", "rate", "results", "s.db").out
    models = json.loads(seekforge("evaluate", "rate", "results", "s.db", "--json").out)["models"]
    assert sorted(round(m["figures"]["weighted"]["value"], 6) for m in models) == [0.3, 2.1]
    for name in ("r.csv", "r.jsonl"):
        assert seekforge("evaluate", "rate", "export", "s.db", "--out", name).out == f"{name}: 1 ratings\n"
    assert "sure" in (work / "r.csv").read_text(encoding="utf-8")
    assert seekforge("evaluate", "rate", "invite", "s.db", "dora").out.startswith("rate-")
    assert seekforge("evaluate", "rate", "dismiss", "s.db", "bo").out.startswith("bo: ")


def test_empty_results_say_so(seekforge: Any, work: Path, files: list[Path]) -> None:
    new = ("evaluate", "rate", "new", "s.db", files[0], "--rater", "an", "--overlap", "1", "--questions", "2")
    assert seekforge(*new).err == "s.db: 2 items, 1 raters each. Tokens are shown this once.\n"
    assert seekforge("evaluate", "rate", "results", "s.db").out == "s.db: no complete ratings yet\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("new", "s.db", "base", "tuned", "--rater", "an"), "--overlap: 1 raters, and each item needs 2"),
        (("new", "s.db", "base", "--rater", "an", "--kind", "pair"), "--kind pair: a pair needs two models"),
        (("new", "s.db", "base", "--rater", "an", "--ask", "choice"), "a single answer leaves no choice"),
        (("new", "s.db", "base", "--rater", "an", "--lease", "soon"), "--lease: 'soon' is no time"),
        (("new", "s.db", "base", "--rater", "an", "--rubric", "bad.yaml"), "bad.yaml:1: the weights sum to 0.5"),
        (("new", "base", "tuned", "--rater", "an", "--overlap", "1"), "there is a file of this name"),
        (("next", "none.db", "--rater", "an"), "none.db: no such study"),
        (("results", "base"), "not a study of human ratings"),
    ],
)
def test_bad_input_is_one_line(
    seekforge: Any, work: Path, files: list[Path], arguments: tuple[str, ...], words: str
) -> None:
    rubric = "{name: x, weight: 0.5, title: {en: x, zh: 甲}, question: {en: x, zh: 甲}}"
    (work / "bad.yaml").write_text(f"name: x\ncriteria: [{rubric}]\n", encoding="utf-8")
    names = {"base": files[0], "tuned": files[1]}
    result = seekforge("evaluate", "rate", *(names.get(word, word) for word in arguments))
    assert (result.code, words in result.error) == (2, True), result.err
    assert not (work / "s.db").exists()


def test_scores_that_cannot_be_read(seekforge: Any, work: Path, files: list[Path]) -> None:
    seekforge("evaluate", "rate", "new", "s.db", *files, "--rater", "an", "--overlap", "1")
    submit = ("evaluate", "rate", "submit", "s.db", "item-0001", "--rater", "an")
    for options, words in (
        (("--score", "relevance=2"), "--score: 'relevance=2' is no score. Write left.relevance=2"),
        (("--score", "left.relevance=2", "--score", "left.relevance=3"), "scores a second time"),
        (("--choice", "both"), "choice: Input should be 'left', 'right' or 'tie'"),
    ):
        result = seekforge(*submit, *options)
        assert (result.code, words in result.error) == (2, True), result.err


def test_a_judge_beside_the_people(seekforge: Any, work: Path, files: list[Path], server: Server) -> None:
    seekforge("evaluate", "rate", "new", "s.db", *files, "--rater", "an", "--overlap", "1")
    judge = ("evaluate", "judge", *files, *judge_options(server), "--people", "s.db")
    early = seekforge(*judge)
    assert (early.code, "nothing that these people rated was judged" in early.err) == (2, True)
    asked = len(server.seen)
    store = Store(work / "s.db")
    while (view := store.next("an")) is not None:
        store.submit("an", scored(view))
    found = seekforge(*judge)
    assert found.code == 0, found.err
    assert len(server.seen) == asked, "all was judged before"
    assert "position bias: 0% of 4 pairs" in found.out
    assert "Krippendorff's alpha of people and judge" in found.out
    assert "16 of 16 judgements usable, 0 of them after a repair request" in found.out
    tree = json.loads(seekforge(*judge, "--json").out)
    assert {row["of"]: row["judge"] for row in tree["people"]}["weighted"] == 1.0


def test_a_judge_who_answers_prose_is_one_line_and_what_he_said_is_kept(
    seekforge: Any, work: Path, files: list[Path], server: Server
) -> None:
    server.answer = lambda text, turn: (200, completion("They are all quite good."))
    result = seekforge("evaluate", "judge", files[0], *judge_options(server))
    assert result.code == 2
    assert "no usable judgement of 4: 4 times no JSON of the form" in result.error
    assert "“They are all quite good.”" in result.error
    rows = [json.loads(line) for line in (work / "judged.jsonl").read_text().splitlines()]
    assert [row["said"] for row in rows] == [["They are all quite good."] * 2] * 4
    server.answer = lambda text, turn: (200, completion(fair(text) if "Perhaps 1" in text else "Quite good."))
    mixed = seekforge("evaluate", "judge", files[0], *judge_options(server), "--again")
    assert mixed.code == 0
    assert "1 of 4 judgements usable" in mixed.out
    assert "failed and in no figure: 3 no JSON of the form that was asked for, also when asked again" in mixed.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--kind", "triple"), "--kind: unknown kind 'triple'"),
        (("--people", "none.db"), "none.db: no such study"),
        (("--out", "."), "a folder, not a file"),
    ],
)
def test_bad_input_of_a_judge(
    seekforge: Any, work: Path, files: list[Path], server: Server, options: tuple[str, ...], words: str
) -> None:
    result = seekforge("evaluate", "judge", files[0], *judge_options(server), *options)
    assert (result.code, words in result.error) == (2, True), result.err
    assert server.seen == []


def test_kill_9_in_the_middle_of_judging(work: Path, files: list[Path], server: Server) -> None:
    """Killed while two questions are under way: of the others none is asked a second time."""
    import threading

    stuck, let_go = threading.Event(), threading.Event()

    def answer(text: str, turn: int) -> tuple[int, Any]:
        if len(server.seen) > 7 and not let_go.is_set():
            stuck.set()
            let_go.wait(60)
        return 200, completion(fair(text) if text.startswith("{") else "Hi")

    server.answer = answer
    command = [sys.executable, "-m", "seekforge.cli.app", "evaluate", "judge", *map(str, files)]
    command += [*judge_options(server), "--concurrency", "2"]
    child = subprocess.Popen(command, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert stuck.wait(120)
    journal = work / "judged.jsonl"
    wait_for(lambda: journal.read_bytes().count(b"\n") >= 5)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    kept = journal.read_bytes()
    let_go.set()
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "16 of 16 judgements usable" in done.stdout
    assert journal.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])
    asked = [body["messages"][-1]["content"] for body in server.seen if body.get("max_tokens") != 1]
    conversations = [json.dumps(body["messages"]) for body in server.seen if body.get("max_tokens") != 1]
    twice = len(conversations) - len(set(conversations))
    assert (len(set(conversations)), twice <= 2) == (16, True), asked
