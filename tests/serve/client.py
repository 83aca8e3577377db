"""A client of the app without a socket between, and how its answers are read."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from tests.patience import LONG
from tests.serve.exposition import total

from seekforge.engines.fake import FakeEngine
from seekforge.serve.worker import create_app

COMPLETIONS = "/v1/chat/completions"
USER = [{"role": "user", "content": "hello 你好"}]


@dataclass
class Response:
    status_code: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return json.loads(self.content)


class Client:
    """Speaks to the app; every call has an event loop of its own, as the app has no state that needs one."""

    def __init__(self, engine: FakeEngine, **settings: Any) -> None:
        self.engine, self.app = engine, create_app(engine, "demo", **settings)

    def send(self, method: str, path: str, content: bytes = b"") -> Response:
        return asyncio.run(asyncio.wait_for(self._send(method, path, content), LONG))

    def post(self, path: str = COMPLETIONS, **body: Any) -> Response:
        return self.send("POST", path, json.dumps({"messages": USER, **body}).encode())

    async def _send(self, method: str, path: str, content: bytes) -> Response:
        requests: asyncio.Queue[Any] = asyncio.Queue()
        requests.put_nowait({"type": "http.request", "body": content, "more_body": False})
        answers: list[Any] = []

        async def send(message: Any) -> None:
            answers.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [],
            "query_string": b"",
            "http_version": "1.1",
        }
        await self.app({**scope, "scheme": "http", "server": ("worker", 80), "root_path": ""}, requests.get, send)
        head, *bodies = answers
        headers = {name.decode(): value.decode() for name, value in head["headers"]}
        return Response(head["status"], headers, b"".join(body.get("body", b"") for body in bodies))

    def metric(self, name: str, **labels: str) -> float:
        return total(self.send("GET", "/metrics").text, name, **labels)


def events(response: Response) -> list[dict[str, Any]]:
    """The stream's events; it must end with `[DONE]`."""
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = response.text.split("\n\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    return [json.loads(block.removeprefix("data: ")) for block in blocks[:-2]]


def text_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])
