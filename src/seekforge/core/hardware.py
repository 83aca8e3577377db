"""What this machine is, in the words that a measurement carries."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path
from typing import Any

_CGROUP = Path("/sys/fs/cgroup")


@lru_cache(maxsize=1)
def describe() -> dict[str, Any]:
    """Processor, cores that this process may use, memory in GiB, GPU, system and Python."""
    import psutil

    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": _gpu_name(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 by itself; done by other means it takes many times float32's time."""
    return bool(_cpu_flags() & {"avx512_bf16", "amx_bf16", "bf16"})


def has_int8_matrices() -> bool:
    """Whether the processor multiplies matrices of INT8 by itself (AMX)."""
    return "amx_int8" in _cpu_flags()


def free_memory() -> int:
    """Bytes of main memory that this process may still take; a container's own limit counts."""
    import psutil

    free = int(psutil.virtual_memory().available)
    limit, used = (_cgroup_number(name) for name in ("memory.max", "memory.current"))
    if limit is None or used is None:
        return free
    statistics = (_CGROUP / "memory.stat").read_text(encoding="utf-8").split()
    cache = int(statistics[statistics.index("inactive_file") + 1]) if "inactive_file" in statistics else 0
    return max(0, min(free, limit - used + cache))


def _cgroup_number(name: str) -> int | None:
    """A number of this control group (version 2); None where there is none or it is `max`."""
    try:
        text = (_CGROUP / name).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def where() -> str:
    """One line for a measurement's `where`.

    >>> " cores" in where() or " core" in where()
    True
    """
    facts = describe()
    gpu = f", {facts['gpu']}" if facts["gpu"] else ""
    return f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']:.0f} GiB{gpu}"


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cpu_flags() -> frozenset[str]:
    """What Linux says the processor can do: `flags` on x86, `Features` on ARM."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(
        word for line in lines if line.startswith(("flags", "Features")) for word in line.partition(":")[2].split()
    )


def _gpu_name() -> str | None:
    """The first NVIDIA GPU by the driver's own files: no torch, no NVML needed."""
    for info in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("Model:"):
                return line.partition(":")[2].strip()
    return None
