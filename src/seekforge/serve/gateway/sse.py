"""Server-sent events, read from bytes that may be cut anywhere and written back.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream. Only `data` matters
here; comments and the fields `event`, `id` and `retry` are passed over.
"""

from __future__ import annotations

LARGEST_EVENT = 4 << 20
DONE = b"[DONE]"


class EventTooLarge(ValueError):
    """An event never ended."""


class EventParser:
    """Bytes in, the data of whole events out. Memory is bounded by the largest event.

    Args:
        largest: Bytes of one event.
    """

    def __init__(self, largest: int = LARGEST_EVENT) -> None:
        self._largest = largest
        self._line: list[bytes] = []  # pieces of a line that has not ended
        self._data: list[bytes] = []  # lines of an event that has not ended
        self._size = 0  # of both
        self._after_cr = False
        self._is_start = True

    def push(self, data: bytes) -> list[bytes]:
        """The data of every event that has ended by now.

        Raises:
            EventTooLarge: An event is larger than the largest one.
        """
        if self._after_cr and data:  # CR LF is one line end, wherever the bytes were cut
            data, self._after_cr = data.removeprefix(b"\n"), False
        self._size += len(data)
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        events: list[bytes] = []
        if b"\n" in data:
            self._line.append(data)
            *lines, rest = b"".join(self._line).split(b"\n")
            self._line = [rest] if rest else []
            for line in lines:
                self._take(line, events)
            if not self._data:
                self._size = len(rest)
        elif data:
            self._line.append(data)
        if self._size > self._largest:
            raise EventTooLarge(f"an event is larger than {self._largest} bytes")
        return events

    def rest(self) -> bytes:
        """At the end of the stream: the data of an event whose empty line never came; usually nothing."""
        events: list[bytes] = []
        self._take(b"".join(self._line), events)
        self._take(b"", events)
        self._line = []
        return events[0] if events else b""

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if self._is_start:
            line, self._is_start = line.removeprefix(b"\xef\xbb\xbf"), False
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif not line and self._data:
            events.append(b"\n".join(self._data))
            self._data = []


def frame(data: bytes) -> bytes:
    """One event of one line of data."""
    return b"data: " + data + b"\n\n"
