"""The address of an OpenAI-compatible server, as every config that names one takes it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError


def _base(url: str) -> str:
    """Without a slash or `/v1` at its end."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise PydanticCustomError("url", "'{url}' is no http:// or https:// address", {"url": url})
    return url.rstrip("/").removesuffix("/v1")


Address = Annotated[str, AfterValidator(_base)]
