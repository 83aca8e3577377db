"""From what a user calls a model to what an engine loads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seekforge.core.config import Environment, PriceConfig, validate
from seekforge.core.errors import ConfigError, ModelError
from seekforge.core.families import FAMILIES
from seekforge.core.models import fingerprint, read_config, resolve
from seekforge.core.progress import Progress
from seekforge.core.tracking import is_alias, resolve_alias

_DEFAULT_FORMAT = "Q8_0"
SERVE_TAG = "seekforge.serve"  # of a registered version: what its recipe says of serving


@dataclass(frozen=True, slots=True)
class Loadable:
    """A model that an engine can load.

    Attributes:
        engine: Which engine.
        model: What it loads.
        title: For people.
        system: The recipe's system prompt, of a registered model; else empty.
        price: The recipe's, of a registered model.
    """

    engine: str
    model: str
    title: str
    system: str = ""
    price: PriceConfig | None = None


def servable(model: str, environment: Environment, progress: Progress, file_format: str | None = None) -> Path:
    """The GGUF file of a model; a folder is exported once and kept in the cache.

    Args:
        model: As the user wrote it.
        environment: Where runs and converted models are.
        progress: Told how far an export is.
        file_format: `F16`, `Q8_0` or `Q4_0`; by default what its run served, else Q8_0.

    Raises:
        ModelError: There is no such model, or it has no GGUF form.
    """
    if is_alias(model):
        return _registered(*resolve_alias(model, environment), file_format)
    return _unregistered(model, environment, progress, file_format or _DEFAULT_FORMAT)


def find(
    model: str, engine: str, environment: Environment, progress: Progress, file_format: str | None = None
) -> Loadable:
    """What an engine loads for a model, and what its recipe says of it.

    Args:
        model: As the user wrote it.
        engine: `auto`, `openvino`, `vllm` or `fake`.
        environment: Where runs and converted models are.
        progress: Told how far an export is.
        file_format: Of the GGUF file, where it is not to be the default.

    Raises:
        ModelError: There is no such model, or the engine cannot load it.
    """
    if engine.startswith("fake"):
        return Loadable(engine, model, f"an echo for {model}")
    folder, tags = resolve_alias(model, environment) if is_alias(model) else (None, dict[str, str]())
    system, price = _said_by_recipe(tags)
    if engine == "vllm":
        path = str(folder / "merged") if folder is not None else _folder(model, environment, progress)
        return Loadable("vllm", path, path, system, price)
    if folder is not None:
        file = _registered(folder, tags, file_format)
    else:
        _check_loadable(model)
        file = _unregistered(model, environment, progress, file_format or _DEFAULT_FORMAT)
    return Loadable("openvino", str(file), file.name, system, price)


def _check_loadable(model: str) -> None:
    """Says what to do with a folder that our CPU engine cannot load."""
    path = Path(model).expanduser()
    if not (path / "config.json").is_file():
        return
    architecture = str(read_config(path).get("model_type"))
    family = FAMILIES.get(architecture)
    if family is None or family.gguf_arch is None:
        raise ModelError(
            f"the CPU engine does not load {family.title if family else architecture}",
            where=model,
            mend="--engine vllm serves it on a GPU; --engine URL puts the gateway before a server that runs already",
        )


def serve_tag(system: str | None, price: PriceConfig) -> str:
    """What a registered version's tag says of serving it."""
    return json.dumps({"system": system or "", "price": price.model_dump()}, ensure_ascii=False)


def _said_by_recipe(tags: Mapping[str, str]) -> tuple[str, PriceConfig | None]:
    try:
        said = json.loads(tags[SERVE_TAG])
        return str(said["system"]), validate(PriceConfig, said["price"], SERVE_TAG)
    except (LookupError, ValueError, TypeError, ConfigError):
        return "", None  # registered by an older version


def _registered(folder: Path, tags: Mapping[str, str], file_format: str | None) -> Path:
    from seekforge.compress.stage import gguf_file

    return gguf_file(folder, file_format or tags.get("format", _DEFAULT_FORMAT))


def _folder(model: str, environment: Environment, progress: Progress) -> str:
    """A hub id is left to the engine, which fetches it by itself."""
    from seekforge.engines.weights import hf_folder

    ref = resolve(model)
    return model if ref.kind == "hub" else str(hf_folder(ref, environment, progress))


def _unregistered(model: str, environment: Environment, progress: Progress, file_format: str) -> Path:
    ref = resolve(model)
    if ref.kind == "gguf" and ref.path is not None:
        return ref.path
    from seekforge.compress.gguf import export
    from seekforge.engines.weights import hf_folder

    source = hf_folder(ref, environment, progress)
    kept = f"{source.name}-{fingerprint(resolve(str(source)))[:12]}-{file_format.lower()}.gguf"
    target = environment.cache / "gguf" / kept
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        export(source, target, file_format, progress)
    return target
