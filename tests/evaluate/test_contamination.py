"""From a trained artifact back to its data, and which test records that data gives away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seekforge.cli.evaluate.contamination import look
from seekforge.cli.evaluate.stage import CheckedEvaluateStage
from seekforge.core import artifacts
from seekforge.core.artifacts import Artifact, Origin
from seekforge.core.config import ContaminationConfig, Recipe, environment
from seekforge.core.errors import InputError
from seekforge.core.files import read_json, write_json
from seekforge.core.gates import Gate
from seekforge.core.progress import Silent
from seekforge.core.records import Message, Record, write_records
from seekforge.core.stage import StageContext
from seekforge.data.known import TestRecord
from seekforge.evaluate import predict
from seekforge.evaluate.contamination import artifact_of, trained_on
from seekforge.evaluate.predict import Prediction

ENGLISH = (
    "Which of the three rivers that meet below the old mill carries the most water in a dry summer, and why is it?"
)
CHINESE = "老磨坊下面汇合的三条河里，哪一条在干旱的夏天水量最大？请说明原因，并举一个历史上的例子。"
Make = Callable[..., Artifact]


def record(name: str, question: str, answer: str = "x") -> Record:
    return Record(name, (Message("user", question), Message("assistant", answer)))


def held(*records: Record) -> list[TestRecord]:
    return [TestRecord(one, "test.jsonl") for one in records]


TRAINED = (
    record("same", ENGLISH.upper()),
    record("near", CHINESE.replace("夏天", "冬天")),
    record("quoted", "Write an exam question.", f"With pleasure. {ENGLISH} That is all."),
    record("other", "Which of the two lakes is deeper?"),
    record("plain", "A customer asks for a new card because the old one was left in a taxi on Monday evening in town."),
)
TESTS = held(
    record("t1", ENGLISH), record("t2", CHINESE), record("t3", "How deep is the sea?"), record("t4", ENGLISH, "y")
)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Seals an artifact as the runner does, beside the others."""

    def make(name: str, kind: str, *parents: Artifact, store: str = "runs/artifacts", **config: Any) -> Artifact:
        final = tmp_path / store / name
        partial = artifacts.partial_folder(final)
        partial.mkdir(parents=True)
        if kind == "dataset":
            write_records(partial / "train.jsonl", config.pop("records", TRAINED))
            write_records(partial / "test.jsonl", [test.record for test in TESTS])
        else:
            (partial / "weights").write_text(name)
        origin = Origin(kind, name, tuple(parent.content_hash for parent in parents), config)
        return artifacts.seal(final, origin, summary="", measurements=(), details={}, seconds=1.0)

    return make


def find(
    trained: tuple[Record, ...], make: Make, tests: list[TestRecord] = TESTS, **settings: Any
) -> dict[str, tuple[str, str]]:
    data = make(f"data-{len(trained)}", "dataset", records=trained)
    found = look(tests, [data], ContaminationConfig(**settings), Silent())
    assert (found.tests, found.trained) == (len(tests), len(trained))
    assert found.share == found.count / len(tests)
    return {contact.test: (contact.how, contact.train) for contact in found.contacts}


def test_every_test_record_that_is_given_away_is_found_with_the_surest_proof(make: Make) -> None:
    assert find(TRAINED, make) == {"t1": ("exact", "same"), "t4": ("exact", "same"), "t2": ("near", "near")}
    assert find(TRAINED[2:], make) == {"t1": ("runs", "quoted"), "t4": ("runs", "quoted")}
    assert find(TRAINED[3:], make) == {}


def test_the_answer_and_the_thresholds_are_told_and_kept(make: Make) -> None:
    data = make("data", "dataset")
    found = look(TESTS, [data], ContaminationConfig(), Silent())
    assert [contact.answer_too for contact in found.contacts] == [True, False, True]
    assert found.to_dict(1)["kinds"] == {"exact": 2, "near": 1, "runs": 0}
    assert len(found.to_dict(1)["examples"]) == 1
    assert find(TRAINED[1:2], make, threshold=0.99, containment=0.9) == {}
    assert find(TRAINED[2:4], make, held(record("t", "Is it true? " + ENGLISH)), containment=1.0) == {}


def test_many_records_in_batches(make: Make) -> None:
    filler = tuple(record(f"f{n}", f"Question {n} about the ledger of branch {n * 7}") for n in range(2300))
    assert find((*filler, *TRAINED), make) == {"t1": ("exact", "same"), "t4": ("exact", "same"), "t2": ("near", "near")}


