"""Translators, and which of them a config means."""

from __future__ import annotations

from seekforge.core.config.augment import (
    AnyTranslator,
    ChatTranslatorConfig,
    OpenaiTranslatorConfig,
    Seq2seqTranslatorConfig,
)
from seekforge.data.augment.translate.protocol import Translator

__all__ = ["Translator", "open_translator"]


def open_translator(config: AnyTranslator) -> Translator:
    """The translator that a config describes; nothing heavy is loaded before `check` or the first text.

    Raises:
        InputError: A key or a model cannot be read.
    """
    if isinstance(config, OpenaiTranslatorConfig):
        from seekforge.data.augment.translate.chat import ChatTranslator
        from seekforge.engines.chat.remote import RemoteChat

        return ChatTranslator(RemoteChat(config.endpoint))
    if isinstance(config, ChatTranslatorConfig):
        from seekforge.data.augment.translate.chat import ChatTranslator
        from seekforge.engines.chat.local import open_local

        return ChatTranslator(open_local(config.model, config.max_tokens))
    if isinstance(config, Seq2seqTranslatorConfig):
        from seekforge.data.augment.translate.seq2seq import Seq2seqTranslator

        return Seq2seqTranslator(config)
    from seekforge.data.augment.translate.cedict import CedictTranslator

    return CedictTranslator()
