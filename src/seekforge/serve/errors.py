"""Errors as the OpenAI API writes them: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from seekforge.core.errors import InputError, SeekforgeError
from seekforge.serve.wording import of_pydantic


class ApiError(Exception):
    """What a client is told.

    Args:
        status: HTTP status.
        message: What is wrong, in a sentence.
        param: The field that it is about.
        code: For programs (`model_not_found`).
        retry_after: Seconds after which it is worth trying again.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        kind = "rate_limit_error" if self.status == 429 else kind
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def headers(self) -> dict[str, str]:
        """`Retry-After`, where there is one."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def from_validation(error: ValidationError) -> ApiError:
    """The first problem that pydantic found, in our words; the client's input is not repeated."""
    problems = error.errors(include_url=False, include_input=False)
    if problems[0]["type"] == "json_invalid":
        return ApiError(400, f"the body is not JSON: {problems[0]['msg']}", code="invalid_json")
    first = _field(problems[0])
    # Of the branches of a union the one that came furthest is the one that was meant.
    within = [problem for problem in problems if _field(problem)[: len(first)] == first]
    place = _field(max(within, key=lambda problem: len(_field(problem))))
    message = of_pydantic([problem for problem in within if _field(problem) == place])
    param = ".".join(map(str, place)) or None
    return ApiError(400, f"{param}: {message}" if param else message, param=param, code="invalid_value")


def from_ours(error: SeekforgeError) -> ApiError:
    """The client's fault is 400, the engine's 503: another worker may well answer."""
    if isinstance(error, InputError):
        return ApiError(400, str(error), param=error.where or None, code="invalid_value")
    return ApiError(503, str(error), code="engine_unavailable")


def _field(problem: ErrorDetails) -> tuple[int | str, ...]:
    """Where it is, without the branch of a union that pydantic puts there (`stop.list[str].0`); it is no field."""
    return tuple(part for part in problem["loc"] if not (isinstance(part, str) and (part == "str" or "[" in part)))
