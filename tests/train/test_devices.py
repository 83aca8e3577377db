"""Two real processes over gloo train as one does: the same losses, decisions, checkpoints and files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny
from tests.train.test_sft import adapter, loss_of

from seekforge.engines.transformers import load_model, load_tokenizer, load_trained

ROOT = Path(__file__).parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ONE = ["lora", "accumulated", "packed", "overfit", "full"]
TWO = [f"{name}:{strategy}" for name in ("lora", "accumulated", "nan", "killed") for strategy in ("ddp", "fsdp")]
TWO += ["packed:ddp", "overfit:ddp", "full:ddp", "full:fsdp"]

Found = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("model"), "qwen2")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def found(folder: Path, work: Path) -> Found:
    """What each case came to, in one process and in two, which run side by side."""
    rest = ["-m", "tests.train.rank", str(folder), str(work)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    commands = ([sys.executable, *rest, *ONE], [*TORCHRUN, *rest, *TWO])
    logs = [(work / f"log{n}").open("w") for n in range(2)]
    running = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        for command, log in zip(commands, logs, strict=True)
    ]
    codes = [process.wait() for process in running]
    said = "\n".join((work / f"log{n}").read_text()[-6000:] for n in range(2))
    assert codes == [0, 0], said
    return {case: json.loads((work / f"{case}.json").read_text()) for case in (*ONE, *TWO)}


def losses(found: dict[str, Any], kind: str) -> list[float]:
    return [loss for _, loss in found[kind]]


@pytest.mark.parametrize(
    "case", ["lora:ddp", "lora:fsdp", "accumulated:ddp", "accumulated:fsdp", "packed:ddp", "full:ddp"]
)
def test_every_step_has_the_loss_of_one_process(case: str, found: Found) -> None:
    alone, together = found[case.partition(":")[0]], found[case]
    assert [step for step, _ in together["steps"]] == [step for step, _ in alone["steps"]]
    assert losses(together, "steps") == pytest.approx(losses(alone, "steps"), rel=2e-4)
    assert losses(together, "evaluations") == pytest.approx(losses(alone, "evaluations"), rel=2e-4)
    assert (together["trainable"], together["parameters"]) == (alone["trainable"], alone["parameters"])
    assert together["best"] < 0.9 * losses(together, "steps")[0]


def test_sharded_full_fine_tuning_computes_in_bfloat16(found: Found) -> None:
    """Its layers are fetched so, which here stands against plain float32."""
    alone, together = found["full"], found["full:fsdp"]
    assert losses(together, "steps") == pytest.approx(losses(alone, "steps"), rel=2e-2)
    assert losses(together, "evaluations") == pytest.approx(losses(alone, "evaluations"), rel=2e-2)


def test_the_overfit_guard_decides_as_in_one_process(found: Found) -> None:
    alone, together = found["overfit"], found["overfit:ddp"]
    assert "above its best" in together["reason"]
    assert together["evaluations"][-1][0] == alone["evaluations"][-1][0] < 40


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_loss_that_is_no_number_on_one_rank_sends_all_back(strategy: str, found: Found) -> None:
    ended = found[f"nan:{strategy}"]
    assert ended["back"] == [6, 2e-3]
    assert ended["evaluations"][-1][0] == 13
    assert ended["reason"] == "all 13 steps done"


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_what_was_killed_ends_as_if_it_never_was(strategy: str, found: Found, work: Path) -> None:
    whole, broken = found[f"lora:{strategy}"], found[f"killed:{strategy}"]
    assert (broken["steps"], broken["evaluations"]) == (whole["steps"], whole["evaluations"])
    one, other = (adapter(tiny.job(work / f"{name}:{strategy}", TOKENS, "qwen2", [])) for name in ("lora", "killed"))
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)


TOKENS: Any = None  # a job without records asks for none


@pytest.mark.parametrize("case", ["lora:ddp", "lora:fsdp", "full:ddp", "full:fsdp"])
def test_what_is_saved_is_whole_and_loads_anywhere(case: str, found: Found, folder: Path, work: Path) -> None:
    job = tiny.job(work / case, load_tokenizer(folder), "qwen2", [])
    trained = load_trained(folder, job.output, "float32")
    assert loss_of(trained, job.validation) == pytest.approx(found[case]["best"], rel=2e-2)
    assert loss_of(load_model(folder, "float32"), job.validation) > 1.05 * found[case]["best"]
    if case.startswith("full"):
        assert json.loads((job.output / "model" / "config.json").read_text())["architectures"] == ["Qwen2ForCausalLM"]
