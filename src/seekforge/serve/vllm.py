"""vLLM's server as a child process, in its own environment; ready once it has decoded a token."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seekforge.core import reaper
from seekforge.core.config import Environment, VllmConfig
from seekforge.core.config.environment import child_environment
from seekforge.core.errors import EngineError
from seekforge.engines.install import find
from seekforge.engines.releases import Device
from seekforge.serve.child_server import ChildPlan, ChildServer, ask
from seekforge.serve.warm import Conversation, read_warm

ENGINE = "vllm"
_SERVER = "vllm.entrypoints.openai.api_server"
_DECODE_SECONDS = 120.0
# A crash ends in several tracebacks, one process after the other; the first error that is named is the cause.
_CAUSE = re.compile(r"^(?:\([^)]*\) )?(?:ERROR .*?\] )?((?:\w+\.)*\w+(?:Error|Exception|Interrupt): .+)$", re.MULTILINE)
_FOLLOWS = "Engine core initialization failed"


@dataclass(frozen=True, slots=True)
class VllmSpec:
    """What vLLM serves and where.

    Attributes:
        model: A model folder in Hugging Face's layout, or a hub id.
        name: The model's name for clients.
        log: File that takes what vLLM writes.
        environment: The virtual environment that vLLM is installed in (`installed_in`).
        config: How it serves.
        host: Address to listen on.
        port: Port to listen on; None takes a free one.
        ready_seconds: How long loading, compiling and the first decode may take.
        stop_seconds: How long it may take to end by itself before it is killed.
        device: The only GPU that it sees; None leaves it all.
        warm: JSON lines of conversations that it reads before it is ready.
    """

    model: str
    name: str
    log: Path
    environment: Path
    config: VllmConfig = field(default_factory=VllmConfig)
    host: str = "127.0.0.1"
    port: int | None = None
    ready_seconds: float = 900.0
    stop_seconds: float = 15.0
    device: int | None = None
    warm: Path | None = None


class VllmWorker(ChildServer):
    """A running vLLM, as a context manager, with the interface of `seekforge.serve.process.Worker`.

    The whole process group ends with it, also when our process is killed: vLLM's engine is a process of its own.

    Args:
        spec: What it serves and where.
    """

    def __init__(self, spec: VllmSpec) -> None:
        super().__init__(
            ChildPlan(
                title="vLLM",
                command=lambda host, port: reaper.reaped(command(spec, host, port)),
                problem=_Probe(spec),
                where=spec.model,
                log=spec.log,
                host=spec.host,
                port=spec.port,
                ready_seconds=spec.ready_seconds,
                stop_seconds=spec.stop_seconds,
                environment=child_environment(spec.environment, spec.device, **_settings(spec)),
            )
        )

    def log_tail(self) -> str:
        """The error that a crash began with, where its log names one, and the last lines."""
        causes = [cause for cause in _CAUSE.findall(self.log_text()) if _FOLLOWS not in cause]
        tail = super().log_tail()
        return f"{causes[0]} | ... | {tail}" if causes and causes[0] not in tail else tail


def installed_in(environment: Environment, device: Device | None = None) -> Path:
    """The virtual environment of the installed vLLM.

    Raises:
        ResourceError: vLLM is not installed; the message has the command.
    """
    return find(ENGINE, environment, device).folder


def command(spec: VllmSpec, host: str, port: int) -> Sequence[str]:
    """VLLM's OpenAI server with all that the spec says."""
    config = spec.config
    said = {
        "--model": spec.model,
        "--served-model-name": spec.name,
        "--host": host,
        "--port": port,
        "--dtype": config.dtype,
        "--tensor-parallel-size": config.tensor_parallel_size,
        "--quantization": config.quantization,
        "--max-model-len": config.max_model_len,
        "--gpu-memory-utilization": config.gpu_memory_utilization,
        "--max-num-seqs": config.max_num_seqs,
    }
    options = [part for name, value in said.items() if value is not None for part in (name, str(value))]
    # Not `vllm serve`: that command asks for the version of a package `vllm`, which the build for CPUs is not called.
    return [str(spec.environment / "bin" / "python"), "-m", _SERVER, *options, *config.options]


def _settings(spec: VllmSpec) -> dict[str, str]:
    """Variables that vLLM reads; it calls home unless told not to."""
    settings = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    if Path(spec.model).is_dir():
        settings["HF_HUB_OFFLINE"] = "1"  # all is there; without a network it would ask the hub for minutes
    if spec.config.kv_cache_gib is not None:
        settings["VLLM_CPU_KVCACHE_SPACE"] = str(spec.config.kv_cache_gib)
    return settings


class _Probe:
    """Asks for one token, as `/health` is 200 also when the engine behind it is dead; then warms up, once.

    Raises:
        ConfigError: The file to warm up with is wrong.
        EngineError: vLLM refused a conversation.
    """

    def __init__(self, spec: VllmSpec) -> None:
        self._name, self._warm = spec.name, spec.warm

    def __call__(self, host: str, port: int) -> str | None:
        problem = self._decode_one(host, port)
        if problem is None and self._warm is not None:
            for messages in read_warm(self._warm):
                self._read(host, port, messages)
            self._warm = None
        return problem

    def _decode_one(self, host: str, port: int) -> str | None:
        body = {"model": self._name, "prompt": ".", "max_tokens": 1, "temperature": 0}
        status, answer = ask(host, port, "/v1/completions", body, _DECODE_SECONDS)
        if status != 200:
            return "nothing answers" if status == 0 else f"a decode of one token said {status}"
        try:
            tokens = json.loads(answer)["usage"]["completion_tokens"]
        except (ValueError, TypeError, KeyError):
            return "a decode of one token gave no completion"
        return None if tokens else "a decode of one token gave none"

    def _read(self, host: str, port: int, messages: Conversation) -> None:
        body = {"model": self._name, "messages": messages, "max_tokens": 1}
        status, answer = ask(host, port, "/v1/chat/completions", body, _DECODE_SECONDS)
        if status != 200:
            said = answer.decode(errors="replace")[:200]
            raise EngineError(f"vLLM refused a conversation to warm up with: {status} {said}", where=str(self._warm))
