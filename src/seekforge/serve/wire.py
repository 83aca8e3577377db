"""One answer as its route writes it: chat or plain completion, whole or event by event."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from seekforge.engines.protocol import Delta, FinishReason
from seekforge.serve import completions, schema
from seekforge.serve.tools import CallParser

Decode = Callable[[Sequence[int]], str]
_BROKEN = "\ufffd"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `token_ids` and `logprobs` are of what was generated for this request."""

    text: str
    finish_reason: FinishReason
    usage: dict[str, int]
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Face:
    """What an answer carries besides its text.

    Attributes:
        id: The answer's id.
        model: The model's name for clients.
        fingerprint: `system_fingerprint`; None leaves it out.
        prompt_token_ids: The prompt's ids where the client wants token ids, else None.
        decode: Makes a token's text for logprobs; None where nobody asked for them.
    """

    id: str
    model: str
    fingerprint: str | None = None
    prompt_token_ids: Sequence[int] | None = None
    decode: Decode | None = None

    def dressed(self, payload: dict[str, Any], token_ids: Sequence[int] | None = None) -> dict[str, Any]:
        """The payload with the fingerprint, and its choices with token ids where they are wanted."""
        if self.fingerprint is not None:
            payload["system_fingerprint"] = self.fingerprint
        if self.prompt_token_ids is not None and token_ids is not None:
            for choice in payload["choices"]:
                choice["token_ids"] = list(token_ids)
        return payload


class Wire(Protocol):
    """What a route must know to be written."""

    def opening(self) -> Iterator[dict[str, Any]]:
        """The events before the first piece."""

    def piece(self, delta: Delta) -> Iterator[dict[str, Any]]:
        """The events of a piece of the answer, its end aside."""

    def closing(self, reason: FinishReason) -> Iterator[dict[str, Any]]:
        """The last events with a choice."""

    def usage(self, used: dict[str, int]) -> dict[str, Any]:
        """The event that tells the usage."""

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The answer in one piece."""


@dataclass(slots=True)
class ChatWire:
    """Chat completions; with a parser, tool calls are taken out of the text."""

    face: Face
    calls: CallParser | None = None

    def opening(self) -> Iterator[dict[str, Any]]:
        """The assistant's turn begins, with the prompt's ids where they are wanted."""
        begun = self._chunk({"role": "assistant", "content": ""}, token_ids=())
        if self.face.prompt_token_ids is not None:
            begun["prompt_token_ids"] = list(self.face.prompt_token_ids)
        yield begun

    def piece(self, delta: Delta) -> Iterator[dict[str, Any]]:
        """Text, then the calls that it completed. Token ids go with the first event of the piece."""
        found = None if self.calls is None else self.calls.push(delta.text)
        parts: list[dict[str, Any]] = []
        text = delta.text if found is None else found.text
        if text or (delta.token_ids and self._counts_tokens and not (found and found.calls)):
            parts.append({"content": text})
        parts += [{"tool_calls": [call]} for call in (found.calls if found else ())]
        for number, part in enumerate(parts):
            first = number == 0
            logprobs = _chat_logprobs(self.face.decode, delta.token_ids, delta.logprobs) if first else None
            yield self._chunk(part, logprobs=logprobs, token_ids=delta.token_ids if first else ())

    def closing(self, reason: FinishReason) -> Iterator[dict[str, Any]]:
        """What was held back, then the reason."""
        rest = self.calls.finish().text if self.calls else ""
        if rest:
            yield self._chunk({"content": rest}, token_ids=())
        yield self._chunk({}, self._reason(reason), token_ids=())

    def usage(self, used: dict[str, int]) -> dict[str, Any]:
        """The event that tells the usage."""
        return self.face.dressed(schema.chunk(self.face.id, self.face.model, {}, None, used))

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The answer in one piece."""
        text: str | None = answer.text
        calls: Sequence[dict[str, Any]] = ()
        if self.calls is not None:
            found = self.calls.push(answer.text)
            text, calls = found.text + self.calls.finish().text, found.calls
            text = text if text.strip() or not calls else None
        body = schema.completion(
            self.face.id,
            self.face.model,
            text,
            self._reason(answer.finish_reason),
            answer.usage,
            calls=calls,
            logprobs=_chat_logprobs(self.face.decode, answer.token_ids, answer.logprobs),
        )
        if self.face.prompt_token_ids is not None:
            body["prompt_token_ids"] = list(self.face.prompt_token_ids)
        return self.face.dressed(body, answer.token_ids)

    @property
    def _counts_tokens(self) -> bool:
        return self.face.prompt_token_ids is not None or self.face.decode is not None

    def _reason(self, reason: FinishReason) -> FinishReason | Literal["tool_calls"]:
        return "tool_calls" if self.calls is not None and self.calls.found and reason == "stop" else reason

    def _chunk(
        self,
        part: dict[str, Any],
        reason: FinishReason | Literal["tool_calls"] | None = None,
        *,
        logprobs: dict[str, Any] | None = None,
        token_ids: Sequence[int],
    ) -> dict[str, Any]:
        made = schema.chunk(self.face.id, self.face.model, part, reason, logprobs=logprobs)
        return self.face.dressed(made, token_ids)


