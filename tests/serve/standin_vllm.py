"""Stands in for the Python of vLLM's environment in tests: serves HTTP, with an engine process behind it."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ENGINE = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(404 if self.path == "/readyz" else 200, {"path": self.path})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with Path(option("--record")).open("a") as record:
            record.write(f"{self.path} {json.dumps(body)}\n")
        after = float(option("--decodes-after"))  # seconds; below 0 requests
        late = time.monotonic() - STARTED < after if after >= 0 else next(COUNT) < -after
        choice = {"index": 0, "text": "bonjour", "message": {"role": "assistant", "content": "bonjour"}}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        whole = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"], "usage": usage}
        self.answer(503 if late else 200, {**whole, "choices": [{**choice, "finish_reason": "stop"}]})

    def answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


STARTED, COUNT = time.monotonic(), itertools.count()
if "--crash" in sys.argv:
    sys.stdout.write("(EngineCore pid=7) ERROR 11-24 06:41:37 [core.py:99] ValueError: no room for the KV cache\n")
    sys.stdout.write("(APIServer pid=6) Traceback (most recent call last):\n" + "  File ...\n" * 20)
    sys.stdout.write("(APIServer pid=6) RuntimeError: Engine core initialization failed. See above.\n")
    sys.exit(1)
engine = subprocess.Popen([sys.executable, "-c", ENGINE])
Path(option("--record")).write_text(f"{json.dumps(sys.argv[1:])}\n{engine.pid}\n{json.dumps(dict(os.environ))}\n")
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
ThreadingHTTPServer((option("--host"), int(option("--port"))), Handler).serve_forever()
