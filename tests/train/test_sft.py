"""Real trainings of a tiny model: it learns, the best weights are kept, overfitting ends it, a kill costs nothing."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.core.errors import ConfigError, ResourceError, SeekforgeError
from seekforge.core.families import FAMILIES
from seekforge.core.progress import Silent
from seekforge.core.records import Message, Record
from seekforge.engines.transformers import load_model, load_tokenizer, load_trained
from seekforge.train import callbacks, sft
from seekforge.train.adapters import lora_targets
from seekforge.train.checkpoints import step_of
from seekforge.train.examples import IGNORED, Example
from seekforge.train.loading import check_qlora, load_4bit
from seekforge.train.ranks import Ranks
from seekforge.train.sft import Job, Trained, total_steps, train

ROOT = Path(__file__).parents[2]
one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("model"), "qwen2")


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return load_tokenizer(folder)


def adapter(job: Job) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(job.output / "adapter" / "adapter_model.safetensors"))


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[key].equal(other[key]) for key in one)


def loss_of(model: Any, examples: Sequence[Example]) -> float:
    """Mean over all answer tokens, nats a token."""
    import torch

    total, count = 0.0, 0
    for example in examples:
        with torch.inference_mode():
            logits = model(torch.tensor([example.input_ids])).logits[0, :-1].float()
        labels = torch.tensor(example.labels[1:])
        total += float(torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum"))
        count += int((labels != IGNORED).sum())
    return total / count


def evaluations(trained: Trained) -> list[tuple[int, float]]:
    return [(int(row["step"]), row["eval_loss"]) for row in trained.curve if "eval_loss" in row]


def test_it_learns_and_keeps_the_best_weights(folder: Path, tokenizer: Any, tmp_path: Path) -> None:
    job = tiny.job(tmp_path, tokenizer, "qwen2", tiny.records(48), epochs=5, learning_rate=1e-2, evaluate_every=10)
    trained = train(load_model(folder), tokenizer, job, Silent())
    assert trained.steps == total_steps(job) == 60
    assert trained.best_loss < 0.3 * trained.first_loss
    assert trained.stop_reason == "all 60 steps done"
    assert (trained.best_step, trained.best_loss) == min(evaluations(trained), key=lambda row: row[1])
    assert trained.first_loss == evaluations(trained)[0][1]
    assert 0 < trained.trainable < trained.parameters
    model = load_trained(folder, job.output, "float32")
    assert loss_of(model, job.validation) == pytest.approx(trained.best_loss, rel=0.1)
    assert loss_of(load_model(folder, "float32"), job.validation) > 3 * trained.best_loss


def test_overfitting_ends_it_with_the_best_weights(folder: Path, tokenizer: Any, tmp_path: Path) -> None:
    noise = random.Random(3)

    def nonsense(start: int, count: int) -> list[Record]:
        words = [str(noise.randrange(10**6)) for _ in range(count)]
        return [
            Record(f"n{start + i}", (Message("user", w), Message("assistant", w[::-1]))) for i, w in enumerate(words)
        ]

    settings: dict[str, Any] = {"epochs": 200, "learning_rate": 2e-2, "evaluate_every": 4, "schedule": "constant"}
    job = tiny.job(tmp_path, tokenizer, "qwen2", nonsense(0, 4), nonsense(4, 8), **settings)
    trained = train(load_model(folder), tokenizer, job, Silent())
    losses = evaluations(trained)
    assert trained.steps < total_steps(job) == 200
    assert "above its best" in trained.stop_reason
    assert losses[-1][1] > 1.05 * trained.best_loss
    for count in range(1, len(losses)):  # at the first evaluation that is 5 % above the best before it, and not earlier
        assert losses[count][1] <= 1.05 * min(loss for _, loss in losses[:count]) or count == len(losses) - 1
    assert trained.best_step < trained.steps
    kept = loss_of(load_trained(folder, job.output, "float32"), job.validation)
    assert abs(kept - trained.best_loss) < abs(kept - losses[-1][1])


def test_four_bit_weights_are_trained_on(tokenizer: Any, tmp_path: Path) -> None:
    """bitsandbytes computes on a CPU too, slowly; what we refuse there for good reason still runs as a test."""
    pytest.importorskip("bitsandbytes")
    base = tiny.make(tmp_path / "base", "qwen3", intermediate_size=128)
    settings: dict[str, Any] = {"method": "qlora", "max_steps": 20, "learning_rate": 1e-2, "evaluate_every": 5}
    job = tiny.job(tmp_path, load_tokenizer(base), "qwen3", tiny.records(16), epochs=10, **settings)
    model = load_4bit(base)
    kinds = {type(module).__name__ for name, module in model.named_modules() if name.endswith("_proj")}
    assert kinds == {"Linear4bit"}
    trained = train(model, load_tokenizer(base), job, Silent())
    assert trained.best_loss < 0.6 * trained.first_loss
    merged = loss_of(load_trained(base, job.output, "float32"), job.validation)
    assert merged == pytest.approx(trained.best_loss, abs=0.5)  # on the weights before they were quantised
    assert merged < 0.6 * loss_of(load_model(base, "float32"), job.validation)


def test_a_process_that_is_alone_takes_one_gpu(tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else `nn.DataParallel` takes all that it sees, and TRL refuses that."""
    import trl

    class TwoSeen(trl.SFTConfig):  # type: ignore[misc]
        def __post_init__(self) -> None:
            super().__post_init__()
            self._n_gpu = 2

    monkeypatch.setattr(trl, "SFTConfig", TwoSeen)
    job = tiny.job(tmp_path, tokenizer, "qwen2", tiny.records(8))
    assert TwoSeen(output_dir=str(tmp_path), bf16=False, use_cpu=True).n_gpu == 2
    assert sft._arguments(job, Ranks()).n_gpu == 1


