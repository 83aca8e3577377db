"""The gate on real files in the real engine: a sound lineage passes, and each planted fault is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engines import tiny
from tests.evaluate import lineage
from tests.evaluate.lineage import Models

from seekforge.compress.gguf import export
from seekforge.compress.stage import merge
from seekforge.core.errors import ModelError
from seekforge.core.files import read_json
from seekforge.core.progress import Silent
from seekforge.evaluate.parity.gate import Parity
from seekforge.evaluate.parity.result import Step

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return lineage.make(tmp_path_factory.mktemp("lineage"))


@pytest.fixture(scope="module")
def work(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Start and merged model, compared once for all files."""
    folder = tmp_path_factory.mktemp("walked") / "work"
    for each in (folder, folder.parent / "out"):
        each.mkdir()
    lineage.walk(models, folder)
    return folder


def spoilt(models: Models, folder: Path, file_format: str, spoil: Callable[[Path], None]) -> Path:
    """A file that was written from a spoilt copy of the merged folder."""
    wrong = lineage.copied(models, folder / "wrong")
    spoil(wrong)
    path = folder / f"model-{file_format.lower()}.gguf"
    export(wrong, path, file_format, Silent())
    return path


def names(found: Parity) -> dict[str, list[str]]:
    return {step.seen.title: [cause.name for cause in step.causes] for step in found.steps if step.causes}


def last(found: Parity) -> Step:
    return found.steps[-1]


def test_a_sound_chain_passes_step_by_step(models: Models, work: Path, tmp_path: Path) -> None:
    found = lineage.judge(models.lineage("F16", "Q8_0", "Q4_0"), tmp_path, work, file_kl=True)
    assert [step.seen.title for step in found.steps] == ["adapter", "merged", "F16", "INT8", "INT4"]
    assert names(found) == {}
    assert found.passed, [v for v in found.verdicts if not v.passed]
    figures = {step.seen.title: step.figures("exact_match") for step in found.steps}
    assert figures["merged"]["kl"][0] < 1e-3
    kl = [figures[title]["kl"][0] for title in ("F16", "INT8", "INT4")]
    assert kl[0] < kl[1] < kl[2], "each format keeps less"
    shares = [step.seen.weights.adapter for step in found.steps[1:] if step.seen.weights is not None]
    assert len(shares) == 4
    assert shares == pytest.approx([1] * 4, abs=0.1), "what training changed is in every step"
    errors = [step.seen.weights.error for step in found.steps[1:] if step.seen.weights is not None]
    assert errors[1] < errors[2] < errors[3]
    tree = read_json(tmp_path / "out" / "parity.json")
    assert tree["verdict"] == "passed"
    assert [step["title"] for step in tree["steps"]] == [step.seen.title for step in found.steps]
    int4 = tree["steps"][-1]
    firsts = int4["first_divergences"]["start"]
    assert firsts
    assert len({first["record_id"] for first in firsts}) == len(firsts), "one a record"
    assert not list((tmp_path / "work").glob("*.logits"))


@pytest.mark.parametrize(
    ("spoil", "cause", "words"),
    [
        (lineage.other_template, "chat template", "another chat template"),
        (lineage.other_opening, "chat template", "another chat template"),
        (lineage.no_bos, "lost BOS", "without the token that begins a text"),
        (lineage.other_rope, "rope base", "rotary base is 1e+06 where the model was trained with 10000"),
    ],
)
def test_a_file_of_a_spoilt_folder_is_named(
    spoil: Callable[[Path], None], cause: str, words: str, models: Models, work: Path, tmp_path: Path
) -> None:
    path = spoilt(models, tmp_path, "Q8_0", spoil)
    found = lineage.judge(models.lineage(files={"Q8_0": path}), tmp_path, work)
    assert names(found) == {"INT8": [cause]}
    assert words in str(last(found).causes[0])
    assert not found.passed
    broken = {verdict.name for verdict in last(found).verdicts if not verdict.passed}
    assert "parity.int8_faults" in broken
    over = next(m for m in found.measurements if m.name == "parity.over_budget")
    assert over.value == len([v for v in found.verdicts if not v.passed])
    assert words in over.advice


