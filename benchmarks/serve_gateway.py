"""What the gateway costs: requests/s, added latency and memory, beside LiteLLM's proxy on the same machine.

    python -m benchmarks.serve_gateway --requests 200000 --json gateway.json

An instant upstream (raw ASGI under granian, a process of its own) answers every chat with the same bytes. One load
generator (another process, one socket a client, HTTP/1.1 kept alive) asks it directly, then through one process of the
gateway, then through one of LiteLLM's proxy; one after the other, so that each has the machine for itself. LiteLLM is
installed once, into a virtual environment in the cache folder.

Two loads: one request at a time, for the latency that is added; 16 at a time, for the requests/s. Memory is the
resident set of the process and its children: after the warm-up, and after all requests. `CPU ms` is the processor time
of the same processes a request, which depends least on what else runs. `others` is the share of the
machine that other processes used while 16 were asked at a time: figures with much of it, or with unequal amounts, are
no comparison, and the script says so.

Predicted before the first run, on two cores: about 2,850 requests/s, from a guess of 350 microseconds of Python a
request on one of them. Nothing was predicted for latency and memory. docs/gateway.md has the outcome.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from benchmarks.processes import server

from seekforge.core.config import environment
from seekforge.core.errors import SeekforgeError
from seekforge.serve.bench import percentile
from seekforge.serve.busy import CpuTimes, others_share
from seekforge.serve.process import free_port

LITELLM = "litellm[proxy]==1.106.*"
PATH = "/v1/chat/completions"
MODEL = "instant"
AT_ONCE = 16
WARM_UP = 500
ONE_AT_A_TIME = 2000
QUIET = 0.05
_ROLE = (sys.executable, "-m", "benchmarks.serve_gateway", "--role")
# As its pages say for production: no debug log, no .env file.
_LITELLM_ENVIRONMENT = {"LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION"}
REQUEST = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "What is the capital of France? Answer in one word."},
    ],
    "temperature": 0,
    "max_tokens": 16,
}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": MODEL,
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop", "logprobs": None}
    ],
    "usage": {"prompt_tokens": 30, "completion_tokens": 3, "total_tokens": 33},
}


@dataclass(frozen=True)
class Row:
    """One server under both loads. Milliseconds, MiB.

    `cpu_ms` is its processor time a request, `others` the share of the machine that others used.
    """

    server: str
    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_ms: float
    p50_alone_ms: float
    p99_alone_ms: float
    rss_start_mib: float
    rss_end_mib: float
    others: float


# --- the instant upstream ---------------------------------------------------------------------------------------------


def upstream(port: int) -> None:
    """Answers every POST at once, and `GET /readyz`."""
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server

    body = json.dumps(ANSWER).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def app(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        if scope["method"] == "POST":
            while (await receive()).get("more_body"):
                pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    import uvloop

    server = Server(
        app, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, log_level=LogLevels.error, backlog=1024
    )
    uvloop.run(server.serve())


# --- the load generator -----------------------------------------------------------------------------------------------


class Client(asyncio.Protocol):
    """One connection: the next request follows the last answer."""

    def __init__(self, request: bytes, left: Iterator[int], times: list[float], errors: list[str]) -> None:
        self._request, self._left, self._times, self._errors = request, left, times, errors
        self._buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the first request."""
        self._transport: Any = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Takes an answer and sends the next request."""
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        name = b"content-length: "
        at = head.lower().find(name)
        announced = int(head[at + len(name) :].split(b"\r\n", 1)[0]) if at >= 0 else None
        if len(body) < announced if announced is not None else not body.endswith(b"0\r\n\r\n"):
            return
        self._times.append(time.perf_counter() - self._started)
        if not head.startswith(b"HTTP/1.1 200") or b"Paris" not in body:
            self._errors.append(self._buffer[:300].decode("utf-8", "replace"))
        self._buffer = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """A connection that the server closes is an error."""
        if not self.done.done():
            self._errors.append(f"the connection was closed ({error})")
            self.done.set_result(None)

    def _next(self) -> None:
        if next(self._left, None) is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._started = time.perf_counter()
        self._transport.write(self._request)


async def _load(port: int, requests: int, at_once: int) -> dict[str, Any]:
    body = json.dumps(REQUEST).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer sk-none\r\nContent-Length: {len(body)}\r\n\r\n"
    times: list[float] = []
    errors: list[str] = []
    left, loop = iter(range(requests)), asyncio.get_running_loop()
    started = time.perf_counter()

    async def one() -> None:
        _, client = await loop.create_connection(
            lambda: Client(head.encode() + body, left, times, errors), "127.0.0.1", port
        )
        await client.done

    await asyncio.gather(*(one() for _ in range(at_once)))
    seconds = time.perf_counter() - started
    return {
        "requests_per_second": len(times) / seconds,
        "p50_ms": percentile(times, 50) * 1000,
        "p99_ms": percentile(times, 99) * 1000,
        "errors": len(errors),
        "first_error": errors[0] if errors else None,
    }


def load(port: int, requests: int, at_once: int) -> None:
    """Prints the figures as JSON."""
    import uvloop

    print(json.dumps(uvloop.run(_load(port, requests, at_once))))


# --- the comparison ---------------------------------------------------------------------------------------------------


def _run_load(port: int, requests: int, at_once: int) -> dict[str, Any]:
    command = [*_ROLE, "load", "--port", str(port)]
    command += ["--requests", str(requests), "--at-once", str(at_once)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _rss(process: psutil.Process) -> float:
    return sum(p.memory_info().rss for p in (process, *process.children(recursive=True))) / (1 << 20)


def _work(process: psutil.Process) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in (process, *process.children(recursive=True)))


def _cpu(processes: Sequence[psutil.Process]) -> CpuTimes:
    """Work of the whole machine, and of the servers and the load generators that have ended."""
    machine, ended = psutil.cpu_times(), resource.getrusage(resource.RUSAGE_CHILDREN)
    own = sum(sum(process.cpu_times()[:2]) for process in processes) + ended.ru_utime + ended.ru_stime
    return CpuTimes(time.monotonic(), sum(machine[:8]) - machine.idle - machine.iowait, own)


def measure(name: str, port: int, processes: Sequence[psutil.Process], requests: int, warm_up: int, alone: int) -> Row:
    """One server, the last of the processes, under both loads."""
    process = processes[-1]
    _run_load(port, warm_up, AT_ONCE)
    start = _rss(process)
    one = _run_load(port, alone, 1)
    before, work = _cpu(processes), _work(process)
    many = _run_load(port, requests, AT_ONCE)
    work = _work(process) - work
    others = others_share(before, _cpu(processes), psutil.cpu_count() or 1)
    if many["first_error"] or one["first_error"]:
        print(f"{name}: {many['first_error'] or one['first_error']}", file=sys.stderr)
    return Row(
        name,
        requests,
        many["requests_per_second"],
        many["p50_ms"],
        many["p99_ms"],
        many["errors"] + one["errors"],
        work / requests * 1000,
        one["p50_ms"],
        one["p99_ms"],
        start,
        _rss(process),
        others,
    )


def litellm() -> Path:
    """The command of LiteLLM's proxy, installed into the cache folder on first use.

    Raises:
        SeekforgeError: It cannot be installed here.
    """
    folder = environment().cache / "benchmarks" / "litellm"
    command = folder / "bin" / "litellm"
    if not (folder / ".ready").exists():
        print(f"installing {LITELLM} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        done = subprocess.run(
            [folder / "bin" / "python", "-m", "pip", "install", "-q", LITELLM],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SeekforgeError(f"LiteLLM cannot be installed: {done.stderr.strip()[-300:]}", where=str(folder))
        (folder / ".ready").touch()
    return command


def compare(requests: int, litellm_requests: int) -> list[Row]:
    """All servers, one after the other; LiteLLM is left out, and that is said, where it cannot be had."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="seekforge-") as temporary:
        folder, port = Path(temporary), free_port()
        url = f"http://127.0.0.1:{port}"
        command = [*_ROLE, "upstream", "--port", str(port)]
        with server(command, f"{url}/readyz", folder / "upstream.log", 30) as process:
            rows.append(measure("direct", port, [process], min(requests, 20_000), WARM_UP, ONE_AT_A_TIME))
            rows.append(_gateway(folder, url, process, requests))
            if litellm_requests:
                try:
                    rows.append(_litellm(folder, url, process, litellm_requests))
                except SeekforgeError as error:
                    print(f"no comparison with LiteLLM: {error}", file=sys.stderr)
    return rows


