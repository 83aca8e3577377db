"""`seekforge doctor`: what this machine can do, what is missing, and the mend."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import typer

_GIB = 2**30
_LIBRARIES = ("torch", "transformers", "trl", "peft", "openvino-genai", "gguf", "mlflow", "granian")
_LEAST_MEMORY, _LEAST_DISK = 6.0, 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend` is empty when all is well."""

    what: str
    found: str
    ok: bool
    mend: str = ""


def command() -> None:
    """Show what this machine can do, what is missing, and the mend. Exit code 1 if the demo cannot run.

    Example: seekforge doctor
    """
    from seekforge.cli.show import table

    findings = [*_machine(), *_libraries(), _demo(), _registry()]
    rows = [("ok", f.what, f.found, "") if f.ok else ("MISSING", f.what, f.found, f.mend) for f in findings]
    typer.echo(table("seekforge doctor", ("", "what", "found", "mend"), rows))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _machine() -> list[Finding]:
    from seekforge.core import hardware
    from seekforge.core.config import environment

    facts = hardware.describe()
    runs = environment().runs
    existing = next(path for path in (runs, *runs.parents) if path.exists())
    free = shutil.disk_usage(existing).free / _GIB
    memory = facts["memory_gib"]
    native = hardware.has_bfloat16()
    arithmetic = "bfloat16" if native else "float32, for want of bfloat16 instructions"
    gpu = facts["gpu"] or "none: LoRA of small models and OpenVINO serving run on the CPU"
    return [
        Finding("processor", f"{facts['cpu']}, {facts['cores']} cores", True),
        Finding("arithmetic", arithmetic, True),
        Finding("memory", f"{memory} GiB", memory >= _LEAST_MEMORY, f"The demo needs {_LEAST_MEMORY:.0f} GiB"),
        Finding("GPU", gpu, True),
        Finding("disk", f"{free:.1f} GiB free at {existing}", free >= _LEAST_DISK, "Free some, or set SEEKFORGE_RUNS"),
    ]


def _libraries() -> list[Finding]:
    found = []
    for name in _LIBRARIES:
        try:
            found.append(Finding(name, version(name), True))
        except PackageNotFoundError:
            found.append(Finding(name, "not installed", False, f"pip install {name}"))
    return found


def _demo() -> Finding:
    from seekforge.core.errors import ModelError
    from seekforge.core.models import resolve

    try:
        return Finding("demo model", str(resolve("demo").path), True)
    except ModelError as error:
        return Finding("demo model", error.what, False, error.mend)


def _registry() -> Finding:
    from seekforge.core.config import environment

    return Finding("run registry", environment().tracking_uri, True)
