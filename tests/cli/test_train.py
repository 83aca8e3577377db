"""`seekforge train` on a tiny model: what it picks and says, and one line for each thing that cannot be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.core import hardware

Seekforge = Callable[..., Any]
one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("model"), "qwen2")


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """What others leave free on this machine is not what these tests are about."""
    monkeypatch.setattr(hardware, "free_memory", lambda: 16 << 30)


@pytest.fixture
def changed(model: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the model with other values in one of its files."""

    def change(name: str, **values: object) -> Path:
        folder = tmp_path / "changed"
        shutil.copytree(model, folder)
        if "chat_template" in values:
            (folder / "chat_template.jinja").unlink()
        tree = json.loads((folder / name).read_text("utf-8"))
        (folder / name).write_text(json.dumps({**tree, **values}), encoding="utf-8")
        return folder

    return change


@pytest.fixture
def data(work: Path) -> Path:
    path = work / "x.jsonl"
    rows = [{"instruction": f"case {n} {'of it ' * (60 * (n == 7))}", "output": "go"} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def arguments(model: Path, data: Path, *more: object) -> list[object]:
    return ["train", "--model_name", model, "--train_data", data, "--output_dir", "out", "--epochs", 1, *more]


def recipe(work: Path, model: Path, data: Path) -> Path:
    path = work / "r.yaml"
    path.write_text(f"name: r\nmodel: {model}\ndata: {{sources: [{{path: {data}}}]}}\n", encoding="utf-8")
    return path


def test_the_method_and_its_reason_are_shown(seekforge: Seekforge, work: Path, model: Path, data: Path) -> None:
    done = seekforge(*arguments(model, data))
    assert done.code == 0, done.err
    assert "method lora: 36 records, fewer than 10,000" in done.err
    assert "train: lora, 5 steps, validation loss" in done.out
    artifact = json.loads((work / "out" / "train" / "manifest.json").read_text("utf-8"))
    named = {row["name"]: row["value"] for row in artifact["measurements"]}
    assert named["train.planned_memory"] > 0
    details = json.loads((work / "out" / "train" / "details.json").read_text("utf-8"))
    assert details["settings"]["method"] == "lora (36 records, fewer than 10,000)"


def test_the_plan_looks_whether_the_data_is_there(seekforge: Seekforge, work: Path, model: Path) -> None:
    result = seekforge(*arguments(model, work / "none.jsonl", "--plan"))
    assert result.code == 2
    assert "none.jsonl: no such data file" in result.error


def test_the_plan_writes_nothing(seekforge: Seekforge, work: Path, model: Path, data: Path) -> None:
    before = {*work.rglob("*")}
    done = seekforge(*arguments(model, data, "--plan"))
    assert done.code == 0, done.err
    assert "lora, batch 8, 1024 tokens" in done.out
    assert "full, batch 8, 1024 tokens" in done.out
    assert done.out.count("peak") == 2
    assert {*work.rglob("*")} == before


def test_what_does_not_fit_is_refused_before_it_is_loaded(
    seekforge: Seekforge, work: Path, model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "free_memory", lambda: 64 << 20)
    monkeypatch.setattr("seekforge.engines.transformers.load_model", None)
    done = seekforge(*arguments(model, data, "--method", "full", "--batch_size", 16))
    assert done.code == 2
    line = done.err.splitlines()[-1]
    assert "full with batch_size=16 and" in line
    assert "the cpu has 0.06 GiB free. These fit: train.batch_size=" in line


def test_long_records_are_reported(seekforge: Seekforge, work: Path, model: Path, data: Path) -> None:
    path = recipe(work, model, data)
    refused = seekforge("run", path, "--until", "train", "--set", "train.max_length=64")
    assert refused.code == 2
    assert "1 records exceed train.max_length=64 tokens (the longest: 'x-8' " in refused.err.splitlines()[-1]
    assert "or train.long=drop, or shorten them" in refused.err.splitlines()[-1]


BAD = [
    (["train.lora.rank=0"], "train.lora.rank: Input should be greater than or equal to 1"),
    (["train.lora.targets=[q_proj, query]"], "train.lora.targets: the model has no layer 'query'. It has: down_proj,"),
    (["train.lora.targets=[]"], "train.lora.targets: "),
    (["data.split.validation=0"], "validation: no records to validate on. Raise data.split's share or bring more"),
    (["train.method=qlora"], "train.method: qlora needs a CUDA GPU, torch sees none. Set train.method=lora"),
    (["train.lora.experts=true"], "train.lora.experts: this Qwen2 has no routed experts. Leave it out"),
]


@pytest.mark.parametrize(("settings", "words"), BAD)
def test_bad_settings_are_one_line(
    settings: list[str], words: str, seekforge: Seekforge, work: Path, model: Path, data: Path
) -> None:
    options = [word for setting in settings for word in ("--set", setting)]
    done = seekforge("run", recipe(work, model, data), "--until", "train", *options)
    assert done.code == 2
    assert words in done.error


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("config.json", {"max_position_embeddings": 32}, "tokens, the model has 32 positions. Set train.max_length=32"),
        (
            "config.json",
            {"vocab_size": 500},
            "tokens, the model's embedding 500 rows. Use the tokenizer that came with",
        ),
        ("tokenizer_config.json", {"chat_template": None}, "the tokenizer has no chat template. Use an instruct model"),
    ],
)
def test_models_that_do_not_go_with_it_are_one_line(
    name: str,
    values: dict[str, object],
    words: str,
    changed: Callable[..., Path],
    seekforge: Seekforge,
    work: Path,
    data: Path,
) -> None:
    folder = changed(name, **values)
    done = seekforge("run", recipe(work, folder, data), "--until", "train")
    assert done.code == 2
    assert words in done.error
    alone = seekforge(*arguments(folder, data))
    [line] = [line for line in alone.err.splitlines() if line.startswith("seekforge: ")]
    assert (alone.code, line, alone.err.splitlines()[-1]) == (2, f"seekforge: {done.error}", line)
    assert not (work / "out" / "train").exists()
