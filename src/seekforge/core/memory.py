"""Giving memory back between stages, so that a run's peak is its largest stage and not the sum of them."""

from __future__ import annotations

import ctypes
import gc


def release() -> None:
    """Collects cycles (a trainer holds its model in several) and has the C allocator return its free pages."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if trim is not None:
        trim(0)
