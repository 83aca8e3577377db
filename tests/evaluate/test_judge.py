"""The judge: what it is asked, what counts as a verdict, swapped pairs, failures that are kept and never scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engines.chat_server import Server, completion, serving
from tests.evaluate.human.studies import predictions, scored, study

from seekforge.core.config import RemoteConfig
from seekforge.core.errors import DataError, EngineError, ResourceError
from seekforge.core.progress import Silent
from seekforge.engines.chat.fake import FakeChat
from seekforge.engines.chat.protocol import Chat
from seekforge.engines.chat.remote import RemoteChat
from seekforge.evaluate.human.answers import Question, read_questions
from seekforge.evaluate.human.model import Rating
from seekforge.evaluate.judge import PROSE, judge, make_tasks, read_verdict
from seekforge.evaluate.judge_journal import Journal
from seekforge.evaluate.judge_results import UNANSWERED, Judged, accords, judged
from seekforge.evaluate.rubric import load_rubric, names

RUBRIC = load_rubric()
BOTH = ("single", "pair")
QUESTIONS = [
    Question("q0", "May the transfer go through?", "No.", {"base": "Perhaps", "tuned": "Hold it"}),
    Question("q1", "这笔转账要不要拦截？", "要。", {"base": "不清楚", "tuned": "应当拦截"}),
]
GOOD = ("Hold", "应当")


def scores(relevance: int, accuracy: int, readability: int) -> str:
    return json.dumps({"reason": "so", **dict(zip(names(RUBRIC), (relevance, accuracy, readability), strict=True))})


def fair(text: str) -> str:
    """A judge who prefers what begins as it should, wherever it stands."""
    shown = json.loads(text)
    if "answer" in shown:
        return scores(3, 2, 1) if shown["answer"].startswith(GOOD) else scores(0, 1, 0)
    return json.dumps({"reason": "so", "better": "first" if shown["first"].startswith(GOOD) else "second"})


def run(
    chat: Chat,
    path: Path,
    questions: list[Question] = QUESTIONS,
    kinds: tuple[str, ...] = BOTH,
    **options: Any,
) -> tuple[Judged, list[Rating]]:
    tasks = make_tasks(chat, RUBRIC, questions, kinds)
    with Journal(path) as journal:
        judge(chat, RUBRIC, tasks, journal, Silent(), **options)
        return judged(chat.name, RUBRIC, tasks, journal.known)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


def remote(server: Server, **fields: object) -> RemoteChat:
    return RemoteChat(RemoteConfig.model_validate({"url": server.url, "model": "j", "backoff": 0.0, **fields}))


def test_a_fair_judge_over_http(server: Server, tmp_path: Path) -> None:
    server.answer = lambda text, turn: (200, completion(f"```json\n{fair(text)}\n```"))
    found, verdicts = run(remote(server), tmp_path / "j.jsonl")
    assert (found.asked, found.usable, found.repaired, found.failures) == (8, 8, 0, {})
    figures = {m.model: m.figures["weighted"].value for m in found.results.models}
    assert figures == {"base": pytest.approx(0.3), "tuned": pytest.approx(2.1)}
    (match,) = found.results.matches
    assert (match.first, match.second, match.wins, match.losses, match.ties) == ("base", "tuned", 0, 2, 0)
    assert (found.swaps.pairs, found.swaps.agreed, found.swaps.bias) == (2, 2, 0.0)
    assert len(verdicts) == 6
    assert found.to_dict()["swaps"]["bias"] == 0.0


def test_each_is_asked_in_its_language_with_the_rubric() -> None:
    fake = FakeChat(fair)
    tasks = {(t.record, t.kind): t for t in make_tasks(fake, RUBRIC, QUESTIONS, BOTH)}
    english, chinese = tasks["q0", "single"], tasks["q1", "single"]
    assert "You score an answer" in english.messages[0]["content"]
    assert "Does the answer address what was asked" in english.messages[0]["content"]
    assert "你按评分标准" in chinese.messages[0]["content"]
    assert "回答是否切题" in chinese.messages[0]["content"] and "0 完全不符合" in chinese.messages[0]["content"]
    assert json.loads(chinese.messages[1]["content"]) == {"question": "这笔转账要不要拦截？", "answer": "应当拦截"}
    assert (
        '{"reason": "一句话", "relevance": 0-3, "accuracy": 0-3, "readability": 0-3}' in chinese.messages[0]["content"]
    )
    assert '"better": "first" | "second" | "tie"' in tasks["q0", "pair"].messages[0]["content"]
    assert "权重" in tasks["q1", "pair"].messages[0]["content"]
    assert "reference" not in json.loads(english.messages[1]["content"])
    shown = make_tasks(fake, RUBRIC, QUESTIONS, ("single",), with_reference=True)[0]
    assert json.loads(shown.messages[1]["content"])["reference"] == "No."


@pytest.mark.parametrize(
    ("says", "kind", "counts"),
    [
        (lambda pair: "first", "first", (0, 1, 0, 0)),
        (lambda pair: "second", "second", (0, 0, 1, 0)),
        (lambda pair: "tie", "tie", (1, 0, 0, 0)),
        (lambda pair: "tie" if pair["first"] == "Perhaps" else "first", "mixed", (0, 0, 0, 1)),
    ],
)
def test_orders_that_disagree_are_a_tie_and_position_bias(
    tmp_path: Path, says: Callable[[dict[str, str]], str], kind: str, counts: tuple[int, ...]
) -> None:
    fake = FakeChat(lambda text: json.dumps({"better": says(json.loads(text))}))
    found, (verdict,) = run(fake, tmp_path / "j.jsonl", QUESTIONS[:1], ("pair",))
    swaps = found.swaps
    assert (swaps.agreed, swaps.first, swaps.second, swaps.mixed) == counts
    assert verdict.choice == "tie"
    assert found.results.matches[0].ties == 1
    assert swaps.bias == (0.0 if kind == "tie" else 1.0)


def test_prose_is_asked_once_more_and_then_kept_as_a_failure(server: Server, tmp_path: Path) -> None:
    """q0's base answer is repaired, its tuned answer is prose for ever; neither becomes a zero."""

    def answer(text: str, turn: int) -> tuple[int, Any]:
        body = server.seen[-1]["messages"]
        material = json.loads(next(m["content"] for m in body if m["role"] == "user"))
        if len(body) == 2:
            return 200, completion("I would say it is quite good." if material["answer"] == "Perhaps" else "Good!")
        assert body[2]["role"] == "assistant"
        return 200, completion(scores(1, 1, 1) if material["answer"] == "Perhaps" else "Still good!")

    server.answer = answer
    found, _ = run(remote(server, concurrency=1), tmp_path / "j.jsonl", QUESTIONS[:1], ("single",))
    assert (found.asked, found.usable, found.repaired, found.failures) == (2, 1, 1, {PROSE: 1})
    (score,) = found.results.models
    assert (score.model, score.answers) == ("base", 1)
    assert score.figures["weighted"].value == pytest.approx(1.0)
    rows = [json.loads(line) for line in (tmp_path / "j.jsonl").read_text().splitlines()]
    failed = next(row for row in rows if row["failure"])
    assert failed["said"] == ["Good!", "Still good!"]
    assert failed["verdict"] is None
    assert len(server.seen) == 4


