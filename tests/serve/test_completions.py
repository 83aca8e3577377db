"""`/v1/completions`, token ids in and out, and answers that are taken up where another worker was cut off."""

import json
from typing import Any

import pytest
from tests.serve.client import COMPLETIONS as CHAT
from tests.serve.client import USER, Client, events, text_of

from seekforge.engines.fake import FakeEngine

PLAIN = "/v1/completions"
ANSWER = "好😀 ok, 你好👩‍👩‍👧!"


def plain(client: Client, **body: Any) -> Any:
    return client.send("POST", PLAIN, json.dumps(body).encode())


@pytest.fixture
def client() -> Client:
    return Client(FakeEngine(reply=ANSWER), fingerprint="fp_1")


def test_a_prompt_may_be_text_or_token_ids(client: Client) -> None:
    text = plain(client, prompt="Once 你", max_tokens=100).json()
    ids = plain(client, prompt=list("Once 你".encode()), max_tokens=100).json()
    for body in (text, ids):
        assert (body["object"], body["model"], body["system_fingerprint"]) == ("text_completion", "demo", "fp_1")
        assert body["id"].startswith("cmpl-")
        [choice] = body["choices"]
        assert choice == {"index": 0, "text": ANSWER, "logprobs": None, "finish_reason": "stop"}
        prompt, answer = len("Once 你".encode()), len(ANSWER.encode())
        assert body["usage"] == {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def test_sixteen_tokens_unless_more_are_asked_for(client: Client) -> None:
    body = plain(client, prompt="x").json()
    assert (body["usage"]["completion_tokens"], body["choices"][0]["finish_reason"]) == (16, "length")


def test_a_stream_says_the_same(client: Client) -> None:
    response = plain(client, prompt="x", max_tokens=100, stream=True, stream_options={"include_usage": True})
    *chunks, used = events(response)
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == ANSWER
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks][-1] == "stop"
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    assert (used["choices"], used["usage"]) == ([], plain(client, prompt="x", max_tokens=100).json()["usage"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", None),
        ("prompt", ""),
        ("prompt", []),
        ("prompt", ["a", "b"]),
        ("prompt", [[1], [2]]),
        ("prompt", [1, -1]),
        ("prompt", [1, 999]),
        ("prompt", "a\x00b"),
        ("echo", True),
        ("suffix", "x"),
        ("best_of", 2),
        ("logprobs", 1),
    ],
)
def test_what_is_refused_names_its_field(client: Client, field: str, value: object) -> None:
    response = plain(client, **{"prompt": "x", field: value})
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    if value not in ("", [1, 999], "a\x00b"):  # the engine refuses two of them, and NUL is refused wherever it stands
        assert response.json()["error"]["param"].split(".")[0] == field


def test_token_ids_are_told_where_they_are_wanted(client: Client) -> None:
    prompt = client.engine.encode(client.engine.render(USER))
    chat = client.post(return_token_ids=True).json()
    assert chat["prompt_token_ids"] == prompt
    assert chat["choices"][0]["token_ids"] == list(ANSWER.encode())
    body = plain(client, prompt="x", return_token_ids=True, max_tokens=100).json()["choices"][0]
    assert (body["prompt_token_ids"], body["token_ids"]) == ([ord("x")], list(ANSWER.encode()))
    silent = client.post().json()
    assert "prompt_token_ids" not in silent
    assert "token_ids" not in silent["choices"][0]


def test_the_ids_of_a_stream_are_the_ids_of_its_text(client: Client) -> None:
    chunks = events(client.post(stream=True, return_token_ids=True))
    assert chunks[0]["prompt_token_ids"] == client.engine.encode(client.engine.render(USER))
    assert not any("prompt_token_ids" in chunk for chunk in chunks[1:])
    text = ""
    ids: list[int] = []
    for chunk in chunks:
        [choice] = chunk["choices"]
        text, ids = text + choice["delta"].get("content", ""), ids + choice["token_ids"]
        assert bytes(ids).decode() == text, "a stream that is cut here can be taken up by its ids alone"
    assert text == ANSWER
    first, *rest = events(plain(client, prompt="x", stream=True, return_token_ids=True, max_tokens=100))
    assert first["choices"][0]["prompt_token_ids"] == [ord("x")]
    assert not any("prompt_token_ids" in chunk["choices"][0] for chunk in rest)
    assert bytes(i for chunk in (first, *rest) for i in chunk["choices"][0]["token_ids"]).decode() == ANSWER


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_is_taken_up_at_any_token(client: Client, stream: bool) -> None:
    ids = list(ANSWER.encode())
    whole = client.post().json()
    for cut in range(len(ids) + 1):
        begun = bytes(ids[:cut]).decode("utf-8", "ignore")  # whole characters: what the client has seen
        body: dict[str, Any] = {"continue_token_ids": ids[:cut], "stream": stream, "return_token_ids": True}
        response = client.post(**body, stream_options={"include_usage": True} if stream else None)
        if stream:
            *chunks, used = events(response)
            text, new = text_of(chunks), [i for chunk in chunks for i in chunk["choices"][0]["token_ids"]]
        else:
            used = response.json()
            text, new = used["choices"][0]["message"]["content"], used["choices"][0]["token_ids"]
        assert begun + text == ANSWER
        assert ids[:cut] + new == ids
        assert used["usage"] == whole["usage"], "counted once, wherever the answer began"


