"""vLLM's processes, by a stand-in for its Python: nothing of it is left, and it is ready when it decodes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.patience import LONG, patiently
from tests.serve.endpoint.harness import serving
from tests.serve.processes import gone

from seekforge.core.config import VllmConfig, WorkerConfig, environment
from seekforge.core.config.environment import child_environment
from seekforge.core.errors import ConfigError, EngineError, ResourceError
from seekforge.core.files import write_json
from seekforge.engines.releases import release
from seekforge.serve.children import Order, child_of
from seekforge.serve.vllm import VllmSpec, VllmWorker, installed_in

STANDIN = Path(__file__).with_name("standin_vllm.py")


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A virtual environment whose Python is the stand-in."""
    folder = tmp_path / "venv"
    (folder / "bin").mkdir(parents=True)
    script = folder / "bin" / "python"
    script.write_text(f"#!{sys.executable}\n{STANDIN.read_text(encoding='utf-8')}", encoding="utf-8")
    script.chmod(0o755)
    return folder


def spec(venv: Path, decodes_after: float = 0.0, options: tuple[str, ...] = (), **changes: Any) -> VllmSpec:
    record = ("--record", str(venv / "record"), "--decodes-after", str(decodes_after))
    config = changes.pop("config", VllmConfig()).model_copy(update={"options": (*record, *options)})
    given = {"model": "owner/model", "name": "demo", "log": venv / "log", "environment": venv, "ready_seconds": 300}
    return VllmSpec(**{**given, "config": config, **changes})


def record(venv: Path) -> tuple[list[str], int, dict[str, str], list[str]]:
    """The arguments, the engine process's id, the environment, and the requests that came."""
    arguments, engine, variables, *requests = (venv / "record").read_text(encoding="utf-8").splitlines()
    return json.loads(arguments), int(engine), json.loads(variables), requests


def group(leader: int) -> list[int]:
    """Who of a process group is alive."""
    alive = []
    for process in psutil.process_iter(["pid", "status"]):
        try:
            if os.getpgid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                alive.append(process.pid)
        except ProcessLookupError:
            continue
    return alive


def empty(leader: int, seconds: float = LONG) -> bool:
    until = time.monotonic() + seconds
    while alive := group(leader):
        if time.monotonic() > until:
            return False
        time.sleep(0.02 * len(alive))
    return True


def test_it_is_ready_after_a_decode_and_leaves_nothing(venv: Path) -> None:
    with VllmWorker(spec(venv, decodes_after=-2)) as worker:
        _, engine, _, requests = record(venv)
        assert len(requests) >= 3, "twice it had no token"
        path, _, body = requests[-1].partition(" ")
        assert path == "/v1/completions"
        assert json.loads(body).items() >= {"model": "demo", "max_tokens": 1}.items()
        leader = worker.pid
        assert leader is not None
        assert set(group(leader)) >= {leader, engine}
        worker.check()
    assert worker.pid is None
    assert empty(leader)


def test_health_is_not_readiness(venv: Path) -> None:
    def waits(seconds: float) -> None:
        with pytest.raises(EngineError) as caught, VllmWorker(spec(venv, decodes_after=600, ready_seconds=seconds)):
            pass
        assert f"vLLM was not ready within {seconds:g} s (a decode of one token said 503)" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert gone(record(venv)[1])

    patiently(waits, 2, 10, 60)


def test_the_engine_goes_when_its_server_is_killed(venv: Path) -> None:
    with VllmWorker(spec(venv)) as worker:
        leader = worker.pid
        assert leader is not None
        os.kill(leader, signal.SIGKILL)
        assert empty(leader), "the engine outlived the server"
        with pytest.raises(EngineError, match="vLLM ended with status -9"):
            worker.check()


def test_all_of_it_goes_when_we_are_killed(venv: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from tests.serve.test_vllm import spec; from seekforge.serve.vllm import VllmWorker\n"
        f"with VllmWorker(spec(Path({str(venv)!r}))) as worker:\n"
        "    sys.stdout.write(f'{worker.pid}\\n'); sys.stdout.flush(); time.sleep(3600)\n"
    )
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=root)
    assert parent.stdout is not None
    leader = int(parent.stdout.readline())
    assert record(venv)[1] in group(leader)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert empty(leader)


def test_a_crash_shows_its_cause_in_one_line(venv: Path) -> None:
    with (
        pytest.raises(EngineError, match=r"status 1: ValueError: no room for the KV cache.*initialization") as caught,
        VllmWorker(spec(venv, options=("--crash",))),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_a_command_that_is_missing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"status 127.*bin/python: No such file"), VllmWorker(spec(tmp_path)):
        pass


