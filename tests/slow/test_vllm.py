"""The installed vLLM with a real model: its answer, and that nothing of it is left."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from seekforge.core.config import environment
from seekforge.core.errors import ResourceError
from seekforge.serve.vllm import installed_in

pytestmark = pytest.mark.slow
SERVE = """
import json, sys, time
from pathlib import Path
from seekforge.core.config import VllmConfig
from seekforge.serve.vllm import VllmSpec, VllmWorker
model, log, venv = sys.argv[1:]
config = VllmConfig(dtype="float32", max_model_len=1024, max_num_seqs=16, kv_cache_gib=1)
with VllmWorker(VllmSpec(model, "demo", Path(log), Path(venv), config)) as worker:
    sys.stdout.write(json.dumps([worker.url, worker.pid, worker.start_seconds]) + "\\n")
    sys.stdout.flush()
    time.sleep(600)
"""


def test_vllm_answers_and_dies_with_its_parent(demo_folder: Path, tmp_path: Path) -> None:
    try:
        venv = installed_in(environment())
    except ResourceError as error:
        pytest.skip(str(error))
    log = tmp_path / "vllm.log"
    command = [sys.executable, "-c", SERVE, str(demo_folder), str(log), str(venv)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            line = parent.stdout.readline()
            assert line, log.read_text(encoding="utf-8")[-2000:]
            url, leader, seconds = json.loads(line)
            processes = [psutil.Process(leader), *psutil.Process(leader).children(recursive=True)]
            names = [process.cmdline()[0] for process in processes]
            text = answer(url)
        finally:
            parent.kill()
    sys.stdout.write(f"start {seconds:.1f} s; {names}; answer {text!r}\n")
    assert "Paris" in text
    assert any("EngineCore" in name for name in names), names
    until = time.monotonic() + 10
    while left := [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < until, f"outlived its parent: {left}"
        time.sleep(0.05)


def answer(url: str) -> str:
    body: dict[str, Any] = {"model": "demo", "temperature": 0, "max_tokens": 24}
    body["messages"] = [{"role": "user", "content": "What is the capital of France?"}]
    request = urllib.request.Request(
        f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as response:
        return str(json.loads(response.read())["choices"][0]["message"]["content"])
