"""What logits tell, against transformers' own loss; and where there are none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny
from tests.evaluate.test_real_pairs import PAIRS

from seekforge.core.answers import Answers
from seekforge.core.errors import ConfigError
from seekforge.core.progress import Silent
from seekforge.core.records import Message, Record
from seekforge.engines.fake import FakeEngine
from seekforge.engines.transformers import TransformersEngine
from seekforge.evaluate.compare import score
from seekforge.evaluate.likelihood import check_logits, label_probabilities, wanted, with_likelihood
from seekforge.evaluate.predict import Kept, Prediction, predict, prediction

LABELS = ("APPROVE", "HOLD", "HOLD ALL", "DECLINE")


@pytest.fixture(autouse=True, scope="module")
def threads() -> Iterator[None]:
    yield from tiny.one_thread()


@pytest.fixture(scope="module")
def engine(demo_folder: Path) -> TransformersEngine:
    return TransformersEngine(demo_folder, "float32")


def records(count: int) -> list[Record]:
    with tiny.RISK_DESK.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(count), strict=False)]
    turns = [(Message("user", row["instruction"]), Message("assistant", row["output"])) for row in rows]
    return [Record(row["id"], turn, row["label"]) for row, turn in zip(rows, turns, strict=True)]


def loss_of(engine: TransformersEngine, prompt: str, answer: list[int]) -> float:
    """Minus the log-probability of the answer in nats, as transformers computes a training loss."""
    import torch

    ids = engine.encode(prompt)
    whole, wanted = torch.tensor([[*ids, *answer]]), torch.tensor([[-100] * len(ids) + answer])
    with torch.inference_mode():
        return float(engine.model(whole, labels=wanted).loss) * len(answer)


def exact_loss_of(engine: TransformersEngine, prompt: str, answer: list[int]) -> float:
    """The same in double precision, of transformers' logits: its own loss is rounded to float32, term by term."""
    import torch

    ids = engine.encode(prompt)
    with torch.inference_mode():
        logits = engine.model(torch.tensor([[*ids, *answer]])).logits[0, len(ids) - 1 : -1]
        return float(torch.nn.functional.cross_entropy(logits.double(), torch.tensor(answer), reduction="sum"))


def perplexities(
    engine: TransformersEngine, asked: Sequence[Record], loss: Callable[[TransformersEngine, str, list[int]], float]
) -> tuple[float, float]:
    """Ours, and that of the given loss: both of the reference answers, end tokens included."""
    answers = [prediction(record, "", "stop", ()) for record in asked]
    reads = wanted(["perplexity"])
    found = with_likelihood(engine, asked, answers, (), reads, Silent(), "t", Kept(Answers()))
    total, tokens = 0.0, 0
    for record, one in zip(asked, found, strict=True):
        ids = [*engine.encode(record.answer), engine.end_token]
        total, tokens = total + loss(engine, engine.render(record.prompt), ids), tokens + len(ids)
        assert one.reference_tokens == len(ids)
        assert one.confidence is None
    value, (low, high) = score("perplexity", found, 200, 1)
    assert 2 < low <= value <= high
    return value, math.exp(total / tokens)


def test_perplexity_is_that_of_transformers_own_loss(engine: TransformersEngine) -> None:
    ours, theirs = perplexities(engine, records(4), loss_of)
    assert ours == pytest.approx(theirs, rel=1e-5)  # theirs is rounded to float32


@pytest.mark.slow
def test_perplexity_on_five_hundred_real_pairs(engine: TransformersEngine) -> None:
    pairs = [pair for language in ("en", "zh") for pair in zip(*PAIRS[language], strict=True)]
    turns = [(Message("user", given), Message("assistant", right)) for given, right in pairs]
    ours, theirs = perplexities(engine, [Record(str(number), turn) for number, turn in enumerate(turns)], exact_loss_of)
    print(f"perplexity of 500 pairs: {ours:.7f} and {theirs:.7f}")  # noqa: T201
    assert len(pairs) == 500 and ours == pytest.approx(theirs, rel=1e-6)


