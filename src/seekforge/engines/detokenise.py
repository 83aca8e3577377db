"""From token ids to text piece by piece: no half characters, no stop text, the same text however the ids arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Decode = Callable[[Sequence[int]], str]
_BROKEN = "\ufffd"  # what a decoder writes for bytes that are no whole character (yet)
_LONGEST_CHARACTER = 4  # bytes in UTF-8, so as many tokens at most; more than that and it will never be one


@dataclass(frozen=True, slots=True)
class Piece:
    """What may go out now. A token id goes out with the last character of its text."""

    token_ids: tuple[int, ...]
    text: str


class Detokeniser:
    """Incremental detokenisation with stop texts.

    Decoding works on a window that begins one piece back, because a tokeniser may write a token otherwise at the start
    of a text than within it (the method of Hugging Face TGI and vLLM). Ids are taken one at a time, so how they are cut
    into calls cannot change the text.

    Args:
        decode: Text of token ids, special tokens left out.
        stop: Texts that end the answer; empty ones are passed over.
        answered: The answer's beginning, given out by somebody else already. It does not come out again, but for the
            character that it ends within. No stop text begins in it: ids that may begin one are not given out.
    """

    def __init__(self, decode: Decode, stop: Iterable[str] = (), answered: Iterable[int] = ()) -> None:
        self._decode = decode
        self._stop = tuple(text for text in stop if text)
        self._window: list[int] = []  # ids from one piece back
        self._settled = 0  # how many of the window's ids have their text in `_held` or are out
        self._held = ""  # text that is known and not out
        self._waiting: deque[tuple[int, int]] = deque()  # ids that are not out, and where in the text each ends
        self._length = 0  # characters known so far, held ones included
        self._tail = 0  # ids of `_waiting` whose text is not known yet
        self._given = 0  # ids at the front of `_waiting` that are out although their text is not
        self.stopped = False
        self.push(answered)
        self._release(0)
        self._given = len(self._waiting)

    def push(self, token_ids: Iterable[int]) -> Piece:
        """Takes more ids; `stopped` turns true when a stop text was met, and later ids are passed over."""
        for token_id in token_ids:
            if not self.stopped:
                self._one(token_id)
        return self._release(0 if self.stopped else self._could_be_stop())

    def finish(self) -> Piece:
        """The rest: what was held back in case more came."""
        if not self.stopped:
            self._settle(self._fresh())
        return self._release(0)

    def _one(self, token_id: int) -> None:
        self._window.append(token_id)
        self._tail += 1
        self._waiting.append((token_id, -1))
        fresh = self._fresh()
        if (fresh and not fresh.endswith(_BROKEN)) or self._tail > _LONGEST_CHARACTER:
            self._settle(fresh)
            self._window = self._window[self._settled :]
            self._settled = len(self._window)

    def _fresh(self) -> str:
        """Text of the window's ids that are not settled yet."""
        known = self._decode(self._window[: self._settled]) if self._settled else ""
        return self._decode(self._window)[len(known) :]

    def _settle(self, fresh: str) -> None:
        self._held += fresh
        self._length += len(fresh)
        for index in range(len(self._waiting) - self._tail, len(self._waiting)):
            self._waiting[index] = (self._waiting[index][0], self._length)
        self._tail = 0
        self._cut_at_stop()

    def _cut_at_stop(self) -> None:
        found = [at for at in (self._held.find(text) for text in self._stop) if at >= 0]
        if not found:
            return
        self.stopped = True
        cut = len(self._held) - min(found)
        self._held = self._held[: min(found)]
        self._length -= cut
        while self._waiting and self._waiting[-1][1] > self._length:
            self._waiting.pop()

    def _could_be_stop(self) -> int:
        """How many of the last held characters may be the beginning of a stop text."""
        longest = 0
        for text in self._stop:
            for size in range(min(len(text) - 1, len(self._held)), longest, -1):
                if self._held.endswith(text[:size]):
                    longest = size
                    break
        return longest

    def _release(self, keep: int) -> Piece:
        """Whole tokens only, so that the ids that are out always have the text that is out; the end goes as it is."""
        out = []
        end = self._length - len(self._held)  # characters that are out
        while self._waiting and 0 <= self._waiting[0][1] <= self._length - keep:
            token_id, end = self._waiting.popleft()
            if self._given:
                self._given -= 1
            else:
                out.append(token_id)
        cut = len(self._held) - (self._length - end if keep else 0)
        text, self._held = self._held[:cut], self._held[cut:]
        return Piece(tuple(out), text)
