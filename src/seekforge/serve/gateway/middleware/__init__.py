"""Layers around the routes, one concern a file. This is the one place where their order stands."""

from __future__ import annotations

from starlette.types import ASGIApp

from seekforge.serve.gateway.exchange import Table
from seekforge.serve.gateway.middleware.account import Account
from seekforge.serve.gateway.middleware.body import Body
from seekforge.serve.gateway.middleware.deadline import Deadline
from seekforge.serve.gateway.middleware.errors import Errors
from seekforge.serve.gateway.middleware.identify import Identify
from seekforge.serve.gateway.middleware.keys import Keys
from seekforge.serve.gateway.middleware.limits import Limits
from seekforge.serve.gateway.middleware.queue import Queue
from seekforge.serve.gateway.parts import Parts


def wrap(app: ASGIApp, parts: Parts, routes: Table) -> ASGIApp:
    """The app within all layers.

    From the outside in: who asks what (id, route, clock); the books (log, metrics, trace, tokens spent) that see
    whatever happens within; errors as answers; keys and limits, before a byte of the body is read; the body, before it
    can hold a place; the deadline and the client that leaves, which also end the wait for a place; the place.
    """
    app = Queue(app, parts)
    app = Deadline(app, parts)
    app = Body(app, parts)
    app = Limits(app, parts)
    app = Keys(app, parts)
    app = Errors(app)
    app = Account(app, parts)
    return Identify(app, parts, routes)
