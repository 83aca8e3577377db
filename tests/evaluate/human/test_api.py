"""The API as the rating page meets it: the real command, real HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.evaluate.human.studies import FULL, Made, scored, study
from tests.serve.gateway.harness import Answer, Client

from seekforge.evaluate.human.model import View
from seekforge.serve.process import free_port


@dataclass
class Served:
    """A study behind `seekforge evaluate rate serve`."""

    made: Made
    client: Client

    def ask(self, who: str, method: str, path: str, body: bytes | None = None) -> Answer:
        token = self.made.tokens.get(who, who)
        return self.client.send(method, f"/v1/rate/{path}", body, Authorization=f"Bearer {token}")

    def submit(self, who: str, **fields: Any) -> Answer:
        return self.ask(who, "POST", "submit", json.dumps(fields).encode())

    def next(self, who: str) -> View | None:
        item = self.ask(who, "POST", "next").json()["item"]
        return None if item is None else View(**item)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = study(tmp_path_factory.mktemp("api"), leads=("lea",), count=2, lease=1e9)
    port = free_port()
    command = [sys.executable, "-m", "seekforge.cli.app", "evaluate", "rate", "serve", str(made.path)]
    process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready http://127.0.0.1:{port}\n"
        yield Served(made, Client(port))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_nobody_comes_in_without_a_token(served: Served) -> None:
    for headers in ({}, {"Authorization": "Bearer rate-x"}, {"Authorization": "Basic eA=="}):
        for method, path in (("POST", "next"), ("POST", "submit"), ("GET", "progress"), ("GET", "results")):
            answer = served.client.send(method, f"/v1/rate/{path}", b"{", **headers)
            assert answer.status == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "TOKEN" in answer.error["message"]
    assert served.client.send("GET", "/healthz").status == 200


def test_only_a_lead_sees_what_names_the_models(served: Served) -> None:
    for path in ("results", "export"):
        refused = served.ask("an", "GET", path)
        assert (refused.status, "'an' is a rater" in refused.error["message"]) == (403, True)
        assert served.ask("lea", "GET", path).status == 200
    assert served.ask("lea", "POST", "next").status == 403
    shown = served.ask("an", "GET", "rubric").json()
    assert [c["name"] for c in shown["rubric"]["criteria"]] == ["relevance", "accuracy", "readability"]
    assert shown["rubric"]["criteria"][0]["title"] == {"en": "Relevance", "zh": "相关性"}


def test_what_does_not_fit_is_told_as_openai_tells_it(served: Served) -> None:
    view = served.next("an")
    assert view is not None
    cases: list[tuple[bytes, int, str]] = [
        (b"{", 400, "the body is not JSON"),
        (b"[]", 400, "not a JSON object"),
        (b'{"itme": 1}', 400, "unknown key 'itme'; did you mean 'item'?"),
        (b'{"item": "item-0001", "scores": {"left": {"relevance": "3"}}}', 400, "scores.left.relevance"),
        (b'{"item": "item-0001", "comment": "\\ud800"}', 400, "comment: Input should be a valid string"),
        (b'{"item": "item-0099"}', 404, "'an' has no item 'item-0099'"),
        (json.dumps({"item": view.item, "choice": "middle"}).encode(), 400, "choice"),
        (json.dumps({"item": view.item, "scores": {"left": {"relevance": 4}}}).encode(), 400, "from 0 to 3"),
        (b'{"comment": "' + b"x" * 70_000 + b'"}', 413, "larger than"),
    ]
    for body, status, words in cases:
        answer = served.ask("an", "POST", "submit", body)
        assert (answer.status, words in answer.error["message"]) == (status, True), answer.body
    assert served.ask("lea", "GET", "export?format=xml").error["message"].startswith("format: unknown format 'xml'")
    assert served.client.send("GET", "/v1/rate/none").status == 404
    assert served.made.store.progress().shares[0].drafts == 0


def test_from_the_first_item_to_the_results(served: Served) -> None:
    blind = served.next("an")
    assert blind is not None
    draft = served.submit("an", item=blind.item, scores={"left": FULL}).json()
    assert (draft["receipt"]["outcome"], draft["progress"]["drafts"]) == ("draft", 1)
    for who in ("an", "bo", "chen"):
        while (view := served.next(who)) is not None:
            body = scored(view, replaces=view.revision).model_dump()
            first, second = served.submit(who, **body), served.submit(who, **body)
            assert first.json()["receipt"]["outcome"] == "stored"
            assert second.json()["receipt"]["outcome"] == "unchanged"
    progress = served.ask("lea", "GET", "progress").json()
    assert (progress["finished"], progress["ratings"], len(progress["shares"])) == (2, 4, 3)
    assert served.ask("an", "GET", "progress").json()["open"] == 0
    found = served.ask("lea", "GET", "results").json()
    assert {m["model"]: round(m["figures"]["weighted"]["value"], 6) for m in found["models"]} == {
        "base": 0.3,
        "tuned": 2.1,
    }
    assert found["matches"][0]["win_rate"]["value"] == 0.0, "of base"
    lines = served.ask("lea", "GET", "export").body.decode().splitlines()
    assert len(lines) == 4
    table = served.ask("lea", "GET", "export?format=csv")
    assert (table.headers["content-type"], table.headers["cache-control"]) == ("text/csv; charset=utf-8", "no-store")
    stale = served.submit("an", item=blind.item, choice="tie", replaces=0)
    assert (stale.status, "revision" in stale.error["message"]) == (409, True)
