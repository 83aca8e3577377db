"""A process that ends with the one that started it, even if that is killed with -9 and cannot clean up."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with(parent: int | None = None) -> None:
    """Has the kernel kill this process when the thread that started it ends, however that happens.

    Called in the process itself and not between fork and exec, where Python code can deadlock.

    Args:
        parent: Who started it. If that died in the meantime, the kernel has nothing left to tell, hence the look at who
            the parent is now; None looks at nobody.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
