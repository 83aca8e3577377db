"""The gateway from an endpoint's config, with all its parts: guard, keys, limits, templates, feedback."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

from seekforge.core.config import EndpointConfig
from seekforge.core.files import disk_errors
from seekforge.serve.gateway.app import GatewayApp, create_app
from seekforge.serve.gateway.feedback import FeedbackStore
from seekforge.serve.gateway.guard import TextGuard, open_guard
from seekforge.serve.gateway.keys import FileKeys
from seekforge.serve.gateway.limits import RateLimiter
from seekforge.serve.gateway.metrics import Metrics
from seekforge.serve.gateway.seams import Caller, KeyRing
from seekforge.serve.gateway.templates import PromptTemplates


class FirstKey:
    """A key ring with one more key, which nobody but its maker knows and which ends when it has been used.

    With it the command itself asks the first question through the whole door.

    Args:
        ring: The others; None lets everybody in.
    """

    def __init__(self, ring: KeyRing | None) -> None:
        self._ring = ring
        self.key = secrets.token_urlsafe(32)
        self._is_open = True

    def end(self) -> None:
        """The key opens nothing any more."""
        self._is_open = False

    def identify(self, authorization: str | None) -> Caller | None:
        """Who sends this."""
        sent = (authorization or "").removeprefix("Bearer ").encode("utf-8", "surrogatepass")
        if self._is_open and hmac.compare_digest(sent, self.key.encode()):
            return Caller("seekforge", frozenset({"chat", "embeddings"}))
        return None if self._ring is None else self._ring.identify(authorization)


def open_gateway(config: EndpointConfig, report: Callable[[str], None]) -> tuple[GatewayApp, FirstKey | None]:
    """The app with everything that the config names, and the key for the first question where keys are on.

    Args:
        config: Settled: every file that is written has its path, the worker is among the upstreams.
        report: Takes lines for the operator while it runs.

    Raises:
        ConfigError: A key file, a list or a template is wrong.
        ResourceError: A file cannot be written.
    """
    templates = PromptTemplates(config.templates)
    guard = open_guard(config.guard)
    keys = FirstKey(FileKeys(config.keys, report)) if config.keys is not None else None
    limiter = RateLimiter(config.rate_limits, report)
    feedback = None
    if config.feedback is not None:
        with disk_errors(config.feedback.path):
            feedback = FeedbackStore(config.feedback, report)
    app = create_app(config.gateway, guard=guard, keys=keys, limiter=limiter, templates=templates, feedback=feedback)
    if guard is not None:
        _add_guard_gauges(app.parts.metrics, guard)
    return app, keys


def _add_guard_gauges(metrics: Metrics, guard: TextGuard) -> None:
    metrics.gauge("guard_list_entries", "Words and exceptions in force.", lambda: guard.stats().entries)
    metrics.gauge(
        "guard_lists_stale",
        "1 while the newest word lists cannot be used and older ones are in force.",
        lambda: float(guard.stats().problem is not None),
    )