def test_a_cut_off_answer_is_repaired_and_its_text_kept(server: Server, tmp_path: Path) -> None:
    server.answer = lambda text, turn: (200, completion("It is such a long", "length"))
    found, verdicts = run(remote(server), tmp_path / "j.jsonl", QUESTIONS[:1], ("single",))
    assert verdicts == []
    assert sum(found.failures.values()) == 2
    row = json.loads((tmp_path / "j.jsonl").read_text().splitlines()[0])
    assert row["said"] == ["It is such a long"] * 2
    assert len(server.seen) == 4


@pytest.mark.parametrize(
    "text",
    [
        "relevance 3, accuracy 2, readability 1",
        f"Here it is: {scores(3, 2, 1)}",
        scores(3, 2, 4),
        scores(3, 2, 1).replace("3", '"3"'),
        scores(3, 2, 1).replace("3", "2.5"),
        scores(3, 2, 1).replace("3", "true"),
        scores(3, 2, 1).replace('"accuracy"', '"precision"'),
        "[3, 2, 1]",
        "{",
        "[" * 100_000,
    ],
)
def test_what_is_no_verdict(text: str) -> None:
    assert read_verdict(RUBRIC, "single", text) is None


def test_what_is_one() -> None:
    given = {"relevance": 3, "accuracy": 2, "readability": 1}
    for text in (scores(3, 2, 1), f"```json\n{scores(3, 2, 1)}\n```", f"```\n{scores(3, 2, 1)}```"):
        assert read_verdict(RUBRIC, "single", text) == (given, "so")
    assert read_verdict(RUBRIC, "pair", '{"better": "tie"}') == ({"better": "tie"}, "")
    for better in ('"third"', "1", "null", "[]"):
        assert read_verdict(RUBRIC, "pair", f'{{"better": {better}}}') is None


