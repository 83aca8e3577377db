"""An endpoint as a step of the chain: its answers, and its tokens where it shows them.

Our worker and vLLM take prompts as token ids at `/v1/completions` and tell token ids with `return_token_ids`; then an
endpoint is compared position by position. Through a gateway with a guard, and with most other servers, there are the
answers' texts, and of the prompts their token ids or at least their number (`usage.prompt_tokens`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from seekforge.core.config.chat import RemoteConfig
from seekforge.core.errors import EngineError, ModelError
from seekforge.core.progress import Progress, Task
from seekforge.engines.chat.client import Client, Posted, shown
from seekforge.engines.protocol import FinishReason, Generation, Messages, Sampling

UNNAMED = "?"  # a model's name that is still to be found
_MEND = "Check the address, --endpoint-model and the key, and whether it runs"


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """One answer of an endpoint; None is what it does not tell.

    Attributes:
        text: The content.
        thoughts: What it set apart as reasoning.
        finish_reason: As it says.
        prompt_ids: Token ids of the rendered prompt.
        prompt_tokens: How many they are.
        fingerprint: Its `system_fingerprint`.
        failure: Why there is no answer.
    """

    text: str = ""
    thoughts: str = ""
    finish_reason: str = ""
    prompt_ids: tuple[int, ...] | None = None
    prompt_tokens: int | None = None
    fingerprint: str | None = None
    failure: str = ""


class LiveEndpoint:
    """Asks greedily.

    Args:
        config: Where it is; its model is found by `named`.

    Raises:
        ConfigError: Its key cannot be read.
    """

    def __init__(self, config: RemoteConfig) -> None:
        self._config, self._client = config, Client(config)

    @property
    def name(self) -> str:
        """For reports."""
        return f"{self._config.model} at {self._config.url}"

    def named(self) -> LiveEndpoint:
        """The same with the first model that `/v1/models` lists, where none was named.

        Raises:
            ModelError: It does not answer or lists none.
        """
        if self._config.model != UNNAMED:
            return self
        posted = self._client.get("/v1/models")
        try:
            if posted.failure:
                raise ValueError(posted.failure)
            model = str(json.loads(posted.body)["data"][0]["id"])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            why = posted.failure or f"no list of models: {shown(posted.body)}"
            raise ModelError(f"the endpoint names no model ({why})", where=self._config.url, mend=_MEND) from error
        return LiveEndpoint(self._config.model_copy(update={"model": model}))

    def chat(self, conversations: Sequence[Messages], max_tokens: int, progress: Progress) -> list[LiveAnswer]:
        """Greedy answers, in order.

        Raises:
            ModelError: Not one was answered.
        """
        bodies = [
            {"messages": [dict(turn) for turn in turns], **self._asked(max_tokens), "return_token_ids": True}
            for turns in conversations
        ]
        with progress.task("endpoint answers", len(bodies)) as task:
            posted = self._client.post("/v1/chat/completions", bodies, _counting(task))
        answers = [_answer(one) for one in posted]
        if all(answer.failure for answer in answers):
            raise ModelError(f"the endpoint does not answer ({answers[0].failure})", where=self._config.url, mend=_MEND)
        return answers

    def refuses_tokens(self, prompt: Sequence[int]) -> str:
        """Why it cannot be led along token by token; empty where it can."""
        try:
            self.generate([prompt], Sampling(max_new_tokens=1))
        except EngineError as error:
            return error.what
        return ""

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        """Continues prompts of token ids, greedily.

        Raises:
            EngineError: It refuses, or tells no token ids.
        """
        asked = self._asked(sampling.max_new_tokens)
        bodies = [{"prompt": list(prompt), **asked, "return_token_ids": True} for prompt in prompts]
        posted = self._client.post("/v1/completions", bodies, lambda number, one: None)
        return [_generation(one, len(prompt)) for one, prompt in zip(posted, prompts, strict=True)]

    def _asked(self, max_tokens: int) -> dict[str, Any]:
        return {"model": self._config.model, "temperature": 0, "max_tokens": max_tokens}


def _counting(task: Task) -> Any:  # noqa: ANN401
    return lambda number, one: task.advance()


def _answer(posted: Posted) -> LiveAnswer:
    if posted.failure:
        return LiveAnswer(failure=posted.failure)
    try:
        tree = json.loads(posted.body)
        choice, usage = tree["choices"][0], tree.get("usage") or {}
        message = choice["message"]
        answer = LiveAnswer(str(message.get("content") or ""), str(message.get("reasoning_content") or ""))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return LiveAnswer(failure=f"no chat completion: {shown(posted.body)}")
    ids, count = tree.get("prompt_token_ids"), usage.get("prompt_tokens")
    return replace(
        answer,
        finish_reason=str(choice.get("finish_reason") or ""),
        prompt_ids=tuple(ids) if isinstance(ids, list) else None,
        prompt_tokens=count if isinstance(count, int) else None,
        fingerprint=tree.get("system_fingerprint"),
    )


def _generation(posted: Posted, prompt_tokens: int) -> Generation:
    if posted.failure:
        raise EngineError(f"it takes no prompts of token ids ({posted.failure})")
    try:
        choice = json.loads(posted.body)["choices"][0]
        ids, text = choice.get("token_ids"), str(choice["text"])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise EngineError(f"it answered no completion: {shown(posted.body)}") from error
    if not isinstance(ids, list):
        raise EngineError("it tells no token ids")
    reason: FinishReason = "stop" if choice.get("finish_reason") == "stop" else "length"
    return Generation(tuple(ids), text, reason, prompt_tokens)
