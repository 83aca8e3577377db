"""`POST /v1/feedback`: a rating of an answer, kept as a JSON line for whoever learns from it."""

from __future__ import annotations

from starlette.types import Send

from seekforge.core.errors import ResourceError
from seekforge.serve.errors import ApiError
from seekforge.serve.gateway.exchange import Exchange, Handler
from seekforge.serve.gateway.feedback import HIGHEST, LOWEST, Feedback
from seekforge.serve.gateway.parts import Parts
from seekforge.serve.gateway.requests import FeedbackRequest, understand
from seekforge.serve.gateway.wire import respond_json
from seekforge.serve.strict import parse

PATH = "/v1/feedback"
_THUMBS = {"up": HIGHEST, "down": LOWEST}


def feedback(parts: Parts) -> Handler:
    """The handler: the same rating again changes nothing, another one takes the first one's place."""

    async def handle(exchange: Exchange, send: Send) -> None:
        if parts.feedback is None:
            raise ApiError(404, "this gateway takes no feedback", code="feedback_off")
        rated = understand(parse(exchange.body), FeedbackRequest)
        exchange.model = parts.directory.find(rated.model).name
        rating = _THUMBS[rated.rating] if isinstance(rated.rating, str) else rated.rating
        said = Feedback(
            rated.id, rating, rated.comment or "", exchange.caller.id, exchange.model, (rated.user or "").strip()
        )
        try:
            outcome = await parts.feedback.add(said)
        except (ResourceError, OSError) as error:
            raise ApiError(503, "the feedback could not be written", code="feedback_unavailable") from error
        await respond_json(send, {"id": rated.id, "outcome": outcome})

    return handle