@pytest.mark.parametrize("declared", [1, 7], ids=["says F16", "says Q8_0"])
def test_full_precision_under_the_name_of_int8(declared: int, models: Models, work: Path, tmp_path: Path) -> None:
    path = tmp_path / "model-q8_0.gguf"
    export(models.merged, path, "F16", Silent())
    lineage.declare(path, declared)
    found = lineage.judge(models.lineage(files={"Q8_0": path}), tmp_path, work)
    assert names(found) == {"INT8": ["full precision"]}
    said = str(last(found).causes[0])
    assert "called Q8_0 (8.5 bits) and holds F16, 16.0 bits a weight" in said
    assert "rounding took nothing from them" in said
    assert "seekforge compress --format Q8_0" in said
    assert not found.passed


@pytest.mark.parametrize("file_format", ["F16", "Q8_0", "Q4_0"])
def test_a_file_of_another_training(file_format: str, models: Models, work: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    merge(models.base, models.other, other)
    path = tmp_path / f"model-{file_format.lower()}.gguf"
    export(other, path, file_format, Silent())
    found = lineage.judge(models.lineage(files={file_format: path}), tmp_path, work)
    assert names(found) == {last(found).seen.title: ["swapped adapter"]}
    assert "another training's adapter" in str(last(found).causes[0])
    assert not found.passed


def test_a_merged_folder_of_another_training(models: Models, tmp_path: Path) -> None:
    other = tmp_path / "other"
    merge(models.base, models.other, other)
    found = lineage.judge(models.lineage(merged=other), tmp_path)
    assert names(found) == {"merged": ["swapped adapter"]}
    assert not found.passed


def test_an_adapter_that_was_never_merged(models: Models, work: Path, tmp_path: Path) -> None:
    path = tmp_path / "model-f16.gguf"
    export(models.base, path, "F16", Silent())
    found = lineage.judge(models.lineage(files={"F16": path}), tmp_path, work)
    assert names(found) == {"F16": ["adapter not merged"]}
    seen = last(found).seen
    assert seen.choices == found.steps[0].seen.base_choices or last(found).start is not None
    assert not found.passed


def test_manifests_that_do_not_fit_together(models: Models, tmp_path: Path, work: Path) -> None:
    broken = models.lineage(broken="gguf-2 was made from another training than adapter-1")
    assert names(lineage.judge(broken, tmp_path, work)) == {"merged": ["broken lineage"]}


def test_a_killed_comparison_goes_on_and_gives_the_same(models: Models, tmp_path: Path, work: Path) -> None:
    whole = lineage.judge(models.lineage("F16"), tmp_path / "whole")
    again = lineage.judge(models.lineage("F16"), tmp_path / "again", work)
    # Threads may sum in another order; weights, positions and prompts are the same to the last bit.
    assert [step.seen.choices for step in whole.steps] == [step.seen.choices for step in again.steps]
    assert [m.name for m in whole.measurements] == [m.name for m in again.measurements]
    changed = dataclasses.replace(models.lineage("F16"), trained=models.other)
    assert names(lineage.judge(changed, tmp_path / "changed", work))["merged"] == ["swapped adapter"]


def test_without_a_start_the_chain_begins_with_the_merged_model(models: Models, tmp_path: Path) -> None:
    found = lineage.judge(models.lineage("F16", base=None, trained=None), tmp_path)
    assert [step.seen.title for step in found.steps] == ["merged", "F16"]
    assert found.passed
    assert last(found).seen.weights is not None


def test_an_adapter_of_another_model_is_one_line(models: Models, tmp_path: Path) -> None:
    narrow = tiny.make(tmp_path / "narrow", "llama", hidden_size=32)
    with pytest.raises(ModelError, match="does not fit the base model") as caught:
        lineage.judge(models.lineage(base=narrow), tmp_path / "x")
    assert "\n" not in str(caught.value)