def test_options_and_environment(venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))
    monkeypatch.setenv("VLLM_NO_USAGE_STATS", "0")
    config = VllmConfig(
        dtype="bfloat16",
        quantization="fp8",
        max_model_len=2048,
        gpu_memory_utilization=0.5,
        max_num_seqs=16,
        tensor_parallel_size=2,
        kv_cache_gib=2,
    )
    with VllmWorker(spec(venv, config=config, model=str(tmp_path))):
        arguments, _, variables, _ = record(venv)
    told = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    assert arguments[:2] == ["-m", "vllm.entrypoints.openai.api_server"]
    assert (
        told.items()
        >= {
            "--model": str(tmp_path),
            "--served-model-name": "demo",
            "--dtype": "bfloat16",
            "--quantization": "fp8",
            "--max-model-len": "2048",
            "--gpu-memory-utilization": "0.5",
            "--max-num-seqs": "16",
            "--tensor-parallel-size": "2",
        }.items()
    )
    assert "PYTHONPATH" not in variables
    assert variables["VLLM_CPU_KVCACHE_SPACE"] == "2"
    assert variables["HF_HUB_OFFLINE"] == "1"
    assert variables["VLLM_NO_USAGE_STATS"] == "0"  # the user's word counts
    assert variables["PATH"].startswith(f"{venv / 'bin'}:")


def test_what_is_left_to_vllm_is_not_said(venv: Path) -> None:
    with VllmWorker(spec(venv)):
        arguments, _, variables, _ = record(venv)
    assert not {"--quantization", "--max-model-len", "--gpu-memory-utilization", "--max-num-seqs"} & set(arguments)
    assert not {"VLLM_CPU_KVCACHE_SPACE", "HF_HUB_OFFLINE"} & set(variables)


def test_without_an_installation_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEKFORGE_CACHE", str(tmp_path))
    with pytest.raises(ResourceError, match="seekforge engine install vllm"):
        installed_in(environment())


@pytest.fixture
def installed(venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in, installed for the CPU as `seekforge engine install` leaves it."""
    made = release("vllm", "cpu")
    folder = tmp_path / "cache" / "engines" / made.title
    folder.parent.mkdir(parents=True)
    venv.rename(folder)
    write_json(folder / "engine.json", {"version": made.version, "lock": made.identity, "packages": made.versions})
    monkeypatch.setenv("SEEKFORGE_CACHE", str(tmp_path / "cache"))
    return folder


def order(installed: Path, **changes: Any) -> Order:
    options = ("--record", str(installed / "record"), "--decodes-after", "0")
    config = WorkerConfig(max_running=7, vllm=VllmConfig(options=options), warm=changes.pop("warm", None))
    given = {"engine": "vllm", "model": "owner/model", "name": "demo", "log": installed / "log", "config": config}
    return Order(**{**given, **changes})


def test_an_order_becomes_a_running_vllm_that_is_warm(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "warm").write_text('"You are a risk analyst."\n', encoding="utf-8")
    with child_of(order(installed, precision="F16", warm=tmp_path / "warm")):
        arguments, _, _, requests = record(installed)
    told = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    assert told.items() >= {"--max-num-seqs": "7", "--dtype": "float16", "--model": "owner/model"}.items()
    path, _, body = requests[-1].partition(" ")
    assert path == "/v1/chat/completions"
    assert json.loads(body)["messages"][0] == {"role": "system", "content": "You are a risk analyst."}


def test_prefix_caching_can_be_switched_off(installed: Path) -> None:
    config = WorkerConfig(prefix_caching=False, vllm=order(installed).config.vllm)
    with child_of(order(installed, config=config)):
        arguments, _, _, _ = record(installed)
    assert "--no-enable-prefix-caching" in arguments


def test_what_vllm_cannot_do_is_said_before_anything_starts(installed: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not make Q8_0.*fp8"):
        child_of(order(installed, precision="Q8_0"))
    with pytest.raises(ResourceError, match=r"vllm for cuda is not installed"):
        child_of(order(installed, device=0))


def test_a_device_is_counted_among_those_that_we_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert child_environment(tmp_path, 1)["CUDA_VISIBLE_DEVICES"] == "1"
    assert "CUDA_VISIBLE_DEVICES" not in child_environment(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 6")
    assert child_environment(tmp_path, 1)["CUDA_VISIBLE_DEVICES"] == "6"
    assert child_environment(tmp_path)["CUDA_VISIBLE_DEVICES"] == "4, 6"


def test_the_command_serves_through_vllm(installed: Path, tmp_path: Path) -> None:
    options = ["--record", str(installed / "record"), "--decodes-after", "0"]
    settings = {"worker": {"vllm": {"options": options, "max_model_len": 512}}}
    (tmp_path / "work").mkdir()
    with serving(tmp_path / "work", "owner/model", "--engine", "vllm", settings=settings) as served:
        arguments, engine, _, _ = record(installed)
        assert arguments[arguments.index("--max-model-len") + 1] == "512"
        answer = served.chat()
        assert (answer.status, answer.json()["choices"][0]["message"]["content"]) == (200, "bonjour")
        assert served.client.send("GET", "/readyz").status == 200
        assert served.end() == 0
        assert gone(engine)
