"""Cleaning operations: what one is (`protocol`), what became of records (`result`), and those that there are."""

from __future__ import annotations

from typing import Any

from seekforge.core.config.augment import GrowConfig
from seekforge.core.config.ops import OpConfig
from seekforge.core.registry import Registry
from seekforge.data.ops.protocol import (
    Grown,
    GrowOp,
    Keep,
    Mark,
    OpContext,
    Ragged,
    Removals,
    Remove,
    RowOp,
    SetOp,
    Table,
)
from seekforge.data.ops.result import Drop, Noted, OpResult

__all__ = [
    "GROW_OPS",
    "OPS",
    "Drop",
    "GrowOp",
    "Grown",
    "Keep",
    "Mark",
    "Noted",
    "OpContext",
    "OpResult",
    "Ragged",
    "Removals",
    "Remove",
    "RowOp",
    "SetOp",
    "Table",
    "build",
    "build_grow",
]

OPS = Registry(
    "data op",
    {
        "normalise": "seekforge.data.ops.normalise:Normalise",
        "exact": "seekforge.data.ops.exact:Exact",
        "minhash": "seekforge.data.ops.minhash:Minhash",
        "facts": "seekforge.data.ops.facts:Facts",
        "length": "seekforge.data.ops.length:Length",
        "language": "seekforge.data.ops.language:Language",
        "repetition": "seekforge.data.ops.repetition:Repetition",
        "pii": "seekforge.data.ops.pii:Pii",
        "sensitive": "seekforge.data.ops.sensitive:Sensitive",
        "label_noise": "seekforge.data.ops.label_noise:LabelNoise",
        "leakage": "seekforge.data.ops.leakage:Leakage",
        "semantic": "seekforge.data.ops.semantic:Semantic",
    },
)

GROW_OPS = Registry(
    "augmentation",
    {
        "back_translate": "seekforge.data.ops.back_translate:BackTranslate",
        "synonyms": "seekforge.data.ops.synonyms:Synonyms",
    },
)


def build(config: OpConfig, context: OpContext | None = None) -> RowOp[Any] | SetOp:
    """The operation that a config describes.

    Raises:
        ConfigError: No operation has this name.
    """
    op: RowOp[Any] | SetOp = OPS.load(config.op)(config, context or OpContext())
    return op


def build_grow(config: GrowConfig, context: OpContext | None = None) -> GrowOp[Any]:
    """The augmentation that a config describes.

    Raises:
        ConfigError: None has this name.
    """
    op: GrowOp[Any] = GROW_OPS.load(config.op)(config, context or OpContext())
    return op
