"""Schemathesis reads what a server says that it takes and writes requests: none of them may be a server error.

Streams are left out, as it waits for whole answers.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from tests.serve.gateway.harness import Client, config, running

from seekforge.core.config import FeedbackConfig
from seekforge.core.config.guard import GuardConfig
from seekforge.serve.completions import CompletionRequest
from seekforge.serve.gateway.app import create_app
from seekforge.serve.gateway.feedback import FeedbackStore
from seekforge.serve.gateway.guard import open_guard
from seekforge.serve.process import Worker, WorkerSpec
from seekforge.serve.schema import ChatRequest
from seekforge.serve.worker import CHAT, CHAT_COMPLETIONS, COMPLETIONS, ROUTES

FEW, MANY = 12, 400  # examples an operation
BODIES: dict[str, type[BaseModel]] = {CHAT_COMPLETIONS: ChatRequest, CHAT: ChatRequest, COMPLETIONS: CompletionRequest}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    log = tmp_path_factory.mktemp("worker") / "log"
    with Worker(WorkerSpec("fake", "demo", log, ready_seconds=300)) as worker:
        yield worker


def find_server_errors(document: str, url: str, examples: int, folder: Path) -> None:
    """Runs it; what it found is in the failure's message."""
    script = Path(sys.executable).with_name("schemathesis")
    command = [str(script), "run", document, "--url", url, "--checks", "not_a_server_error", "--seed", "7"]
    command += ["--max-examples", str(examples), "--phases", "examples,coverage,fuzzing", "--workers", "1"]
    command += ["--request-timeout", "120", "--generation-database", "none"]
    command += ["--suppress-health-check", "too_slow"]  # the machine's business
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=3600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]


def worker_document() -> dict[str, Any]:
    """The worker's routes with the models that read its bodies; it has no document of its own."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for path in ROUTES:
        operation: dict[str, Any] = {"responses": {"default": {"description": "The answer."}}}
        if path in BODIES:
            body = BODIES[path].model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= body.pop("$defs", {})
            body["properties"]["stream"] = {"const": False}
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        paths[path] = {"post" if path in BODIES else "get": operation}
    info = {"title": "worker", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def check_gateway(worker: Worker, folder: Path, examples: int) -> None:
    models = [{"name": "demo", "targets": [{"upstream": "u0"}]}]
    settings = config(worker.url, upstream={"models": []}, models=models)
    guard = open_guard(GuardConfig(audit=folder))
    feedback = FeedbackStore(FeedbackConfig(path=folder / "feedback.jsonl"), report=print)
    with running(create_app(settings, guard=guard, feedback=feedback)) as client:
        url = f"http://127.0.0.1:{client.port}"
        find_server_errors(f"{url}/openapi.json", url, examples, folder)
        assert client.metric("requests_total") > 100
        assert client.metric("requests_total", outcome="ok") > 10
        assert client.metric("requests_total", outcome="error") == 0


def check_worker(worker: Worker, folder: Path, examples: int) -> None:
    (folder / "worker.json").write_text(json.dumps(worker_document()), encoding="utf-8")
    find_server_errors("worker.json", worker.url, examples, folder)
    metrics = Client(int(worker.url.rpartition(":")[2])).send("GET", "/metrics").body.decode()
    assert 'outcome="ok"' in metrics
    assert 'outcome="error"' not in metrics


def test_the_gateway_has_no_server_error(worker: Worker, tmp_path: Path) -> None:
    check_gateway(worker, tmp_path, FEW)


def test_the_worker_has_no_server_error(worker: Worker, tmp_path: Path) -> None:
    check_worker(worker, tmp_path, FEW)


@pytest.mark.slow
def test_the_gateway_has_no_server_error_in_many_requests(worker: Worker, tmp_path: Path) -> None:
    check_gateway(worker, tmp_path, MANY)


@pytest.mark.slow
def test_the_worker_has_no_server_error_in_many_requests(worker: Worker, tmp_path: Path) -> None:
    check_worker(worker, tmp_path, MANY)
