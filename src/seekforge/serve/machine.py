"""Whether the file that a single-machine JSON names can be served as it says."""

from __future__ import annotations

from seekforge.core.config.single_machine import MachineSettings
from seekforge.core.errors import ConfigError
from seekforge.engines.gguf_header import read_header


def check_precision(settings: MachineSettings, where: str) -> None:
    """Compares what the JSON asks for with what the .gguf file is; a folder has no precision yet.

    Raises:
        ConfigError: They differ.
        ModelError: The file cannot be read.
    """
    if settings.model.is_dir():
        return
    found = read_header(settings.model).quantisation
    if found != settings.format:
        raise ConfigError(
            f"precision: {settings.format} was asked for and the file is {found}",
            where=where,
            mend="Give the precision that the file has, or another file",
        )
