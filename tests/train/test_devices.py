"""Two real processes over gloo train as one does: the same losses, decisions, checkpoints and files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from tests.engines import tiny
from tests.train.test_sft import loss_of

from seekforge.engines.transformers import load_model, load_tokenizer, load_trained

ROOT = Path(__file__).parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
QUICK = ["lora:ddp", "lora:fsdp", "accumulated:ddp", "nan:ddp", "killed:ddp"]
EVERY = [f"{name}:{strategy}" for name in ("lora", "accumulated", "nan", "killed") for strategy in ("ddp", "fsdp")]
EVERY += ["packed:ddp", "overfit:ddp", "full:ddp", "full:fsdp"]
ALONE = ("lora", "accumulated", "packed", "overfit", "full")  # what is held against one process

Found = dict[str, dict[str, Any]]
one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("model"), "qwen2")


@pytest.fixture(scope="module")
def quick(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Found]:
    work = tmp_path_factory.mktemp("quick")
    return work, run(folder, work, QUICK)


@pytest.fixture(scope="module")
def every(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Found]:
    work = tmp_path_factory.mktemp("every")
    return work, run(folder, work, EVERY)


@pytest.fixture
def work(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(which(request))[0]
    return path


@pytest.fixture
def found(request: pytest.FixtureRequest) -> Found:
    results: Found = request.getfixturevalue(which(request))[1]
    return results


def which(request: pytest.FixtureRequest) -> str:
    return "every" if request.node.get_closest_marker("slow") else "quick"


def cases(*names: str) -> list[Any]:
    return [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in names]


def run(folder: Path, work: Path, together: list[str], compute: str = "float32") -> Found:
    """What each case came to in two processes, and in this one, side by side."""
    from tests.train import rank

    alone = [name for name in ALONE if any(case.startswith(f"{name}:") for case in together)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [*TORCHRUN, "-m", "tests.train.rank", str(folder), str(work), compute, *together]
    log = work / "log"
    with log.open("w") as file, subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file) as two:
        rank.main(folder, work, compute, alone)
    assert two.returncode == 0, log.read_text()[-6000:]
    return {case: json.loads((work / f"{case}.json").read_text()) for case in (*alone, *together)}


def losses(found: dict[str, Any], kind: str) -> list[float]:
    return [loss for _, loss in found[kind]]


@pytest.mark.parametrize(
    "case", cases("lora:ddp", "lora:fsdp", "accumulated:ddp", "accumulated:fsdp", "packed:ddp", "full:ddp", "full:fsdp")
)
def test_every_step_has_the_loss_of_one_process(case: str, found: Found) -> None:
    alone, together = found[case.partition(":")[0]], found[case]
    assert [step for step, _ in together["steps"]] == [step for step, _ in alone["steps"]]
    assert losses(together, "steps") == pytest.approx(losses(alone, "steps"), rel=2e-4)
    assert losses(together, "evaluations") == pytest.approx(losses(alone, "evaluations"), rel=2e-4)
    assert (together["trainable"], together["parameters"]) == (alone["trainable"], alone["parameters"])
    assert together["best"] < 0.9 * losses(together, "steps")[0]


@pytest.mark.slow
def test_layers_that_are_fetched_in_bfloat16_compute_as_autocast_does(folder: Path, tmp_path: Path) -> None:
    found = run(folder, tmp_path, ["full:fsdp"], compute="bfloat16")
    assert losses(found["full:fsdp"], "steps") == pytest.approx(losses(found["full"], "steps"), rel=1e-2)
    assert losses(found["full:fsdp"], "evaluations") == pytest.approx(losses(found["full"], "evaluations"), rel=1e-2)


@pytest.mark.slow
def test_the_overfit_guard_decides_as_in_one_process(found: Found) -> None:
    alone, together = found["overfit"], found["overfit:ddp"]
    assert "above its best" in together["reason"]
    assert together["evaluations"][-1][0] == alone["evaluations"][-1][0] < 60


@pytest.mark.parametrize("case", cases("nan:ddp", "nan:fsdp"))
def test_a_loss_that_is_no_number_on_one_rank_sends_all_back(case: str, found: Found) -> None:
    ended = found[case]
    assert ended["back"] == [6, 2e-3]
    assert ended["evaluations"][-1][0] == 9
    assert ended["reason"] == "all 9 steps done"


@pytest.mark.parametrize("case", cases("killed:ddp", "killed:fsdp"))
def test_what_was_killed_ends_as_if_it_never_was(case: str, found: Found, work: Path) -> None:
    same = case.replace("killed", "lora")
    whole, broken = found[same], found[case]
    assert (broken["steps"], broken["evaluations"]) == (whole["steps"], whole["evaluations"])
    one, other = (load_file(work / name / "out" / "adapter" / "adapter_model.safetensors") for name in (same, case))
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)


@pytest.mark.parametrize("case", cases("lora:ddp", "lora:fsdp", "full:ddp", "full:fsdp"))
def test_what_is_saved_is_whole_and_loads_anywhere(case: str, found: Found, folder: Path, work: Path) -> None:
    job = tiny.job(work / case, load_tokenizer(folder), "qwen2", [])
    trained = load_trained(folder, job.output, "float32")
    assert loss_of(trained, job.validation) == pytest.approx(found[case]["best"], rel=2e-2)
    assert loss_of(load_model(folder, "float32"), job.validation) > 1.05 * found[case]["best"]
    if case.startswith("full"):
        assert json.loads((job.output / "model" / "config.json").read_text())["architectures"] == ["Qwen2ForCausalLM"]
