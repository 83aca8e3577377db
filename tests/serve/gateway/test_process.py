"""The gateway as a process: it starts, ends as it should, and lets running requests finish."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.patience import LONG, wait_for
from tests.serve.gateway.harness import (
    STREAM_HEAD,
    USER,
    Client,
    Nasty,
    Request,
    Writer,
    chunked,
    delta,
    listens,
    nasty,
)

from seekforge.cli.endpoint import prepare
from seekforge.core.config import environment, load_endpoint
from seekforge.core.errors import ConfigError, SeekforgeError
from seekforge.core.progress import Silent
from seekforge.serve.gateway.compose import open_gateway
from seekforge.serve.process import check_port, free_port

BODY = json.dumps({"messages": USER, "stream": True}).encode()


class Slow:
    """Answers the first half at once and the second when it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    async def __call__(self, request: Request, writer: Writer) -> None:
        writer.write(STREAM_HEAD + chunked(5 * delta("x")))
        await writer.drain()
        while not self.go_on.is_set():
            await asyncio.sleep(0.01)
        writer.write(chunked(5 * delta("x") + delta(None, "stop") + b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()


async def for_ever(request: Request, writer: Writer) -> None:
    writer.write(STREAM_HEAD)
    while True:
        writer.write(chunked(delta("x")))
        await writer.drain()
        await asyncio.sleep(0.05)


def command(file: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "seekforge.cli.app", "serve", "--config", str(file), "--port", str(port)]


def start(tmp_path: Path, url: str, **fields: Any) -> tuple[subprocess.Popen[str], Client]:
    port = free_port()
    file = tmp_path / "gateway.yaml"
    gateway = {"upstreams": [{"name": "up", "url": url}], **fields}
    file.write_text(json.dumps({"folder": "out", "gateway": gateway}))
    process = subprocess.Popen(command(file, port), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == f"ready http://127.0.0.1:{port}\n"
    return process, Client(port)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        _, errors = process.communicate(timeout=LONG)
    finally:
        process.kill()
    return process.returncode, errors


@pytest.fixture
def slow() -> Iterator[tuple[Nasty, threading.Event]]:
    script = Slow()
    with nasty(script) as (up,):
        yield up, script.go_on


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_running_requests_finish_and_takes_no_more(
    tmp_path: Path, slow: tuple[Nasty, threading.Event], number: int
) -> None:
    up, go_on = slow
    log = tmp_path / "logs" / "access.jsonl"
    process, client = start(tmp_path, up.url, access_log="logs/access.jsonl", drain_seconds=LONG)
    connection = client.begin(BODY)
    wait_for(lambda: len(up.seen) == 1)
    os.kill(process.pid, number)
    wait_for(lambda: not listens(client.port))
    go_on.set()
    answer = b""
    while data := connection.recv(65536):
        answer += data
    connection.close()
    assert b"".join(re.findall(rb'"content":"(x+)"', answer)) == 10 * b"x"
    assert b"data: [DONE]" in answer
    assert end(process) == (0, "stopped\n")
    assert json.loads(log.read_text())["outcome"] == "ok", "the log is whole"
    check_port("127.0.0.1", client.port)


def test_the_wait_for_running_requests_has_an_end(tmp_path: Path) -> None:
    with nasty(for_ever) as (up,):
        process, client = start(tmp_path, up.url, drain_seconds=0.5)
        connection = client.begin(BODY)
        wait_for(lambda: len(up.seen) == 1)
        started = time.monotonic()
        process.terminate()
        code, _ = end(process)
        assert code == 0
        assert time.monotonic() - started < 25, "the default is 30 s"
        wait_for(lambda: up.left == 1)
        connection.close()


def test_requests_of_kept_connections_are_told_to_go_elsewhere(
    tmp_path: Path, slow: tuple[Nasty, threading.Event]
) -> None:
    up, _ = slow
    process, client = start(tmp_path, up.url)
    idle = client.connect()
    running = client.begin(BODY)
    wait_for(lambda: len(up.seen) == 1)
    process.terminate()
    wait_for(lambda: not listens(client.port))
    try:
        idle.sendall(b"POST /v1/chat HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
        found = idle.recv(4096)
    except ConnectionError:
        found = b""
    assert found == b"" or b"503" in found
    running.close()
    idle.close()
    assert end(process)[0] == 0


def test_what_cannot_start_says_so_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        file.write_text("gateway: {upstreams: [{name: a, url: 'http://x'}]}")
        done = subprocess.run(command(file, port), capture_output=True, text=True, check=False, timeout=LONG)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"port {port} is taken" in done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("upstreams: []", "serve: there is nothing to serve.*MODEL"),
        ("upstreams: [{name: a, url: 'ftp://x'}]", r"yaml:2: gateway.upstreams.0.url: .*no http:// or"),
        ("upstreams: [{name: a, url: 'http://x', key: b}]", r"unknown key 'key'"),
        ("upstreams: [{name: a, url: 'http://x'}, {name: a, url: 'http://y'}]", "'a' is there twice"),
        ("upstreams: [{name: a, url: 'http://x'}]\n  models: [{name: m, targets: [{upstream: b}]}]", "no upstream 'b'"),
        ("upstreams: [{name: a, url: 'http://x'}]\n  models: [{name: m, targets: [{upstream: a}], reasoning: yes}]",
         "yaml:3: gateway.models.0.reasoning"),
        ("upstreams: [{name: a, url: 'http://x'}]\n  models: [{name: m, targets: [{upstream: worker}]}]",
         "model 'm' is answered by 'worker', and no worker is started"),
        ("upstreams: [{name: a, url: 'http://x', models: [big]}]\n  default_model: bg", "no model 'bg'. did you mean"),
        ("upstreams: [{name: a, url: 'http://x', models: [big]}]\ntemplates: {by_model: {bug: points-en}}",
         "no model 'bug'"),
        ("upstreams: [{name: a, url: 'http://x'}]\ntemplates: {default: points-fr}", "points-fr"),
        ("upstreams: [{name: a, url: 'http://x'}]\nkeys: none.jsonl", "none.jsonl: cannot read the key file"),
        ("upstreams: [{name: a, url: 'http://x'}]\nguard: {output: [{path: none.txt}]}", "none.txt"),
        ("upstreams: [{name: a, url: 'http://x', api_key_file: none.key}]", "none.key: the upstream's key"),
        ("upstreams: [{name: a, url: 'http://x'}]\nfeedback: {fsync: maybe}", "yaml:3: feedback.fsync"),
        ("upstreams: [{name: a, url: 'http://x'}]\nengine: openvin", "engine: unknown engine 'openvin'; did you mean"),
        ("upstreams: [{name: worker, url: 'http://x'}]\nmodel: demo\nengine: fake", "'worker' is the name"),
    ],
    ids=range(16),
)  # fmt: skip
def test_a_wrong_file_is_one_line_that_names_the_place(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f"gateway:\n  {text}\nfolder: out")
    with pytest.raises(SeekforgeError, match=says) as caught:
        open_gateway(prepare(file, {}, None, environment(), Silent()).config, print)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("text", "says"), [("- 1", "an endpoint is a mapping"), ("{", "not YAML")])
def test_what_is_no_mapping(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_endpoint(tmp_path / "x.yaml")
    with pytest.raises(ConfigError, match="no such endpoint file"):
        load_endpoint(tmp_path / "none.yaml")


def test_paths_are_taken_from_the_files_folder(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        "model: ./m.gguf\nkeys: k.jsonl\nguard: {output: [{path: w.txt}, {builtin: default}]}\n"
        "worker: {warm: w.jsonl}\ntemplates: {folder: prompts}\nfeedback: {path: f.jsonl}\n"
        "gateway: {access_log: a.jsonl, upstreams: [{name: a, url: 'http://x/v1/', api_key_file: key}]}"
    )
    config = load_endpoint(file)
    assert config.model == str(tmp_path / "m.gguf")
    assert config.gateway.upstreams[0].url == "http://x"
    assert config.feedback is not None
    found = [
        config.keys,
        config.guard.output[0].path,
        config.worker.warm,
        config.templates.folder,
        config.feedback.path,
    ]
    found += [config.gateway.access_log, config.gateway.upstreams[0].api_key_file]
    names = ["k.jsonl", "w.txt", "w.jsonl", "prompts", "f.jsonl", "a.jsonl", "key"]
    assert found == [tmp_path / name for name in names]
