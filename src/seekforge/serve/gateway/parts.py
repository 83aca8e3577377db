"""What the gateway is put together from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from seekforge.core.config.gateway import GatewayConfig
from seekforge.serve.gateway.directory import Directory
from seekforge.serve.gateway.feedback import FeedbackStore
from seekforge.serve.gateway.lines import LazyLines
from seekforge.serve.gateway.metrics import Metrics
from seekforge.serve.gateway.places import Places
from seekforge.serve.gateway.readiness import Readiness
from seekforge.serve.gateway.relay import Relay
from seekforge.serve.gateway.seams import Guard, KeyRing, Limiter, Templates
from seekforge.serve.gateway.tracing import Tracer
from seekforge.serve.gateway.upstream import Pool


@dataclass(slots=True)
class Parts:
    """The parts that layers and routes share.

    Attributes:
        draining: No further requests are taken.
        ended: What still runs is told so and ended.
        tasks: The requests that ask an engine.
    """

    config: GatewayConfig
    clock: Callable[[], float]
    guard: Guard | None
    keys: KeyRing | None
    limiter: Limiter | None
    templates: Templates | None
    directory: Directory
    metrics: Metrics
    pool: Pool
    relay: Relay
    readiness: Readiness
    places: Places
    access_log: LazyLines | None
    feedback: FeedbackStore | None
    tracer: Tracer | None
    draining: bool = False
    ended: bool = False
    tasks: set[asyncio.Task[object]] = field(default_factory=set)
