"""What `--engine` stands for: the one place where an engine's name becomes a child process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seekforge.core.config import EmbedConfig, WorkerConfig
from seekforge.core.errors import ConfigError
from seekforge.serve.keeper import Child

_DTYPES = {"F32": "float32", "F16": "float16"}
_VLLM_SECONDS = 1800.0  # it compiles while it loads, on few cores for many minutes


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be started.

    Attributes:
        engine: `openvino`, `vllm` or `fake` (`fake:0.1` takes 0.1 s a token).
        model: What the engine loads: a .gguf file for `openvino`, a folder or a hub id for `vllm`.
        name: Its name for clients.
        log: Takes what the child writes.
        config: How much it bears, what it reads first.
        precision: Of the weights, as GGUF names it (`F16`), where a single-machine file says one.
        device: Which of several GPUs, where a single-machine file says one.
    """

    engine: str
    model: str
    name: str
    log: Path
    config: WorkerConfig
    precision: str | None = None
    device: int | None = None


@dataclass(frozen=True, slots=True)
class EmbedOrder:
    """An embedder that is to be started.

    Attributes:
        name: Its name for clients.
        log: Takes what the child writes.
        config: What it loads and how much it bears.
    """

    name: str
    log: Path
    config: EmbedConfig


def embedder_of(order: EmbedOrder) -> Child:
    """An embedding worker that has not been started; called anew for every start."""
    from seekforge.serve.embed import MODULE
    from seekforge.serve.process import Worker, WorkerSpec

    config = order.config
    said = {
        "--query-prompt": config.query_prompt,
        "--passage-prompt": config.passage_prompt,
        "--matryoshka": ",".join(map(str, config.matryoshka)),
        "--batch-texts": config.batch_texts,
        "--batch-tokens": config.batch_tokens,
        "--max-waiting": config.max_waiting,
    }
    return Worker(
        WorkerSpec(
            config.model,
            order.name,
            order.log,
            ready_seconds=config.ready_seconds,
            stop_seconds=config.stop_seconds,
            options=tuple(f"{name}={value}" for name, value in said.items() if value is not None),
            module=MODULE,
            title="the embedder",
        )
    )


def child_of(order: Order) -> Child:
    """A child that has not been started; called anew for every start.

    Raises:
        ConfigError: vLLM has no such precision.
        ResourceError: vLLM is not installed.
    """
    if order.engine == "vllm":
        return _vllm(order)
    model = order.engine if order.engine.partition(":")[0] == "fake" else order.model
    return _worker(order, model)


def _worker(order: Order, model: str) -> Child:
    from seekforge.serve.process import Worker, WorkerSpec

    config = order.config
    limits = ("--max-running", str(config.max_running), "--max-waiting", str(config.max_waiting))
    return Worker(
        WorkerSpec(
            model,
            order.name,
            order.log,
            ready_seconds=config.ready_seconds,
            stop_seconds=config.stop_seconds,
            warm=config.warm,
            options=limits if config.prefix_caching else (*limits, "--no-prefix-caching"),
        )
    )


def _vllm(order: Order) -> Child:
    from seekforge.core.config import environment
    from seekforge.serve.vllm import VllmSpec, VllmWorker, installed_in

    config = order.config
    said = "ready_seconds" in config.model_fields_set
    vllm = config.vllm
    if order.precision is not None:
        vllm = vllm.model_copy(update={"dtype": _dtype(order)})
    if not config.prefix_caching:
        vllm = vllm.model_copy(update={"options": (*vllm.options, "--no-enable-prefix-caching")})
    if vllm.max_num_seqs is None:
        vllm = vllm.model_copy(update={"max_num_seqs": config.max_running})
    return VllmWorker(
        VllmSpec(
            order.model,
            order.name,
            order.log,
            installed_in(environment(), "cuda" if order.device is not None else None),
            vllm,
            ready_seconds=config.ready_seconds if said else max(config.ready_seconds, _VLLM_SECONDS),
            stop_seconds=config.stop_seconds,
            device=order.device,
            warm=config.warm,
        )
    )


def _dtype(order: Order) -> str:
    """What a single-machine file's precision is for vLLM, which quantises nothing to integers while it loads."""
    if order.precision not in _DTYPES:
        raise ConfigError(
            f"precision: vLLM does not make {order.precision} of a folder",
            where=order.model,
            mend="Write fp16, and worker.vllm.quantization: fp8 in a YAML file where 8 bits are wanted",
        )
    return _DTYPES[order.precision]
