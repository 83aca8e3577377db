"""An engine without a model: says back what it was told, as slowly and as faultily as a test wants it."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any

from seekforge.core.errors import EngineError, InputError
from seekforge.engines.checks import check_prompt, check_sampling
from seekforge.engines.detokenise import Detokeniser, Piece
from seekforge.engines.protocol import Delta, EngineStats, FinishReason, Generation, Messages, Sampling, Tools

_ROLES = ("system", "user", "assistant")
_LOGPROB = -0.5  # of every token
_ANSWER = "<assistant>"


class FakeEngine:
    """Echoes the last user message, one UTF-8 byte a token.

    Args:
        reply: Say this instead of the echo.
        context_length: Longest prompt and answer together, in bytes.
        token_seconds: Time between two tokens.
        first_seconds: Time before the first token.
        fail_after: Raise `EngineError` after this many tokens of every answer.
        takes_tools: Whether the chat template writes tools and knows the role `tool`.

    Attributes:
        cancelled: How many streams were closed before their end.
        seen: The sampling of every request, in order.
    """

    def __init__(
        self,
        *,
        reply: str | None = None,
        context_length: int = 4096,
        token_seconds: float = 0.0,
        first_seconds: float = 0.0,
        fail_after: int | None = None,
        takes_tools: bool = False,
    ) -> None:
        self.reply, self.fail_after, self.takes_tools = reply, fail_after, takes_tools
        self._context_length = context_length
        self.token_seconds, self.first_seconds = token_seconds, first_seconds
        self.cancelled = 0
        self.seen: list[Sampling] = []
        self._running = 0
        self._closed = False

    @property
    def name(self) -> str:
        """Engine and format."""
        return "fake"

    @property
    def context_length(self) -> int:
        """Longest prompt and answer together, in bytes."""
        return self._context_length

    def render(self, messages: Messages, tools: Tools = ()) -> str:
        """`<role>content` a message, tools as JSON before them, and the assistant's turn opened.

        Raises:
            InputError: A role is not `system`, `user` or `assistant`, as real templates have it; or there are tools
                and the engine was not made to take them.
        """
        if tools and not self.takes_tools:
            raise InputError("the model's chat template takes no tools", where="tools")
        known = (*_ROLES, "tool") if self.takes_tools else _ROLES
        for message in messages:
            if message["role"] not in known:
                raise InputError(f"the chat template has no role '{message['role']}'", where="messages")
        head = "".join(f"<tool>{json.dumps(tool, ensure_ascii=False)}" for tool in tools)
        return head + "".join(map(_turn, messages)) + _ANSWER

    def encode(self, text: str) -> list[int]:
        """The UTF-8 bytes."""
        return list(text.encode())

    def decode(self, token_ids: Sequence[int]) -> str:
        """Bytes as UTF-8; what is no character becomes U+FFFD."""
        return bytes(token_ids).decode("utf-8", "replace")

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        """Answers all prompts.

        Raises:
            EngineError: Closed, or scripted to fail.
            InputError: A prompt or the sampling is out of range.
        """
        return [self._whole(prompt, sampling) for prompt in prompts]

    async def stream(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        answered: Sequence[int] = (),
        *,
        seconds: float | None = None,
    ) -> AsyncGenerator[Delta, None]:
        """Answers one prompt, a character or more at a time; goes on behind `answered`.

        Raises:
            EngineError: Closed, or scripted to fail.
            InputError: The prompt or the sampling is out of range.
            TimeoutError: It took longer than `seconds`.
        """
        answer = self._answer(prompt, sampling, answered)
        until = math.inf if seconds is None else time.monotonic() + seconds
        self._running += 1
        finished = False
        try:
            await _sleep(self.first_seconds, until)
            for delta in answer:
                finished = delta.finish_reason is not None
                if delta.text or finished:
                    yield delta
                if not finished:
                    await _sleep(self.token_seconds, until)
        except EngineError:
            finished = True
            raise
        finally:
            self._running -= 1
            self.cancelled += not finished

    def stats(self) -> EngineStats:
        """Streams that are open."""
        return EngineStats(self._running, 0, 0.0)

    def close(self) -> None:
        """Refuses all work from now on."""
        self._closed = True

    def _whole(self, prompt: Sequence[int], sampling: Sampling) -> Generation:
        deltas = []
        for delta in self._answer(prompt, sampling):
            time.sleep(self.token_seconds)
            deltas.append(delta)
        token_ids = tuple(i for delta in deltas for i in delta.token_ids)
        reason = deltas[-1].finish_reason or "stop"
        return Generation(token_ids, "".join(delta.text for delta in deltas), reason, len(prompt))

    def _answer(self, prompt: Sequence[int], sampling: Sampling, answered: Sequence[int] = ()) -> Iterator[Delta]:
        if self._closed:
            raise EngineError("the engine is closed", mend="Start a new one")
        check_prompt([*prompt, *answered], self.context_length, 256)
        check_sampling(sampling, 256)
        self.seen.append(sampling)
        return self._deltas(prompt, sampling, answered)

    def _deltas(self, prompt: Sequence[int], sampling: Sampling, answered: Sequence[int]) -> Iterator[Delta]:
        text = self.reply if self.reply is not None else _last_user_message(self.decode(prompt))
        tokens = (text.encode() or b".")[len(answered) :]
        ends = [tokens.index(i) for i in sampling.stop_token_ids if i in tokens]
        tokens = tokens[: min(ends, default=len(tokens))]
        limit = min(sampling.max_new_tokens, self.context_length - len(prompt) - len(answered))
        detokeniser = Detokeniser(self.decode, sampling.stop, answered)
        reason: FinishReason = "stop" if len(tokens) < limit and not sampling.ignore_eos else "length"
        source = itertools.cycle(tokens) if sampling.ignore_eos else tokens
        for count, token in enumerate(itertools.islice(source, limit)):
            if count == self.fail_after:
                raise EngineError("the engine has failed: as the script says", mend="Start a new one")
            piece = detokeniser.push([token])
            if detokeniser.stopped:
                yield _delta(piece, sampling, "stop")
                return
            yield _delta(piece, sampling)
        yield _delta(detokeniser.finish(), sampling, reason)


def _delta(piece: Piece, sampling: Sampling, reason: FinishReason | None = None) -> Delta:
    logprobs = (_LOGPROB,) * len(piece.token_ids) if sampling.logprobs else ()
    return Delta(piece.token_ids, piece.text, reason, logprobs)


async def _sleep(seconds: float, until: float) -> None:
    left = until - time.monotonic()
    await asyncio.sleep(min(seconds, max(0.0, left)))
    if seconds >= left:
        raise TimeoutError


def _turn(message: Mapping[str, Any]) -> str:
    calls = "".join(f"<call>{json.dumps(call['function'])}" for call in message.get("tool_calls") or ())
    return f"<{message['role']}>{message['content'] or ''}{calls}"


def _last_user_message(rendered: str) -> str:
    return rendered.rpartition("<user>")[2].removesuffix(_ANSWER)