def test_the_longest_answer_counts_what_was_given(client: Client) -> None:
    ids = list(ANSWER.encode())
    body = client.post(continue_token_ids=ids[:7], max_tokens=10, min_tokens=8).json()
    assert (body["usage"]["completion_tokens"], body["choices"][0]["finish_reason"]) == (10, "length")
    assert (client.engine.seen[-1].max_new_tokens, client.engine.seen[-1].min_new_tokens) == (3, 1)
    asked = len(client.engine.seen)
    done = client.post(continue_token_ids=ids[:10], max_tokens=10).json()
    assert (done["choices"][0]["message"]["content"], done["choices"][0]["finish_reason"]) == ("", "length")
    assert done["usage"] == body["usage"]
    assert len(client.engine.seen) == asked, "there is nothing left to ask the engine for"
    [*_, end] = events(client.post(continue_token_ids=ids[:10], max_tokens=10, stream=True))
    assert end["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("cut", range(1, 13))
def test_a_stop_text_across_the_splice_is_neither_leaked_nor_missed(cut: int) -> None:
    dying = Client(FakeEngine(reply="say STOP now", fail_after=cut)).post(
        stream=True, stop="STOP", return_token_ids=True
    )
    chunks = [
        json.loads(event.removeprefix("data: ")) for event in dying.text.strip().split("\n\n") if "choices" in event
    ]
    ids = [i for chunk in chunks for i in chunk["choices"][0]["token_ids"]]
    taken_up = Client(FakeEngine(reply="say STOP now")).post(stop="STOP", continue_token_ids=ids).json()["choices"][0]
    assert text_of(chunks) == bytes(ids).decode()
    assert text_of(chunks) + taken_up["message"]["content"] == "say "
    assert taken_up["finish_reason"] == "stop"


def test_ids_that_are_no_tokens_are_refused(client: Client) -> None:
    response = client.post(continue_token_ids=[999])
    assert response.status_code == 400


def test_logprobs_of_the_chosen_tokens(client: Client) -> None:
    told = client.post(logprobs=True).json()["choices"][0]["logprobs"]["content"]
    assert len(told) == len(ANSWER.encode())
    assert {row["logprob"] for row in told} == {-0.5}
    ascii_row = next(row for row in told if row["token"] == "o")
    assert (ascii_row["bytes"], ascii_row["top_logprobs"]) == ([ord("o")], [])
    assert told[0] == {"token": "\ufffd", "logprob": -0.5, "bytes": None, "top_logprobs": []}
    chunks = events(client.post(logprobs=True, stream=True))
    rows = [row for c in chunks for row in (c["choices"][0]["logprobs"] or {"content": []})["content"]]
    assert rows == told
    body = plain(client, prompt="x", logprobs=0, max_tokens=100).json()["choices"][0]["logprobs"]
    assert body["token_logprobs"] == [-0.5] * len(told)
    streamed = events(plain(client, prompt="x", logprobs=0, max_tokens=100, stream=True))
    offsets = [o for c in streamed for o in (c["choices"][0]["logprobs"] or {"text_offset": []})["text_offset"]]
    assert len(offsets) == len(told)
    assert ANSWER[offsets[ANSWER.encode().index(b"ok")]] == "o"
    assert client.post().json()["choices"][0]["logprobs"] is None


def test_the_fingerprint_is_in_every_answer_and_left_out_where_there_is_none(client: Client) -> None:
    assert client.post().json()["system_fingerprint"] == "fp_1"
    chunks = events(client.post(stream=True, stream_options={"include_usage": True}))
    assert {chunk["system_fingerprint"] for chunk in chunks} == {"fp_1"}
    assert "system_fingerprint" not in Client(FakeEngine()).post().json()


def test_the_chat_route_of_the_short_shape_takes_no_streams_tools_or_tokens(client: Client) -> None:
    for fields in ({"return_token_ids": True}, {"logprobs": True}):
        assert client.post("/v1/chat", **fields).status_code == 400
    assert client.post(CHAT, continue_token_ids=list("好".encode())).status_code == 200
