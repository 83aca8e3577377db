"""Schemathesis reads what a server says that it takes and writes requests: none of them may be a server error.

Streams are left out, as it waits for whole answers.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel
from tests.serve.exposition import total
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

EXAMPLES = [pytest.param(12, id="few"), pytest.param(400, id="many", marks=pytest.mark.slow)]  # an operation
GATEWAY_REQUESTS, WORKER_REQUESTS = "seekforge_gateway_requests_total", "seekforge_requests_total"
BODIES: dict[str, type[BaseModel]] = {CHAT_COMPLETIONS: ChatRequest, CHAT: ChatRequest, COMPLETIONS: CompletionRequest}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    log = tmp_path_factory.mktemp("worker") / "log"
    with Worker(WorkerSpec("fake", "demo", log, ready_seconds=300)) as worker:
        yield worker


class Found(NamedTuple):
    """What was found.

    Attributes:
        status: 0 when it saw no server error.
        said: The end of what it wrote.
        metrics: What the server counted, as Prometheus reads it.
    """

    status: int
    said: str
    metrics: str


def examine(document: str, url: str, examples: int, folder: Path) -> Found:
    """Sends requests of a document's operations."""
    script = Path(sys.executable).with_name("schemathesis")
    command = [str(script), "run", document, "--url", url, "--checks", "not_a_server_error", "--seed", "7"]
    command += ["--max-examples", str(examples), "--phases", "examples,coverage,fuzzing", "--workers", "1"]
    command += ["--request-timeout", "120", "--generation-database", "none"]
    command += ["--suppress-health-check", "too_slow"]  # the machine's business
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=3600)
    metrics = Client(int(url.rpartition(":")[2])).send("GET", "/metrics").body.decode()
    return Found(done.returncode, done.stdout[-4000:] + done.stderr[-1000:], metrics)


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


def examine_gateway(worker: Worker, folder: Path, examples: int) -> Found:
    models = [{"name": "demo", "targets": [{"upstream": "u0"}]}]
    settings = config(worker.url, upstream={"models": []}, models=models)
    guard = open_guard(GuardConfig(audit=folder))
    feedback = FeedbackStore(FeedbackConfig(path=folder / "feedback.jsonl"), report=print)
    with running(create_app(settings, guard=guard, feedback=feedback)) as client:
        url = f"http://127.0.0.1:{client.port}"
        return examine(f"{url}/openapi.json", url, examples, folder)


def examine_worker(worker: Worker, folder: Path, examples: int) -> Found:
    (folder / "worker.json").write_text(json.dumps(worker_document()), encoding="utf-8")
    return examine("worker.json", worker.url, examples, folder)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_the_gateway_has_no_server_error(worker: Worker, tmp_path: Path, examples: int) -> None:
    found = examine_gateway(worker, tmp_path, examples)
    assert found.status == 0, found.said
    assert total(found.metrics, GATEWAY_REQUESTS) > 100
    assert total(found.metrics, GATEWAY_REQUESTS, outcome="ok") > 10
    assert total(found.metrics, GATEWAY_REQUESTS, outcome="error") == 0


@pytest.mark.parametrize("examples", EXAMPLES)
def test_the_worker_has_no_server_error(worker: Worker, tmp_path: Path, examples: int) -> None:
    found = examine_worker(worker, tmp_path, examples)
    assert found.status == 0, found.said
    assert total(found.metrics, WORKER_REQUESTS, outcome="ok") > 0
    assert total(found.metrics, WORKER_REQUESTS, outcome="error") == 0