def test_four_bits_need_a_gpu() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(
        ResourceError, match=r"^train.method: qlora needs a CUDA GPU, torch sees none. Set train.method"
    ):
        check_qlora()


def test_full_fine_tuning_writes_a_whole_model(folder: Path, tokenizer: Any, tmp_path: Path) -> None:
    job = tiny.job(tmp_path, tokenizer, "qwen2", tiny.records(8), method="full", max_steps=2, learning_rate=1e-3)
    trained = train(load_model(folder), tokenizer, job, Silent())
    assert trained.trainable == trained.parameters
    assert not (job.output / "adapter").exists()
    before, after = load_model(folder, "float32"), load_trained(folder, job.output, "float32")
    changed = [not a.equal(b) for a, b in zip(before.parameters(), after.parameters(), strict=True)]
    assert sum(changed) > 0.8 * len(changed)


class Killed(Exception):
    """Stands for SIGKILL right after a checkpoint was finished."""


def kill_after(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = callbacks.MarkCheckpoint.on_save

    def on_save(self: Any, args: Any, state: Any, control: Any, **rest: object) -> None:
        mark(self, args, state, control, **rest)
        if state.global_step == step:
            raise Killed

    monkeypatch.setattr(callbacks.MarkCheckpoint, "on_save", on_save)


# Mid-epoch in the first and a later epoch, between two epochs, and after the last step: 18 records make 5 steps.
@pytest.mark.parametrize("step", [2, 8, 10, 13])
def test_what_was_killed_ends_as_if_it_never_was(
    step: int, folder: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    lora = {"dropout": 0.1, "rank": 4}
    settings: dict[str, Any] = {"epochs": 3, "max_steps": 13, "evaluate_every": 2, "schedule": "constant", "lora": lora}
    whole, broken = (
        tiny.job(tmp_path / name, tokenizer, "qwen2", tiny.records(18), **settings) for name in ("whole", "broken")
    )
    unbroken = train(load_model(folder), tokenizer, whole, Silent())
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(step, patch)
        train(load_model(folder), tokenizer, broken, Silent())
    torch.manual_seed(99)  # a new process is in any state
    progress = Silent()
    resumed = train(load_model(folder), tokenizer, broken, progress)
    assert progress.lines == [f"          taking up training at step {step} of 13"]
    assert equal(adapter(whole), adapter(broken))
    assert evaluations(resumed) == evaluations(unbroken)
    assert (resumed.steps, resumed.best_step) == (13, unbroken.best_step)


def test_what_the_guard_ended_is_not_gone_on_with(
    folder: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"max_steps": 60, "evaluate_every": 2, "learning_rate": 0.3, "schedule": "constant"}
    job = tiny.job(tmp_path, tokenizer, "qwen2", tiny.records(18), overfit_tolerance=0.0, **settings)
    ended = train(load_model(folder), tokenizer, job, Silent())
    assert ended.steps < 60
    shutil.rmtree(job.output)  # killed before it could save
    again = train(load_model(folder), tokenizer, job, Silent())
    assert (again.steps, again.best_step, again.stop_reason) == (ended.steps, ended.best_step, ended.stop_reason)
    assert evaluations(again) == evaluations(ended)


SCRIPT = """
import os
import signal
import sys
import threading
import time
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.engines import tiny
from seekforge.core.progress import Silent
from seekforge.engines.transformers import load_model, load_tokenizer
from seekforge.train.sft import train
folder, work, step = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
tokenizer = load_tokenizer(folder)
job = tiny.job(work, tokenizer, "qwen2", tiny.records(18), epochs=4, evaluate_every=3)

def die():
    while not (job.scratch / f"checkpoint-{step}").exists():
        time.sleep(0.0005)
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=die, daemon=True).start()
train(load_model(folder), tokenizer, job, Silent())
"""


def test_kill_minus_nine_costs_nothing(folder: Path, tokenizer: Any, tmp_path: Path) -> None:
    def job_in(name: str) -> Job:
        return tiny.job(tmp_path / name, tokenizer, "qwen2", tiny.records(18), epochs=4, evaluate_every=3)

    whole, broken = job_in("whole"), job_in("broken")
    train(load_model(folder), tokenizer, whole, Silent())
    step = random.SystemRandom().randrange(3, 19, 3)
    # It kills itself: the folder appears before its files, so often a half checkpoint is left.
    command = [sys.executable, "-c", SCRIPT, str(folder), str(tmp_path / "broken"), str(step)]
    killed = subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not broken.output.exists()
    train(load_model(folder), tokenizer, broken, Silent())
    assert equal(adapter(whole), adapter(broken)), f"killed at checkpoint {step}"


def test_a_loss_that_is_no_number_is_one_line(folder: Path, tokenizer: Any, tmp_path: Path) -> None:
    import torch

    model = load_model(folder)
    with torch.no_grad():
        model.model.norm.weight[0] = float("nan")
    job = tiny.job(tmp_path, tokenizer, "qwen2", tiny.records(8), epochs=20, evaluate_every=2)
    with pytest.raises(SeekforgeError) as caught:
        train(model, tokenizer, job, Silent())
    assert str(caught.value) == (
        "training diverged before its first good checkpoint: the loss is not a number. "
        "Set train.learning_rate below 0.005"
    )
    # At the first loss, not after all twenty epochs.
    assert not [path for path in job.scratch.glob("checkpoint-*") if step_of(path) > 2]


def test_a_target_that_the_model_lacks_is_one_line(folder: Path, tokenizer: Any, tmp_path: Path) -> None:
    job = tiny.job(tmp_path, tokenizer, "qwen2", tiny.records(8), lora={"targets": ["q_proj", "query"]})
    with pytest.raises(ConfigError) as caught:
        train(load_model(folder), tokenizer, job, Silent())
    assert str(caught.value) == (
        "train.lora.targets: the model has no layer 'query'. "
        "It has: down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj"
    )
    assert not job.output.exists()


def test_targets(folder: Path) -> None:
    tied = load_model(folder)
    family = FAMILIES["qwen2"]
    assert lora_targets(tied, family, None) == sorted(family.lora_targets)
    assert lora_targets(tied, family, ["v_proj"]) == ["v_proj"]
    with pytest.raises(
        ConfigError, match="lm_head"
    ):  # its adapter cannot be merged: the embedding has the same weights
        lora_targets(tied, family, ["lm_head"])


def test_steps_are_rounded_up_and_bounded(tokenizer: Any, tmp_path: Path) -> None:
    def steps(**settings: Any) -> int:
        return total_steps(tiny.job(tmp_path, tokenizer, "qwen2", tiny.records(18), **settings))

    assert steps(epochs=1) == 5
    assert steps(epochs=3, accumulate=2) == 9
    assert steps(epochs=0.1) == 1
    assert steps(epochs=3, max_steps=4) == 4
    assert steps(epochs=1, max_steps=400) == 5
