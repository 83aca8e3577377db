"""An OpenAI-compatible endpoint on this machine, whose answers a test writes and which keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]


@dataclass
class Server:
    """An endpoint whose answers a test writes."""

    answer: Callable[[str, int], Answer] = lambda text, turn: (200, completion(text.upper()))
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=dict)
    running: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def completion(text: str, reason: str = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}]}


@contextmanager
def serving() -> Iterator[Server]:
    """The endpoint, while it runs."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if "messages" not in body:  # a chat endpoint and nothing else
                self.send_error(404)
                return
            text = body["messages"][-1]["content"]
            with state.lock:
                state.seen.append(body)
                state.keys.append(self.headers.get("Authorization"))
                state.tries[text] = state.tries.get(text, 0) + 1
                state.running += 1
                state.most = max(state.most, state.running)
            status, answer = state.answer(text, state.tries[text])
            payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            with state.lock:
                state.running -= 1
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