def test_the_way_back_goes_through_every_artifact_and_a_base_model_of_ours(make: Make) -> None:
    older = make("data-1", "dataset", records=TRAINED[:1])
    base = make("compress-1", "gguf", make("train-1", "adapter", older))
    newer = make("data-2", "dataset", records=TRAINED[1:])
    merged = base.folder / "merged"
    merged.mkdir()
    trained = make("train-2", "adapter", newer, model={"reference": str(merged)})
    compressed = make("compress-2", "gguf", trained)
    assert {one.content_hash for one in trained_on(compressed)} == {older.content_hash, newer.content_hash}
    assert [one.content_hash for one in trained_on(newer)] == [newer.content_hash]


def test_a_run_a_file_and_a_folder_lead_to_their_artifact(make: Make, tmp_path: Path) -> None:
    data = make("data-1", "dataset")
    trained = make("train-1", "adapter", data)
    run = tmp_path / "runs" / "risk_desk-1"
    run.mkdir()
    write_json(run / "run.json", {})
    (run / "data").symlink_to("../artifacts/data-1")
    assert artifact_of(run).key == "data-1"
    (run / "train").symlink_to("../artifacts/train-1")
    for path in (run, trained.folder, trained.folder / "weights"):
        assert artifact_of(path).key == "train-1"
    with pytest.raises(InputError, match="no such run or artifact"):
        artifact_of(tmp_path / "nothing")
    with pytest.raises(InputError, match="no artifact, so what it was trained on is not known"):
        artifact_of(tmp_path)


def test_data_that_was_changed_or_is_gone_is_said(make: Make, tmp_path: Path) -> None:
    data = make("data-1", "dataset")
    trained = make("train-1", "adapter", data, store="elsewhere")
    with pytest.raises(InputError, match=r"what it was made from is not beside it .* --trained-on FOLDER"):
        trained_on(trained)
    assert trained_on(trained, [data.folder]) == [data]
    lines = (data.folder / "train.jsonl").read_text().splitlines(keepends=True)
    (data.folder / "train.jsonl").write_text("".join(lines[1:]))
    with pytest.raises(InputError, match="the training data is not what its manifest says: files were changed"):
        trained_on(trained, [data.folder])
    orphan = make("train-2", "adapter")
    with pytest.raises(InputError, match="this adapter goes back to no training data"):
        trained_on(orphan)


def test_every_evaluation_measures_it_for_a_gate(make: Make, tmp_path: Path, demo_folder: Path) -> None:
    """The stage itself, its answers being there already, as after a kill."""
    data = make("data-1", "dataset")
    trained = make("train-1", "adapter", data)
    folder = tmp_path / "evaluate.partial"
    folder.mkdir()
    answers = [Prediction(t.record.id, t.record.text, "x", "", "x", "", "stop") for t in TESTS]
    for name in ("base", "tuned"):
        predict.save(folder / f"predictions-{name}.jsonl", answers)
    recipe = Recipe.model_validate(
        {"name": "x", "model": str(demo_folder), "data": {"sources": [{"path": "x.jsonl"}]},
         "evaluate": {"metrics": ["exact_match"], "resamples": 100}, "gates": {"evaluate.contaminated": "== 0"}}
    )  # fmt: skip
    context = StageContext(recipe, folder, {"data": data, "train": trained}, Silent(), environment(), "seekforge run x")
    result = CheckedEvaluateStage().run(context)
    measured = {m.name: m for m in result.measurements}
    assert measured["evaluate.contaminated"].value == 3
    assert measured["evaluate.contaminated_share"].value == 0.75
    assert measured["evaluate.exact_match"].value == 1.0
    assert not recipe.gate_list()[0].judge(measured["evaluate.contaminated"]).passed
    assert Gate("evaluate.contaminated", "<= 3").judge(measured["evaluate.contaminated"]).passed
    assert [e["test"] for e in result.details["contamination"]["examples"]] == ["t1", "t4", "t2"]
    assert json.dumps(result.details)
    settings = dict(CheckedEvaluateStage().config(recipe))["evaluate"]["contamination"]
    assert settings == {"threshold": 0.7, "shingle": 5, "ngram": 13, "containment": 0.5}
    assert read_json(data.folder / "manifest.json")["kind"] == "dataset"
