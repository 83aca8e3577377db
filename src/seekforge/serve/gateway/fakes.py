"""Parts for tests: a guard, a key ring, a limiter and templates without anything behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seekforge.core.errors import InputError
from seekforge.serve.gateway.seams import Admission, Caller, InputVerdict, Message, OutputFilter, Passed


class FakeGuard:
    """Refuses conversations, and stops answers, that hold a listed word.

    Args:
        words: The words.
        escape: Replaced by `[x]` in conversations.
        fails: Raise instead of judging: `input`, `open` or `push`.

    Attributes:
        seen: What was judged on its way in, in order.
    """

    def __init__(self, words: Sequence[str] = (), *, escape: str | None = None, fails: str | None = None) -> None:
        self._words, self._escape, self._fails = tuple(words), escape, fails
        self.seen: list[Sequence[Message]] = []

    def check_input(self, messages: Sequence[Message], *, user: str, request_id: str) -> InputVerdict:
        """Looks for the words as they are."""
        if self._fails == "input":
            raise RuntimeError("as the script says")
        self.seen.append(messages)
        for number, message in enumerate(messages):
            if any(word in str(message.get("content")) for word in self._words):
                return InputVerdict(messages, "this is not talked about here", "words", f"messages.{number}.content")
        if self._escape is None:
            return InputVerdict(messages)
        return InputVerdict([{**m, "content": str(m["content"]).replace(self._escape, "[x]")} for m in messages])

    def open_output(self, *, user: str, request_id: str) -> OutputFilter:
        """A filter that holds back the longest word's length less one."""
        if self._fails == "open":
            raise RuntimeError("as the script says")
        return FakeFilter(self._words, fails=self._fails == "push")


class FakeFilter:
    """Passes text until a listed word comes.

    Args:
        words: The words.
        fails: Raise instead of passing.
    """

    def __init__(self, words: Sequence[str], *, fails: bool = False) -> None:
        self._words, self._fails, self._held, self._stopped = words, fails, "", False
        self._keep = max((len(word) for word in words), default=1) - 1

    def push(self, text: str) -> Passed:
        """What can no longer become a word."""
        if self._fails:
            raise RuntimeError("as the script says")
        self._held += text
        places = [place for word in self._words if (place := self._held.find(word)) >= 0]
        if places or self._stopped:
            self._stopped = True
            return Passed(self._held[: min(places, default=0)], stopped=True)
        cut = max(0, len(self._held) - self._keep)
        passed, self._held = self._held[:cut], self._held[cut:]
        return Passed(passed)

    def finish(self) -> Passed:
        """The rest."""
        if self._stopped:
            return Passed("", stopped=True)
        passed, self._held = self._held, ""
        return Passed(passed)


class FakeKeys:
    """Knows the keys that it was given.

    Args:
        callers: Key to caller.
    """

    def __init__(self, callers: Mapping[str, Caller]) -> None:
        self._callers = callers

    def identify(self, authorization: str | None) -> Caller | None:
        """Who sends this key."""
        return self._callers.get((authorization or "").removeprefix("Bearer "))


class FakeLimiter:
    """Lets so many requests through, ever.

    Args:
        requests: How many.

    Attributes:
        spent: Tokens by caller.
    """

    def __init__(self, requests: int) -> None:
        self._left = requests
        self.spent: dict[str, int] = {}

    async def admit(self, caller: Caller) -> Admission:
        """Counts one in."""
        self._left -= 1
        headers = {"x-ratelimit-remaining-requests": str(max(0, self._left))}
        if self._left < 0:
            return Admission(7.0, "requests per minute", headers)
        return Admission(headers=headers)

    async def spend(self, caller: Caller, tokens: int) -> None:
        """Adds up."""
        self.spent[caller.id] = self.spent.get(caller.id, 0) + tokens

    async def close(self) -> None:
        """Nothing is open."""


class FakeTemplates:
    """Knows `polite`, which wants a `name`.

    Args:
        by_model: Model to template, for requests that name none.
    """

    def __init__(self, by_model: Mapping[str, str] | None = None) -> None:
        self._by_model = dict(by_model or {})

    def pick(self, asked: str | None, model: str | None) -> str | None:
        """The one asked for, else the model's."""
        return asked or self._by_model.get(model or "")

    def apply(self, name: str, messages: Sequence[Message], values: Mapping[str, str]) -> list[dict[str, Any]]:
        """Puts a system line before the conversation."""
        if name != "polite":
            raise InputError(f"there is no template '{name}'", where="template")
        if "name" not in values:
            raise InputError("the template needs a value for 'name'", where="values")
        return [{"role": "system", "content": f"Be polite to {values['name']}."}, *map(dict, messages)]
