"""The guard: what may go in, and which words may not come out.

`open_guard(config)` makes one; the gateway knows it by the protocols `Guard` and `OutputFilter` of its seams.
"""

from seekforge.serve.gateway.guard.audit import Audit, AuditLog, Event
from seekforge.serve.gateway.guard.guard import GuardStats, TextGuard, open_guard

__all__ = ["Audit", "AuditLog", "Event", "GuardStats", "TextGuard", "open_guard"]
