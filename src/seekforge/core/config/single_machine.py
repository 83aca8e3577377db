"""The single-machine file of deployment guides: four keys of JSON, read as it stands and turned into our settings."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from seekforge.core.config.base import Config
from seekforge.core.config.load import validate
from seekforge.core.errors import ConfigError

Device = Literal["cpu", "cuda"]
_FORMATS = {"fp32": "F32", "fp16": "F16", "int8": "Q8_0", "int4": "Q4_0"}
_TENSORRT = (".engine", ".plan", ".trt")
_DEVICE = re.compile(r"(cpu|cuda)(?::(\d+))?")
_DEVICES = "cpu for the processor, cuda for the GPU, cuda:1 for the second of several"


class SingleMachine(Config):
    """The file as it is written."""

    device: str = Field("cpu", description="`cpu`, `cuda` or `cuda:0`.")
    batch_size: int = Field(32, ge=1, le=4096, description="Requests decoded at once; the others wait.")
    precision: Literal["fp32", "fp16", "int8", "int4"] = Field("int8", description="Of the weights.")
    engine_path: str = Field(min_length=1, description="A .gguf file or a model folder.")

    @field_validator("device")
    @classmethod
    def _known(cls, device: str) -> str:
        if _DEVICE.fullmatch(device) is None:
            raise ValueError(f"'{device}' is no device; write {_DEVICES}")
        return device


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """The same in our words.

    Attributes:
        device: What computes.
        index: Which of several.
        max_running: Requests decoded at once.
        format: GGUF's name of the precision (`Q8_0`).
        model: The .gguf file or the model folder.
    """

    device: Device
    index: int
    max_running: int
    format: str
    model: Path


def load_single_machine(path: Path) -> MachineSettings:
    """Reads the file; `engine_path` is taken from the file's folder.

    Raises:
        ConfigError: Missing, no JSON object, a key or a value is wrong, or it names a TensorRT engine.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"cannot be read as JSON ({error})", where=str(path), mend="Check the file") from error
    if not isinstance(tree, dict):
        raise ConfigError("is no JSON object", where=str(path), mend='Write {"device": "cpu", "engine_path": ...}')
    written = validate(SingleMachine, tree, str(path))
    model = path.absolute().parent / Path(written.engine_path).expanduser()
    if model.suffix in _TENSORRT:
        raise ConfigError(
            f"engine_path: '{written.engine_path}' is a TensorRT engine, which runs on the kind of GPU that it was "
            "built for and nowhere else",
            where=str(path),
            mend="Give the .gguf file of the same model, or the Hugging Face folder that the engine was built from",
        )
    if model.suffix != ".gguf" and not model.is_dir():
        raise ConfigError(
            f"engine_path: '{written.engine_path}' is neither a .gguf file nor a folder",
            where=str(path),
            mend="Check the path",
        )
    found = _DEVICE.fullmatch(written.device)
    assert found is not None
    device: Device = "cuda" if found[1] == "cuda" else "cpu"
    return MachineSettings(device, int(found[2] or 0), written.batch_size, _FORMATS[written.precision], model)
