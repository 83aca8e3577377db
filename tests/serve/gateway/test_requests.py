"""What a client is told of a field that does not fit: in our words, none of the library's."""

from typing import Any

import msgspec
import pytest

from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.requests import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    FeedbackRequest,
    understand,
)

USER = {"role": "user", "content": "hi"}
RATED = {"id": "chatcmpl-1", "rating": 5}


def chat(**fields: Any) -> tuple[type[ChatRequest], dict[str, Any]]:
    return ChatRequest, {"messages": [USER], **fields}


def rated(**fields: Any) -> tuple[type[FeedbackRequest], dict[str, Any]]:
    return FeedbackRequest, {**RATED, **fields}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (chat(messages=[{"role": "wizard"}]),
         "messages.0.role: must be 'system', 'developer', 'user', 'assistant', 'tool' or 'function'"),
        (chat(messages=[{"content": "x"}]), "messages.0.role: is missing"),
        (chat(messages=[{"role": "user", "content": 5}]), "messages.0.content: must be a text or a list"),
        (chat(messages=[]), "messages: must have at least 1 item"),
        (chat(temperature="0.7"), "temperature: must be a number"),
        (chat(temperature=2.1), "temperature: must be at most 2"),
        (chat(frequency_penalty=-3), "frequency_penalty: must be at least -2"),
        (chat(top_p=0), "top_p: must be above 0"),
        (chat(max_tokens=0), "max_tokens: must be at least 1"),
        (chat(stream="yes"), "stream: must be true or false"),
        (chat(model=""), "model: must have at least 1 character"),
        (chat(response_format=[]), "response_format: must be an object"),
        ((CompletionRequest, {"prompt": [1.5]}), "prompt.0: must be a whole number, a text or a list"),
        ((EmbeddingRequest, {"input": "x", "encoding_format": "hex"}), "encoding_format: must be 'float' or 'base64'"),
        (rated(rating=6), "rating: must be 'up', 'down' or a whole number from 1 to 5"),
        (rated(rating="good"), "rating: must be 'up', 'down' or a whole number from 1 to 5"),
        (rated(rating=4.5), "rating: must be 'up', 'down' or a whole number from 1 to 5"),
        (rated(id="a b"), "id: must be 1 to 128 visible ASCII characters, the id of an answer"),
        (rated(commnt="x"), "commnt: is no field of this request; did you mean 'comment'?"),
        (rated(xyz=1), "xyz: is no field of this request; known: comment, id, model, rating, user"),
        (rated(comment="x" * 4001), "comment: must have at most 4000 characters"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_our_words(asked: tuple[type[msgspec.Struct], dict[str, Any]], says: str) -> None:
    kind, tree = asked
    with pytest.raises(ApiError) as caught:
        understand(tree, kind)
    assert (caught.value.message, caught.value.param) == (says, says.partition(":")[0])
