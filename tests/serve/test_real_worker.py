"""The real engine behind the real server: what a unit test of either cannot see."""

import http.client
import json
import random
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.engines.test_json_schema import PERSON
from tests.patience import patiently, wait_for
from tests.serve.exposition import at_work
from tests.serve.processes import computed

from seekforge.core.errors import ConfigError
from seekforge.serve.main import _model, _parser
from seekforge.serve.process import Worker, WorkerSpec

FRANCE = [{"role": "user", "content": "What is the capital of France?"}]
ENDLESS = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
CHINESE = "你好，世界😀👩‍👩‍👧！" * 12


@pytest.fixture(scope="module")
def worker(demo_gguf_q8: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    folder = tmp_path_factory.mktemp("worker")
    (folder / "warm.jsonl").write_text(json.dumps(FRANCE) + '\n"You are brief."\n', "utf-8")
    spec = WorkerSpec(
        str(demo_gguf_q8), "demo", folder / "log", ready_seconds=600, warm=folder / "warm.jsonl",
        options=("--max-waiting", "0", "--max-running", "40"),
    )  # fmt: skip
    with Worker(spec) as worker:
        yield worker


def post(worker: Worker, path: str, **body: Any) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(worker.url.removeprefix("http://"), timeout=600)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def chat(worker: Worker, **body: Any) -> tuple[int, Any]:
    return post(worker, "/v1/chat/completions", **{"messages": FRANCE, "temperature": 0, "max_tokens": 24, **body})


def test_an_answer_is_taken_up_over_http(worker: Worker) -> None:
    asked = {"prompt": CHINESE, "temperature": 0, "max_tokens": 16, "ignore_eos": True, "return_token_ids": True}
    _, whole = post(worker, "/v1/completions", **asked)
    [choice] = whole["choices"]
    assert choice["prompt_token_ids"]
    again = {**asked, "prompt": choice["prompt_token_ids"]}
    halves = 0
    for cut in range(1, 16, 2):
        _, begun = post(worker, "/v1/completions", **{**again, "max_tokens": cut})
        ids = begun["choices"][0]["token_ids"]
        assert ids == choice["token_ids"][:cut]
        halves += begun["choices"][0]["text"].endswith("\ufffd")
        _, rest = post(worker, "/v1/completions", **again, continue_token_ids=ids)
        assert begun["choices"][0]["text"].rstrip("\ufffd") + rest["choices"][0]["text"] == choice["text"]
        assert ids + rest["choices"][0]["token_ids"] == choice["token_ids"]
        assert rest["usage"] == whole["usage"]
    assert halves, "no character was cut: the test shows nothing"


def test_json_seed_logprobs_and_fingerprint(worker: Worker) -> None:
    named = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
    status, body = chat(worker, response_format=named, max_tokens=80)
    assert (status, set(json.loads(body["choices"][0]["message"]["content"]))) == (200, {"name", "age"})
    drawn = [chat(worker, temperature=1.2, seed=4)[1]["choices"][0]["message"]["content"] for _ in range(3)]
    assert drawn[1] == drawn[2], "the first one fills the prefix cache"
    status, body = chat(worker, logprobs=True)
    rows = body["choices"][0]["logprobs"]["content"]
    assert "".join(row["token"] for row in rows) == body["choices"][0]["message"]["content"]
    assert all(row["logprob"] <= 0 for row in rows)
    assert body["system_fingerprint"].startswith("fp_")
    assert "prompt_tokens_details" not in body["usage"], "the engine does not tell; nothing is invented"


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"stop_token_ids": [10**6]},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"properties": {'"': {}}}}}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": ENDLESS}}},
        {"continue_token_ids": [10**6]},
        {"continue_token_ids": [5] * 9000, "max_tokens": 10_000},
    ],
)
def test_what_would_harm_the_engine_is_400_and_it_answers_on(worker: Worker, body: dict[str, Any]) -> None:
    status, answer = chat(worker, **body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")
    assert "Paris" in chat(worker)[1]["choices"][0]["message"]["content"]


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_while_its_prompt_is_read_frees_the_engine(worker: Worker, stream: bool) -> None:
    """After no more work than a second of a quiet machine; the whole prompt takes many."""
    draw = random.Random(int(stream))

    def leaves(soon: float) -> None:
        wait_for(lambda: at_work(worker) == 0)
        ids = [draw.randrange(300, 40_000) for _ in range(7000)]  # in no cache
        body = json.dumps({"prompt": ids, "stream": stream, "max_tokens": 50}).encode()
        head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", int(worker.url.rpartition(":")[2]))) as client:
            client.sendall(head + body)
            wait_for(lambda: at_work(worker) == 1)
            assert not select.select([client], [], [], 0.01)[0], "the prompt is still being read"
            before = computed(worker)
        wait_for(lambda: at_work(worker) == 0)
        assert computed(worker) - before < soon * (psutil.cpu_count() or 1)

    patiently(leaves, 1, 1, 2, 4)


def test_more_than_run_are_turned_away_where_none_may_wait(worker: Worker) -> None:
    body = json.dumps({"messages": FRANCE, "max_tokens": 4000, "ignore_eos": True, "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    clients = [socket.create_connection(("127.0.0.1", int(worker.url.rpartition(":")[2]))) for _ in range(40)]
    try:
        for client in clients:
            client.sendall(head + body)
        wait_for(lambda: at_work(worker) == 40)
        status, answer = chat(worker)
        assert (status, answer["error"]["type"]) == (429, "rate_limit_error")
    finally:
        for client in clients:
            client.close()
    wait_for(lambda: at_work(worker) == 0, 30)  # to their ends they would take minutes


def single_machine(folder: Path, **changes: Any) -> list[str]:
    path = folder / "single.json"
    settings = {"device": "cpu", "batch_size": 8, "precision": "int8", **changes}
    path.write_text(json.dumps(settings), "utf-8")
    return ["--config", str(path)]


def test_the_single_machine_file_names_the_model_and_how_many_run(demo_gguf_q8: Path, tmp_path: Path) -> None:
    options = _parser().parse_args(single_machine(tmp_path, engine_path=str(demo_gguf_q8)))
    assert _model(options) == (str(demo_gguf_q8), 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"device": "cuda:0"}, "on the CPU"),
        ({"precision": "fp16"}, "the file is Q8_0"),
        ({"engine_path": "."}, "FOLDER"),
    ],
)
def test_a_single_machine_file_that_cannot_be_served_says_why(
    demo_gguf_q8: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    options = _parser().parse_args(single_machine(tmp_path, **{"engine_path": str(demo_gguf_q8), **change}))
    with pytest.raises(ConfigError, match=message) as caught:
        _model(options)
    assert "\n" not in str(caught.value)