@dataclass(slots=True)
class CompletionWire:
    """Plain completions. The prompt's ids stand in the choice, as vLLM has it."""

    face: Face
    _offset: int = field(default=0, init=False)
    _begun: bool = field(default=False, init=False)

    def opening(self) -> Iterator[dict[str, Any]]:
        """Nothing: the first piece is the first event."""
        yield from ()

    def piece(self, delta: Delta) -> Iterator[dict[str, Any]]:
        """One event, where there is anything to tell."""
        if delta.text or delta.token_ids:
            yield self._piece(delta.text, None, delta.token_ids, delta.logprobs)

    def closing(self, reason: FinishReason) -> Iterator[dict[str, Any]]:
        """The reason."""
        yield self._piece("", reason, (), ())

    def usage(self, used: dict[str, int]) -> dict[str, Any]:
        """The event that tells the usage."""
        top = schema.head(self.face.id, "text_completion", self.face.model)
        return self.face.dressed({**top, "choices": [], "usage": used})

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The answer in one piece."""
        body = self._piece(answer.text, answer.finish_reason, answer.token_ids, answer.logprobs)
        return {**body, "usage": answer.usage}

    def _piece(
        self, text: str, reason: FinishReason | None, token_ids: Sequence[int], logprobs: Sequence[float]
    ) -> dict[str, Any]:
        told = None
        if self.face.decode is not None and token_ids:
            tokens = [self.face.decode([token_id]) for token_id in token_ids]
            # Where a character has several tokens, each is said to begin where the piece's text has got to.
            ends = [min(len(text), len(self.face.decode(token_ids[:i]))) for i in range(len(token_ids))]
            told = {
                "tokens": tokens,
                "token_logprobs": list(logprobs),
                "top_logprobs": None,
                "text_offset": [self._offset + end for end in ends],
            }
        self._offset += len(text)
        body = completions.piece(self.face.id, self.face.model, text, reason, told)
        if self.face.prompt_token_ids is not None and not self._begun:
            body["choices"][0]["prompt_token_ids"] = list(self.face.prompt_token_ids)
        self._begun = True
        return self.face.dressed(body, token_ids)


def _chat_logprobs(decode: Decode | None, token_ids: Sequence[int], logprobs: Sequence[float]) -> dict[str, Any] | None:
    if decode is None:
        return None
    content = []
    for token_id, logprob in zip(token_ids, logprobs, strict=True):
        text = decode([token_id])
        # Half a character has no text of its own, and its bytes are not known behind the decoder.
        content.append(
            {
                "token": text,
                "logprob": logprob,
                "bytes": None if _BROKEN in text else list(text.encode()),
                "top_logprobs": [],
            }
        )
    return {"content": content, "refusal": None}