def _gateway(folder: Path, upstream_url: str, behind: psutil.Process, requests: int) -> Row:
    port = free_port()
    config = folder / "gateway.yaml"
    config.write_text(
        json.dumps(
            {
                "folder": str(folder),
                "guard": {"enabled": False},  # as LiteLLM beside it
                "gateway": {"upstreams": [{"name": "instant", "url": upstream_url}]},
            }
        )
    )
    command = [sys.executable, "-m", "seekforge.cli.app", "serve", "--config", str(config), "--port", str(port)]
    with server(command, f"http://127.0.0.1:{port}/healthz", folder / "gateway.log", 30) as process:
        return measure("seekforge gateway", port, [behind, process], requests, 4 * WARM_UP, ONE_AT_A_TIME)


def _litellm(folder: Path, upstream_url: str, behind: psutil.Process, requests: int) -> Row:
    port = free_port()
    config = folder / "litellm.yaml"
    model = {"model": f"openai/{MODEL}", "api_base": f"{upstream_url}/v1", "api_key": "sk-none"}
    # Without keys, as the gateway beside it: a key would be one more thing for LiteLLM to look up.
    settings = {"dangerously_permit_weak_or_unset_master_key": True}
    models = [{"model_name": MODEL, "litellm_params": model}]
    config.write_text(json.dumps({"model_list": models, "general_settings": settings}))
    command = [
        str(litellm()),
        "--config",
        str(config),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--num_workers",
        "1",
    ]
    with server(
        command, f"http://127.0.0.1:{port}/health/liveliness", folder / "litellm.log", 120, _LITELLM_ENVIRONMENT
    ) as process:
        return measure("LiteLLM proxy", port, [behind, process], requests, WARM_UP, min(200, requests))


