"""Whatever goes wrong within becomes one message in OpenAI's shape; nobody sees a traceback."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Receive, Scope, Send

from seekforge.core.errors import SeekforgeError
from seekforge.serve.errors import ApiError, from_ours
from seekforge.serve.gateway.exchange import exchange_of
from seekforge.serve.gateway.wire import ClientStuck, fail

_log = logging.getLogger(__name__)


class Errors:
    """Turns exceptions into answers.

    Args:
        app: What is within.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs a request."""
        exchange = exchange_of(scope)
        try:
            await self._app(scope, receive, send)
        except ApiError as error:
            await fail(send, exchange, error)
        except ClientStuck:
            exchange.outcome, exchange.error = "cancelled", "the client stopped reading"
        except SeekforgeError as error:
            await fail(send, exchange, from_ours(error))
        except Exception:
            _log.exception("request %s failed", exchange.id)
            await fail(send, exchange, ApiError(500, "the gateway failed; its log says why", code="internal_error"))
