"""Correctors, and which of them a config means."""

from __future__ import annotations

from seekforge.core.config.augment import AnyGrammar, OpenaiGrammarConfig
from seekforge.data.augment.grammar.protocol import Corrector

__all__ = ["Corrector", "open_corrector"]


def open_corrector(config: AnyGrammar) -> Corrector:
    """The corrector that a config describes.

    Raises:
        ConfigError: The endpoint's key cannot be read.
    """
    if isinstance(config, OpenaiGrammarConfig):
        from seekforge.data.augment.grammar.chat import ChatCorrector
        from seekforge.engines.chat.remote import RemoteChat

        return ChatCorrector(RemoteChat(config.endpoint))
    from seekforge.data.augment.grammar.rules import RuleCorrector

    return RuleCorrector()