def test_what_is_known_is_not_asked_again(tmp_path: Path) -> None:
    fake, path = FakeChat(fair), tmp_path / "j.jsonl"
    first, _ = run(fake, path)
    assert len(fake.asked) == 8
    text = path.read_bytes()
    path.write_bytes(text + b'{"key": "torn by a ki')
    assert run(fake, path)[0] == first
    assert (len(fake.asked), path.read_bytes()) == (8, text)
    other = [Question("q0", "May the transfer go through?", "", {"base": "Perhaps not", "tuned": "Hold it"})]
    run(fake, path, other, ("single",))
    assert len(fake.asked) == 9, "only the changed answer"


def test_failures_are_asked_again_only_if_wanted(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    prose = FakeChat(lambda text: "Good!")
    found, _ = run(prose, path, kinds=("single",))
    assert (found.usable, len(prose.asked)) == (0, 8)
    run(prose, path, kinds=("single",))
    assert len(prose.asked) == 8
    assert run(FakeChat(fair), path, kinds=("single",))[0].usable == 0
    found, _ = run(FakeChat(fair), path, kinds=("single",), again=True)
    assert (found.usable, found.failures) == (4, {})


def test_an_endpoint_that_goes_away_leaves_what_was_judged(server: Server, tmp_path: Path) -> None:
    questions = [Question(f"q{n}", f"Question {n}?", "", {"m": f"Hold {n}"}) for n in range(8)]
    gone = False

    def answer(text: str, turn: int) -> tuple[int, Any]:
        return (401, {"error": {"message": "the key is over"}}) if gone else (200, completion(fair(text)))

    server.answer = lambda text, turn: answer(text, turn)
    chat, path = remote(server, concurrency=1), tmp_path / "j.jsonl"
    run(chat, path, questions[:3], ("single",))
    gone = True
    with pytest.raises(EngineError, match=r"answers no more \(HTTP 401 the key is over\); 3 of 8 judgements are in"):
        run(chat, path, questions, ("single",), at_once=2)
    gone = False
    found, _ = run(chat, path, questions, ("single",), at_once=2)
    assert (found.usable, found.failures) == (8, {})
    asked = [json.loads(body["messages"][1]["content"])["answer"] for body in server.seen]
    assert asked.count("Hold 0") == 1


def test_one_question_without_an_answer_is_a_failure_that_the_next_run_asks(tmp_path: Path) -> None:
    with serving() as server:
        server.answer = lambda text, turn: (401, {}) if "Perhaps" in text else (200, completion(fair(text)))
        found, _ = run(remote(server), tmp_path / "j.jsonl", kinds=("single",))
        assert found.failures == {UNANSWERED: 1}
        server.answer = lambda text, turn: (200, completion(fair(text)))
        assert run(remote(server), tmp_path / "j.jsonl", kinds=("single",))[0].usable == 4


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    listed = '{"key": [], "kind": "", "record": "", "models": [], "verdict": null, "said": []}\n'
    for text in ('{"id": "q0", "prompt": "p", "text": "t"}\n', "hello", "key,verdict\n1,2\n", listed):
        path = tmp_path / "x.jsonl"
        path.write_text(text)
        with pytest.raises(DataError, match=r"x.jsonl:1: not a judgement"):
            Journal(path)
        assert path.read_text() == text
    path.unlink()
    with Journal(path), pytest.raises(ResourceError, match="another judge is writing this file"):
        Journal(path)


def test_a_pair_with_one_failed_order_has_no_verdict(tmp_path: Path) -> None:
    fake = FakeChat(lambda text: '{"better": "first"}' if '"first": "Hold' in text else "Hm.")
    found, verdicts = run(fake, tmp_path / "j.jsonl", QUESTIONS[:1], ("pair",))
    assert verdicts == []
    assert (found.swaps.pairs, found.swaps.failed, found.swaps.bias) == (0, 1, None)


def test_agreement_with_people(tmp_path: Path) -> None:
    """The people and a fair judge see the same; an unfair one prefers what the people do not."""
    made = study(tmp_path, raters=("an", "bo"), count=6)
    for rater in ("an", "bo"):
        while (view := made.store.next(rater)) is not None:
            made.store.submit(rater, scored(view))
    questions = read_questions([str(tmp_path / f"predictions-{name}.jsonl") for name in ("base", "tuned")])
    answers = {(q.id, model): text for q in questions for model, text in q.answers.items()}

    def agreed(
        judge_of: Callable[[str], str], name: str, texts: dict[tuple[str, str], str] = answers
    ) -> dict[str, Any]:
        _, verdicts = run(FakeChat(judge_of), tmp_path / name, questions)
        return {a.of: a for a in accords(RUBRIC, verdicts, made.store.ratings(), made.store.items(), texts)}

    good = agreed(fair, "fair.jsonl")
    assert list(good) == ["relevance", "accuracy", "readability", "weighted", "choice"]
    assert {(a.units, a.people, a.joined, a.judge) for of, a in good.items() if of != "choice"} == {(12, 1.0, 1.0, 1.0)}
    assert good["weighted"].spearman == pytest.approx(1.0)
    assert (good["choice"].units, good["choice"].kappa) == (6, None), "all chose the same: kappa says nothing"

    def unfair(text: str) -> str:
        shown = json.loads(text)
        if "answer" in shown:
            return scores(0, 1, 0) if shown["answer"].startswith(GOOD) else scores(3, 2, 1)
        return json.dumps({"better": "second" if shown["first"].startswith(GOOD) else "first"})

    bad = agreed(unfair, "unfair.jsonl")
    assert bad["weighted"].people == 1.0
    assert bad["weighted"].joined is not None and bad["weighted"].joined < 0.4
    assert bad["weighted"].judge is not None and bad["weighted"].judge < -0.8
    assert bad["weighted"].spearman == pytest.approx(-1.0)
    assert bad["choice"].kappa == 0.0
    changed = {key: f"{text}!" if key[1] == "tuned" else text for key, text in answers.items()}
    assert agreed(fair, "fair.jsonl", changed) == {}, "the people rated other texts"


def test_predictions_of_the_evaluate_stage_are_read(tmp_path: Path) -> None:
    from seekforge.evaluate import predict

    path = tmp_path / "predictions-tuned.jsonl"
    predict.save(path, [predict.Prediction("a", "p\u2028q", "r", "", "t", "", "stop")])
    assert read_questions([str(path)]) == [Question("a", "p\u2028q", "r", {"tuned": "t"})]
    assert predictions(tmp_path, {"x": "y"})
