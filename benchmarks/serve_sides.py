"""The sides of `serve_llama.py`: each starts its processes, takes prompts, and says what they cost."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import server
from benchmarks.serve_prompts import Batch

from seekforge.core.errors import SeekforgeError
from seekforge.serve.process import free_port

MODEL = "smollm2"
_READY_SECONDS = 120
_WORKER = "seekforge.serve.worker"


class Child:
    """A process that answers a JSON line with a JSON line.

    Args:
        module: What `python -m` runs.
        arguments: Its arguments.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Sends an order and waits for what came of it.

        Raises:
            SeekforgeError: It took too long, or the process has ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SeekforgeError("a process of the benchmark has ended; what it wrote stands above")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SeekforgeError(answer["error"], mend="Repeat it on a quiet machine")
        return answer

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True, slots=True)
class Http:
    """A side that answers over HTTP.

    Attributes:
        name: For the table.
        port: Where it listens.
        pids: Its processes, by what they do.
        load: The load generator, the same for all.
        key: What clients authorise themselves with.
    """

    name: str
    port: int
    pids: dict[str, int]
    load: Child
    key: str | None = None

    def run(self, batch: Batch) -> dict[str, Any]:
        """Sends the batch; `seconds` and `answers`."""
        bodies = [
            {
                "model": MODEL,
                "messages": [{"role": "user", "content": prompt.text}],
                "temperature": 0,
                "max_tokens": batch.tokens,
                "ignore_eos": True,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            for prompt in batch.prompts
        ]
        return self.load.ask({"port": self.port, "key": self.key, "bodies": bodies, "at_once": batch.at_once})


@dataclass(frozen=True, slots=True)
class Bare:
    """Our engine without HTTP: token ids in, token ids out, in a process of its own."""

    name: str
    child: Child

    @property
    def pids(self) -> dict[str, int]:
        """Its process."""
        return {"engine": self.child.pid}

    def run(self, batch: Batch) -> dict[str, Any]:
        """Runs the batch; `seconds`, and `answers` without times."""
        prompts = [prompt.token_ids for prompt in batch.prompts]
        return self.child.ask({"prompts": prompts, "at_once": batch.at_once, "tokens": batch.tokens})


Side = Http | Bare


@contextlib.contextmanager
def llama_server(binary: Path, model: Path, options: Sequence[str], load: Child, log: Path) -> Iterator[Http]:
    """llama.cpp's server on the model's file."""
    port = free_port()
    command = [str(binary), "-m", str(model), "--host", "127.0.0.1", "--port", str(port), *options]
    with server(command, f"http://127.0.0.1:{port}/health", log, _READY_SECONDS) as process:
        yield Http("llama-server", port, {"engine": process.pid}, load)


@contextlib.contextmanager
def ours(model: Path, load: Child, folder: Path) -> Iterator[tuple[Http, Http]]:
    """`seekforge serve` as it comes, with keys; and the worker behind its gateway alone."""
    from seekforge.core.config import KeyEntry, validate
    from seekforge.serve.gateway import keyfile

    keys, config, port = folder / "keys.jsonl", folder / "endpoint.yaml", free_port()
    entry = {"id": "benchmark", "requests_per_minute": 1_000_000, "tokens_per_minute": 1_000_000_000}
    key = keyfile.add(keys, lambda fresh: validate(KeyEntry, {**entry, "created": _now(), "hash": fresh}, "benchmark"))
    config.write_text(json.dumps({"model": str(model), "name": MODEL, "keys": str(keys), "folder": str(folder)}))
    command = [sys.executable, "-m", "seekforge.cli.app", "serve", "--config", str(config), "--port", str(port)]
    with server(command, f"http://127.0.0.1:{port}/readyz", folder / "serve.log", _READY_SECONDS) as process:
        worker = next(child for child in process.children() if _WORKER in child.cmdline())
        line = worker.cmdline()
        alone = Http("worker alone", int(line[line.index("--port") + 1]), {"engine": worker.pid}, load)
        yield Http("seekforge", port, {"gateway": process.pid, "engine": worker.pid}, load, key), alone


@contextlib.contextmanager
def bare(model: Path) -> Iterator[Bare]:
    """Our engine without HTTP."""
    with Child("benchmarks.serve_sides", str(model)) as child:
        yield Bare("bare engine", child)


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="seconds")


def engine(model: Path) -> None:
    """The bare engine, as a process: one for each number at once, loaded when it is first asked for."""
    from seekforge.core.config import environment
    from seekforge.engines.openvino import OpenVinoEngine
    from seekforge.engines.protocol import Sampling

    engines: dict[int, OpenVinoEngine] = {}
    for line in sys.stdin:
        order = json.loads(line)
        at_once, tokens = order["at_once"], order["tokens"]
        if at_once not in engines:
            # It runs so many of what it is given and no more, as so many clients would ask.
            engines[at_once] = OpenVinoEngine(model, max_running=at_once, cache=environment().cache)
        started = time.perf_counter()
        done = engines[at_once].generate(order["prompts"], Sampling(max_new_tokens=tokens, ignore_eos=True))
        seconds = time.perf_counter() - started
        answers = [{"tokens": len(one.token_ids), "prompt_tokens": one.prompt_tokens} for one in done]
        print(json.dumps({"seconds": seconds, "answers": answers}), flush=True)
    for loaded in engines.values():
        loaded.close()


if __name__ == "__main__":
    engine(Path(sys.argv[1]))