def test_label_probabilities_are_those_of_each_label_by_itself(engine: TransformersEngine) -> None:
    text = engine.render(records(1)[0].prompt) + "The card is blocked. Rule 15: "
    found = label_probabilities(engine, text, LABELS)
    assert list(found) == list(LABELS)
    assert sum(found.values()) == pytest.approx(1)
    # The blank before a label and its first letters are one token: all labels follow what stands before the blank.
    likely = {}
    for label in LABELS:
        stem = text.removesuffix(" ")
        rest = engine.encode(text + label)[len(engine.encode(stem)) :]
        likely[label] = math.exp(-loss_of(engine, stem, rest))
    total = sum(likely.values())
    assert found == pytest.approx({label: value / total for label, value in likely.items()}, rel=1e-4)


def test_a_single_label_is_certain(engine: TransformersEngine) -> None:
    assert label_probabilities(engine, "Well: ", ["HOLD"]) == {"HOLD": 1.0}


def test_confidence_is_of_the_decision_after_the_models_own_words(engine: TransformersEngine) -> None:
    asked = records(3)
    said = ["The card is lost. Rule 15: HOLD.", "no decision at all", "APPROVE"]
    answers = [prediction(record, text, "stop", LABELS) for record, text in zip(asked, said, strict=True)]
    kept = Kept(Answers())
    found = with_likelihood(engine, asked, answers, LABELS, wanted(["ece"]), Silent(), "t", kept)
    text = engine.render(asked[0].prompt) + "The card is lost. Rule 15: "
    assert found[0].confidence == pytest.approx(label_probabilities(engine, text, LABELS)["HOLD"])
    assert found[1].confidence is None
    assert found[2].confidence == pytest.approx(
        label_probabilities(engine, engine.render(asked[2].prompt), LABELS)["APPROVE"]
    )
    assert [one.log_probability for one in found] == [None] * 3
    value, _ = score("ece", found, 100, 1)
    gaps = [abs((one.decision == one.label) - one.confidence) for one in found if one.confidence is not None]
    assert value == pytest.approx(sum(gaps) / 2)  # two bins of one


def test_figures_that_are_kept_are_not_computed_again(engine: TransformersEngine, tmp_path: Path) -> None:
    asked = records(2)
    answers = [prediction(record, "HOLD", "stop", LABELS) for record in asked]
    reads = wanted(["ece", "perplexity"])
    first = with_likelihood(engine, asked, answers, LABELS, reads, Silent(), "t", Kept(Answers(tmp_path)))

    class Blind(TransformersEngine):
        def __init__(self) -> None:
            self.tokenizer = engine.tokenizer

        def logits(self, prompt: Sequence[int], answer: Sequence[int]) -> Any:
            raise AssertionError("asked again")

    kept = Kept(Answers(tmp_path))
    assert with_likelihood(Blind(), asked, answers, LABELS, reads, Silent(), "t", kept) == first
    with pytest.raises(AssertionError, match="asked again"):
        with_likelihood(Blind(), records(3)[2:], answers[:1], LABELS, reads, Silent(), "t", kept)


def test_an_engine_without_logits_is_one_line() -> None:
    check_logits(["f1", "accuracy"], FakeEngine(), "OpenVINO Q8_0")
    for name, instead in (("perplexity", "take f1 and chrf"), ("ece", "take accuracy and macro_f1")):
        with pytest.raises(ConfigError, match=rf"{name} needs the model's logits, which OpenVINO Q8_0 .*{instead}"):
            check_logits(["f1", name], FakeEngine(), "OpenVINO Q8_0")
        answers: list[Prediction] = predict(FakeEngine(), records(1), LABELS, 256, Silent(), "t")
        answers = [prediction(records(1)[0], "HOLD", "stop", LABELS)]
        with pytest.raises(ConfigError, match=f"{name} needs the model's logits, which were not read"):
            score(name, answers, 100, 1)


def test_a_model_that_never_decides_has_no_calibration() -> None:
    value, span = score("ece", [prediction(records(1)[0], "well", "stop", LABELS)], 100, 1)
    assert math.isnan(value) and all(math.isnan(end) for end in span)
