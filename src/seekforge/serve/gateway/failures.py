"""What can go wrong with an upstream, and what a client is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.wire import TryLater
from seekforge.serve.strict import decode

_LONGEST_LIMIT = 3600.0


class UpstreamError(Exception):
    """An upstream did not answer as it should.

    Args:
        kind: `unreachable`, `lost`, `slow`, `limited`, `failed`, `refused` or `malformed`.
        message: In a sentence.
        status: What the client gets if nobody else answers.
        code: For programs.
        param: The field that it is about, if the upstream says so.
        after: Seconds until it wants to be asked again.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        status: int = 502,
        code: str = "upstream_unavailable",
        param: str | None = None,
        after: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.kind, self.message, self.status, self.code = kind, message, status, code
        self.param, self.after = param, after

    @property
    def is_request(self) -> bool:
        """The request is at fault: nobody else would answer it either."""
        return self.kind == "refused"

    def to_client(self) -> ApiError:
        """What the client is told."""
        if self.kind == "limited":
            return TryLater(self.message, self.after, code="rate_limit_exceeded")
        if self.after:
            return TryLater(self.message, self.after, code=self.code, status=self.status)
        return ApiError(self.status, self.message, param=self.param, code=self.code)


def from_status(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """The error that an answer with another status than 200 is."""
    text, param, code = _error_of(body)
    if status == 429:
        after = retry_after(headers.get("Retry-After"), time())
        return UpstreamError("limited", text or "every engine is busy", status=429, after=after)
    if status in {401, 403}:  # our key, not the client's
        return UpstreamError("failed", f"the upstream refuses the gateway's key ({status})")
    if 400 <= status < 500 and status not in {408, 425}:
        return UpstreamError(
            "refused",
            text or f"the upstream answered {status}",
            status=status,
            code=code or "invalid_value",
            param=param,
        )
    return UpstreamError(
        "failed",
        text or f"the upstream answered {status}",
        status=503 if status == 503 else 502,
        code="upstream_unavailable",
    )


def from_event(tree: Mapping[str, Any]) -> UpstreamError:
    """The error that an event or an answer with `error` is."""
    error = tree["error"]
    text = error.get("message") if isinstance(error, dict) else error
    return UpstreamError("failed", text if isinstance(text, str) else "the upstream failed", status=503)


def retry_after(header: str | None, now: float) -> float:
    """Seconds of `Retry-After`, which may be a number or a date (RFC 9110, 10.2.3); 1 without it.

    >>> retry_after("7", now=0.0)
    7.0
    >>> retry_after("Thu, 01 Jan 1970 00:00:30 GMT", now=10.0)
    20.0
    """
    if header is None:
        return 1.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now
        except (ValueError, OverflowError):  # no date, or none that there is
            return 1.0
    return min(_LONGEST_LIMIT, max(0.0, seconds)) if seconds == seconds else 1.0


def _error_of(body: bytes) -> tuple[str | None, str | None, str | None]:
    """Message, param and code of an error in OpenAI's shape, or in one of those that pass for it."""
    try:
        tree = decode(body)
    except ValueError:
        return None, None, None
    error = tree.get("error", tree) if isinstance(tree, dict) else None
    if isinstance(error, str):
        return error, None, None
    if not isinstance(error, dict):
        return None, None, None
    values = (error.get(name) for name in ("message", "param", "code"))
    text, param, code = (value if isinstance(value, str) else None for value in values)
    return text or (error["detail"] if isinstance(error.get("detail"), str) else None), param, code
