"""The worker as a real process: started, killed, left behind, in the way."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.patience import patiently, wait_for
from tests.serve.exposition import at_work
from tests.serve.processes import check_until_it_has_ended, gone

from seekforge.core.errors import EngineError, InputError, ResourceError
from seekforge.serve.process import Worker, WorkerSpec, check_port

USER = [{"role": "user", "content": "What is the capital of France?"}]


def spec(tmp_path: Path, **changes: Any) -> WorkerSpec:
    return WorkerSpec(**{"model": "fake", "name": "demo", "log": tmp_path / "log", "ready_seconds": 300, **changes})


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as response:
        return json.loads(response.read())


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    with Worker(spec(tmp_path)) as worker:
        yield worker


def test_nothing_is_left_when_the_body_raises(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Worker(spec(tmp_path)) as worker:
        pid = worker.pid
        assert worker.start_seconds > 0
        assert post(f"{worker.url}/v1/chat", {"messages": USER})["content"] == USER[0]["content"]
        raise ZeroDivisionError
    assert pid is not None
    assert gone(pid)
    check_port("127.0.0.1", int(worker.url.rpartition(":")[2]))


def test_a_worker_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    worker = Worker(spec(tmp_path, stop_seconds=0.2))
    with worker:
        pid = worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    assert gone(pid)


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(ResourceError, match=f"port {port} is taken.*--port") as caught,
            Worker(spec(tmp_path, port=port)),
        ):
            pass
    assert "\n" not in str(caught.value)


def test_two_workers_do_not_share_a_port(worker: Worker, tmp_path: Path) -> None:
    """The server binds with SO_REUSEPORT, so without our own look both would start."""
    with pytest.raises(ResourceError, match="taken"), Worker(spec(tmp_path, port=int(worker.url.rpartition(":")[2]))):
        pass


def test_a_worker_that_cannot_start_shows_why(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"^/none.gguf: no such GGUF file") as caught,
        Worker(spec(tmp_path, model="/none.gguf")),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_the_deadline_holds_and_leaves_nothing(tmp_path: Path) -> None:
    def workers() -> set[int]:
        children = psutil.Process().children(recursive=True)
        return {child.pid for child in children if "seekforge.serve.worker" in child.cmdline()}

    before = workers()
    worker = Worker(spec(tmp_path, ready_seconds=0.0))
    with pytest.raises(EngineError, match="not ready within"), worker:
        pass
    assert worker.pid is None
    assert workers() <= before


def test_the_end_of_a_worker_is_noticed(worker: Worker) -> None:
    worker.check()
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    assert gone(worker.pid)
    with pytest.raises(EngineError, match="status -9"):
        check_until_it_has_ended(worker)


def test_the_worker_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from seekforge.serve.process import Worker, WorkerSpec\n"
        f"with Worker(WorkerSpec('fake', 'demo', Path({str(tmp_path / 'log')!r}))) as worker:\n"
        "    sys.stdout.write(f'{worker.pid}\\n'); sys.stdout.flush(); time.sleep(3600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(pid)


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_frees_the_engine_within_a_second(demo_gguf_q8: Path, tmp_path: Path, stream: bool) -> None:
    """The real engine behind the real server: the one test that sees all of it at once."""
    with Worker(spec(tmp_path, model=str(demo_gguf_q8), ready_seconds=600)) as worker:
        answer = post(f"{worker.url}/v1/chat/completions", {"messages": USER, "temperature": 0, "max_tokens": 16})
        assert "Paris" in answer["choices"][0]["message"]["content"]
        body = json.dumps({"messages": USER, "stream": stream, "max_tokens": 4000, "ignore_eos": True}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()

        def leaves(soon: float) -> None:
            wait_for(lambda: at_work(worker) == 0)
            with socket.create_connection(("127.0.0.1", int(worker.url.rpartition(":")[2]))) as client:
                client.sendall(head + body)
                wait_for(lambda: at_work(worker) == 1)
            assert wait_for(lambda: at_work(worker) == 0) < soon

        patiently(leaves, 1, 1, 3, 10)
