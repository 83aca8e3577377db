"""One answer on its way out: what can still become a listed word waits, everything else goes at once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable

from seekforge.core.words.decide import Found, settled, unexcused
from seekforge.core.words.fold import fold, offsets
from seekforge.core.words.lists import WordList
from seekforge.core.words.matcher import Matcher
from seekforge.serve.gateway.seams import Passed

NOTHING = Passed("")
STOPPED = Passed("", stopped=True)
_PATIENCE = 8  # longest words that exceptions, one reaching into the next, may hold back together


class StreamFilter:
    """Filters one answer; what comes out does not depend on how it was cut into pieces.

    Args:
        matcher: The lists as they were when the answer began.
        record: Told of each hit before anything of it is decided on the wire; what it raises ends the answer.
        failed: Told of an error; the answer ends then.
    """

    def __init__(
        self, matcher: Matcher, record: Callable[[WordList, int], None], failed: Callable[[Exception], None]
    ) -> None:
        self._matcher, self._record, self._failed = matcher, record, failed
        self._raw = self._folded = ""  # held back, as written and folded
        self._before = ""  # the folded character before it
        self._stopped = False

    @property
    def held(self) -> str:
        """What is held back now, as the model wrote it."""
        return self._raw

    def push(self, text: str) -> Passed:
        """Takes more text and gives what can no longer become a listed word."""
        if self._stopped:
            return STOPPED
        if not text:
            return NOTHING
        try:
            return self._take(text, False)
        except Exception as error:
            return self._fail(error)

    def finish(self) -> Passed:
        """The rest, when the engine has ended. An end is also the end of a word."""
        if self._stopped:
            return STOPPED
        try:
            return self._take("", True)
        except Exception as error:
            return self._fail(error)

    def _fail(self, error: Exception) -> Passed:
        """An open door is worse than a lost answer."""
        self._stop()
        self._failed(error)
        return STOPPED

    def _take(self, text: str, final: bool) -> Passed:
        matcher, before = self._matcher, self._before
        raw, folded = text, fold(text, self._folded[-1:] or before)
        if self._raw:
            raw, folded = self._raw + raw, self._folded + folded
        start = matcher.start(folded, before)
        if start < 0:  # nothing can begin here: most of what is written
            self._before = folded[-1:] or before
            return Passed(raw) if raw else NOTHING
        found, live = matcher.scan(folded, start, final=final)
        if found:
            return self._settle(raw, folded, found, live, final)
        return self._release("", raw, folded, live)

    def _settle(self, raw: str, folded: str, found: list[Found], live: int, final: bool) -> Passed:
        """There are words or exceptions: everything that is decided, one word after the other."""
        matcher, out = self._matcher, ""
        while True:
            cut = settled(found, live)
            if len(folded) - cut > _PATIENCE * matcher.longest:
                found = [entry._replace(key=entry.key.strict()) for entry in found]
                cut = live
            hits = unexcused(found, cut)
            if not hits:
                return self._release(out, raw, folded, cut)
            ends = offsets(raw, folded, self._before)
            at, seen = 0, 0
            for hit in hits:
                if hit.start < seen:
                    continue
                words = matcher.lists[hit.list]
                self._record(words, hit.line)
                begin, end = bisect_right(ends, hit.start), bisect_left(ends, hit.end) + 1
                out += raw[at:begin]
                if words.config.action != "mask":
                    self._stop()
                    return Passed(out + (words.config.text or ""), stopped=True)
                out += matcher.mask * (end - begin)
                at, seen = end, ends[end - 1]
                if _is_crossed(found, hit.start, seen):
                    break  # what began inside this word is gone: look at the rest again
            self._before = folded[seen - 1]
            raw, folded = raw[at:], folded[seen:]
            found, live = matcher.scan(folded, matcher.start(folded, self._before), final=final)

    def _release(self, out: str, raw: str, folded: str, cut: int) -> Passed:
        """Lets everything before `cut` go and keeps the rest."""
        if cut == len(folded):
            out, self._raw, self._folded = out + raw, "", ""
        elif cut and raw.lower() == folded:  # one for one, see `offsets`
            out, self._raw, self._folded = out + raw[:cut], raw[cut:], folded[cut:]
        else:
            ends = offsets(raw, folded, self._before)
            at = bisect_right(ends, cut)  # a character that folds to several goes or stays as a whole
            cut = ends[at - 1] if at else 0
            out, self._raw, self._folded = out + raw[:at], raw[at:], folded[cut:]
        if cut:
            self._before = folded[cut - 1]
        return Passed(out) if out else NOTHING

    def _stop(self) -> None:
        self._stopped, self._raw, self._folded = True, "", ""


class ShutFilter:
    """Lets nothing out: for an answer that no filter could be made for."""

    def push(self, text: str) -> Passed:
        """Nothing."""
        return STOPPED

    def finish(self) -> Passed:
        """Nothing."""
        return STOPPED


def _is_crossed(found: list[Found], start: int, end: int) -> bool:
    """Does an entry begin between the two and reach further?"""
    first = bisect_left(found, start, key=_start)
    return any(entry.end > end for entry in found[first : bisect_left(found, end, key=_start)])


def _start(entry: Found) -> int:
    return entry.start
