"""`seekforge serve` on the real engine: tiny models whose weights are random, through the whole door."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.engines import tiny
from tests.patience import wait_for
from tests.serve.endpoint.harness import Served, fails, serving

from seekforge.compress.gguf import export
from seekforge.core.config import environment
from seekforge.core.progress import Silent
from seekforge.engines.openvino import OpenVinoEngine
from seekforge.engines.protocol import Sampling

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)
ASK = "case 7: red"
SYSTEM = "You sort cases by their colour, briefly."
R1 = tiny.TEMPLATE.replace("<|im_start|>assistant\n", "<|im_start|>assistant\n<think>\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny.make(tmp_path_factory.mktemp("tiny") / "model", "qwen2")
    export(folder, folder.parent / "tiny.gguf", "Q8_0", Silent())
    return folder


@pytest.fixture(scope="module")
def served(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    work = tmp_path_factory.mktemp("served")
    (work / "warm.jsonl").write_text(json.dumps(SYSTEM))
    machine = {"device": "cpu", "batch_size": 3, "precision": "int8", "engine_path": str(folder.parent / "tiny.gguf")}
    (work / "tiny.json").write_text(json.dumps(machine))
    worker = {"warm": "warm.jsonl", "prefix_caching": False}
    with serving(work, "tiny.json", "--name", "tiny", settings={"worker": worker}) as served:
        yield served


def expected(folder: Path, count: int) -> str:
    engine = OpenVinoEngine(folder.parent / "tiny.gguf", cache=environment().cache)  # as the worker does
    prompt = engine.encode(engine.render([{"role": "user", "content": ASK}]))
    (answer,) = engine.generate([prompt], Sampling(max_new_tokens=count))
    engine.close()
    return answer.text


def test_the_guides_file_as_it_stands_gives_the_engines_own_answer(served: Served, folder: Path) -> None:
    text = expected(folder, 12)
    whole = served.chat(ASK, temperature=0, max_tokens=12).json()
    assert (whole["choices"][0]["message"]["content"], whole["model"]) == (text, "tiny")
    assert served.chat(ASK, temperature=0, max_tokens=12, stream=True).text() == text
    (command,) = [served.worker.cmdline()]
    assert command[command.index("--max-running") + 1] == "3"
    assert command[command.index("--warm") + 1].endswith("warm.jsonl")
    assert "--no-prefix-caching" in command


def test_a_killed_engine_comes_back_with_the_same_answers(served: Served) -> None:
    def answer() -> Any:
        found = served.chat(ASK, temperature=0, max_tokens=12)
        return found.json()["choices"][0]["message"]["content"] if found.status == 200 else None

    before, pid = answer(), served.worker.pid
    served.worker.kill()
    wait_for(lambda: answer() == before, 600)
    assert served.worker.pid != pid


def test_r1_models_think_from_the_first_token(folder: Path, tmp_path: Path) -> None:
    """The template writes `<think>`: all that comes before `</think>` is a thought, also when nothing comes after."""
    model = tmp_path / "r1"
    tiny.make(model, "qwen2")
    tiny.save_tokenizer(model, tiny.KINDS["qwen2"][2], R1)
    with serving(tmp_path, "r1") as served:
        message = served.chat(ASK, temperature=0, max_tokens=8).json()["choices"][0]["message"]
        assert message["reasoning_content"]
        assert message["content"] == ""
        stream = served.chat(ASK, temperature=0, max_tokens=8, stream=True)
        assert (stream.text("reasoning_content"), stream.text()) == (message["reasoning_content"], "")
        assert stream.events[0]["model"] == "r1", "of a path clients see the end only"


def test_a_single_machine_file_that_cannot_be_served_says_why(folder: Path, tmp_path: Path) -> None:
    file = str(folder.parent / "tiny.gguf")
    for changes, says in (
        ({"precision": "fp16"}, "precision: F16 was asked for and the file is Q8_0"),
        ({"device": "cuda:0"}, "vLLM does not make Q8_0 of a folder"),
        ({"batch": 3}, "unknown key 'batch'; did you mean 'batch_size'?"),
        ({"engine_path": str(folder), "precision": "fp32"}, "not served as fp32"),
    ):
        machine = {"device": "cpu", "batch_size": 3, "precision": "int8", "engine_path": file, **changes}
        (tmp_path / "x.json").write_text(json.dumps(machine))
        for arguments in (("x.json",), ("--config", "x.json")):
            code, error = fails(tmp_path, *arguments)
            assert (code, says in error) == (2, True), error


def test_the_demo_model_is_ready_in_time(tmp_path: Path) -> None:
    """Within 6 s, guard on. Where the machine is slow or has other work, the clock says nothing; our own work does."""
    for name in ("echo", "demo"):
        (tmp_path / name).mkdir()
    with serving(tmp_path / "demo", "demo") as served:
        work, ready_after = work_of(served), served.ready_after
        assert served.chat("What is the capital of France?", temperature=0, max_tokens=12).status == 200
    if ready_after >= 6:
        with serving(tmp_path / "echo", "demo", "--engine", "fake") as echo:  # all but the engine
            assert work < 12 * work_of(echo), (ready_after, work)


def work_of(served: Served) -> float:
    """Seconds of the processor that the endpoint has taken so far."""
    family = [psutil.Process(served.process.pid), served.worker]
    return float(sum(sum(process.cpu_times()[:2]) for process in family))
