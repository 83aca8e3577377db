"""From the options and files of `seekforge serve` to what is to be run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seekforge.cli.models import Loadable, find
from seekforge.core.config import EndpointConfig, Environment, PriceConfig, WorkerConfig, load_endpoint, validate
from seekforge.core.config.endpoint import is_url
from seekforge.core.config.single_machine import MachineSettings, SingleMachine, load_single_machine
from seekforge.core.errors import ConfigError
from seekforge.core.files import disk_errors
from seekforge.core.progress import Progress
from seekforge.serve.children import EmbedOrder, Order
from seekforge.serve.settle import embedder_name, settle

if TYPE_CHECKING:
    from seekforge.core.config.gateway import Reasoning

_LOOPBACK = ("127.", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """What is to be run: the settled config, and the children behind it if there are any."""

    config: EndpointConfig
    order: Order | None

    @property
    def embedder(self) -> EmbedOrder | None:
        """The embedder, where the config names one."""
        embed, folder = self.config.embed, self.config.folder
        if embed is None or folder is None:
            return None
        return EmbedOrder(embedder_name(embed), folder / f"embedder-{self.config.port}.log", embed)

    @property
    def is_open(self) -> bool:
        """Others than this machine's users may ask without a key."""
        return self.config.keys is None and not self.config.host.startswith(_LOOPBACK)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options and files say, the model not looked at: its name may lead nowhere, its paths may be open."""

    config: EndpointConfig
    machine: MachineSettings | None


def read(file: Path | None, options: Mapping[str, Any]) -> Asked:
    """Reads the options and files.

    Args:
        file: `--config`.
        options: Keys of `EndpointConfig` that go over the file's; of `embed` only the model.

    Raises:
        InputError: A file or an option is wrong.
    """
    machine = _read_machine(file) if file is not None and _is_single_machine(file) else None
    config = EndpointConfig() if file is None or machine is not None else load_endpoint(file)
    config = validate(EndpointConfig, {**_said(config), **_with_embedder(config, options)}, "serve")
    if config.model is not None and config.model.endswith(".json"):
        machine = _read_machine(Path(config.model).expanduser())
    return Asked(config if machine is None else _on_machine(config, machine), machine)


def prepare(asked: Asked, price_per_hour: float | None, environment: Environment, progress: Progress) -> EndpointPlan:
    """Finds the model, and says everything that was left open.

    Args:
        asked: From `read`.
        price_per_hour: Goes over the file's and the recipe's.
        environment: Where runs and converted models are.
        progress: Told what takes long.

    Raises:
        InputError: The model is wrong.
    """
    config = asked.config
    if config.model is None:
        return EndpointPlan(settle(config, environment.runs, "auto"), None)
    config = config.model_copy(update={"name": config.name or _name_of(config.model)})
    if is_url(config.engine):
        return EndpointPlan(settle(_priced(config, price_per_hour, None), environment.runs, "auto"), None)
    return _with_child(config, asked.machine, price_per_hour, environment, progress)


def _with_child(
    config: EndpointConfig,
    machine: MachineSettings | None,
    price_per_hour: float | None,
    environment: Environment,
    progress: Progress,
) -> EndpointPlan:
    assert config.model is not None
    assert config.name is not None
    found = find(config.model, config.engine, environment, progress, machine.format if machine else None)
    config = settle(_priced(config, price_per_hour, found.price), environment.runs, _reasoning(found))
    assert config.folder is not None
    worker = _warmed(config.worker, found.system, config.folder)
    progress.say(f"loading {found.title}")
    order = Order(
        engine=found.engine,
        model=found.model,
        name=config.name or "",
        log=config.folder / f"worker-{config.port}.log",
        config=worker,
        precision=machine.format if machine else None,
        device=machine.index if machine else None,
    )
    return EndpointPlan(config, order)


def _with_embedder(config: EndpointConfig, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the file's other settings of the embedder."""
    if "embed" not in options:
        return dict(options)
    of_file = {} if config.embed is None else config.embed.model_dump(exclude_unset=True)
    return {**options, "embed": {**of_file, "model": options["embed"]}}


def _said(config: EndpointConfig) -> dict[str, Any]:
    """What the file says, defaults left out."""
    return {name: getattr(config, name) for name in config.model_fields_set}


def _is_single_machine(path: Path) -> bool:
    """A JSON file with the guide's keys, and none that only an endpoint has."""
    if path.suffix != ".json":
        return False
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return True  # its own reader says what is wrong
    return not isinstance(tree, dict) or bool(set(SingleMachine.model_fields) & set(tree))


def _read_machine(file: Path) -> MachineSettings:
    from seekforge.serve.machine import check_precision

    machine = load_single_machine(file)
    if machine.device == "cpu":
        check_precision(machine, str(file))
        if machine.model.is_dir() and machine.format == "F32":
            mend = "Write fp16, int8 or int4"
            raise ConfigError("precision: a folder is not served as fp32", where=str(file), mend=mend)
    return machine


def _on_machine(config: EndpointConfig, machine: MachineSettings) -> EndpointConfig:
    """The endpoint's settings that the single-machine file stands for."""
    engine = config.engine
    if machine.device == "cuda":
        if engine not in {"auto", "vllm"}:
            raise ConfigError(
                f"device cuda is none of the engine '{engine}'", where="--engine", mend="Leave it out, or say vllm"
            )
        engine = "vllm"
    worker = config.worker.model_copy(update={"max_running": machine.max_running})
    return config.model_copy(update={"model": str(machine.model), "engine": engine, "worker": worker})


def _name_of(model: str) -> str:
    """What clients call it: the reference itself, of a path only its end."""
    path = Path(model).expanduser()
    if path.suffix == ".gguf":
        return path.stem
    return path.resolve().name if path.is_dir() else model


def _priced(config: EndpointConfig, per_hour: float | None, of_recipe: PriceConfig | None) -> EndpointConfig:
    price = config.worker.price or of_recipe
    if per_hour is not None:
        price = None if per_hour == 0 else validate(PriceConfig, {"per_device_hour": per_hour}, "--price-per-hour")
    return config.model_copy(update={"worker": config.worker.model_copy(update={"price": price})})


def _reasoning(found: Loadable) -> Reasoning:
    if found.engine.startswith("fake"):
        return "auto"
    from seekforge.engines.thinking import reasoning_of

    return reasoning_of(Path(found.model))


def _warmed(worker: WorkerConfig, system: str, folder: Path) -> WorkerConfig:
    """What is read before `ready`: the file's conversations, else the recipe's system prompt."""
    if worker.warm is not None or not system:
        return worker
    path = folder / "warm.jsonl"
    with disk_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(system, ensure_ascii=False) + "\n", encoding="utf-8")
    return worker.model_copy(update={"warm": path})
