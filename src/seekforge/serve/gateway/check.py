"""What can be wrong with an endpoint's files, looked at before a model is loaded, which may take long."""

from __future__ import annotations

from seekforge.core.config import EndpointConfig
from seekforge.serve.gateway.guard import open_guard
from seekforge.serve.gateway.keys import FileKeys
from seekforge.serve.gateway.templates import PromptTemplates


def check_files(config: EndpointConfig) -> None:
    """Reads the keys, the templates and the guard's lists; writes nothing.

    Raises:
        ConfigError: One of them is wrong, or not there.
    """
    if config.keys is not None:
        FileKeys(config.keys, report=lambda line: None)  # it says its warnings when it is opened to stay
    PromptTemplates(config.templates)
    open_guard(config.guard.model_copy(update={"audit": None}))