def table(rows: Sequence[Row]) -> str:
    """For people."""
    direct = rows[0].p50_alone_ms
    lines = [
        "| server | requests/s | p50, p99 ms (16 at once) | p50 added ms (alone) | CPU ms | errors | RSS MiB | others |"
    ]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        lines.append(
            f"| {row.server} | {row.requests_per_second:.0f} | {row.p50_ms:.2f}, {row.p99_ms:.2f} "
            f"| {row.p50_alone_ms - direct:.2f} | {row.cpu_ms:.2f} | {row.errors} "
            f"| {row.rss_start_mib:.0f}, {row.rss_end_mib:.0f} ({row.requests} requests) | {row.others:.0%} |"
        )
    by_name = {row.server: row for row in rows}
    if "LiteLLM proxy" in by_name:
        ratio = by_name["seekforge gateway"].requests_per_second / by_name["LiteLLM proxy"].requests_per_second
        lines.append(f"\nThe gateway does {ratio:.1f} times LiteLLM's requests/s.")
    most = max(row.others for row in rows)
    if most > QUIET:
        lines.append(f"Others used up to {most:.0%} of the machine meanwhile: repeat this on a quiet one.")
    return "\n".join(lines)


def main() -> int:
    """Runs a role, or the whole comparison."""
    parser = argparse.ArgumentParser(description="Measure the gateway beside LiteLLM's proxy.")
    parser.add_argument("--role", choices=["all", "upstream", "load"], default="all")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    parser.add_argument(
        "--requests", type=int, default=20_000, help="through the gateway; 200000 for the memory figure"
    )
    parser.add_argument("--litellm-requests", type=int, default=1000, help="0 leaves LiteLLM out")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    if options.role == "upstream":
        upstream(options.port)
    elif options.role == "load":
        load(options.port, options.requests, options.at_once)
    else:
        rows = compare(options.requests, options.litellm_requests)
        print(table(rows))
        if options.json is not None:
            options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
