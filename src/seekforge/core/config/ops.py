"""Configs of the cleaning operations, one a class; a class becomes known by its place in `AnyOp`.

A field of type `Path` names an outside file: a recipe's folder is put before it when it is read, the stage refuses it
where it is missing, and its content, not its name, counts for whether the stage must run again.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from seekforge.core.config.base import Config
from seekforge.core.config.cleaning import (
    LabelNoiseConfig,
    LanguageConfig,
    LeakageConfig,
    LengthConfig,
    PiiConfig,
    RepetitionConfig,
    SensitiveConfig,
)
from seekforge.core.config.facts import FactsConfig


class NormaliseConfig(Config):
    """Unicode NFKC, control and zero-width characters out, white space folded."""

    op: Literal["normalise"] = Field("normalise", description="The op's name.")
    form: Literal["NFKC", "NFC"] = Field("NFKC", description="NFKC also turns full-width forms into half-width ones.")


class ExactConfig(Config):
    """Drops a record whose prompt and answer were seen before (case and white space aside)."""

    op: Literal["exact"] = Field("exact", description="The op's name.")


class MinhashConfig(Config):
    """Drops near duplicates by the Jaccard similarity of character shingles, estimated by MinHash."""

    op: Literal["minhash"] = Field("minhash", description="The op's name.")
    threshold: float = Field(0.7, gt=0, le=1, description="Jaccard similarity from which two prompts are the same.")
    permutations: int = Field(128, ge=16, le=1024, description="Hash functions: more is more exact and slower.")
    shingle: int = Field(5, ge=1, le=50, description="Characters in a shingle; 3 suits Chinese, 5 English.")


class SemanticConfig(Config):
    """Drops records that say what another says, by the cosine of their embeddings."""

    op: Literal["semantic"] = Field("semantic", description="The op's name.")
    embedder: str = Field("e5", min_length=1, description="`e5`, a sentence-transformers folder or a hub id.")
    threshold: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Cosine from which two prompts are the same; each embedder has its own, and "
        "`seekforge data-calibrate` finds it.",
    )
    guard: bool = Field(
        True, description="Keep both of a pair that differs in a number, a unit or a negation, however alike."
    )


AnyOp = (
    NormaliseConfig
    | ExactConfig
    | MinhashConfig
    | LengthConfig
    | LanguageConfig
    | RepetitionConfig
    | PiiConfig
    | SensitiveConfig
    | LabelNoiseConfig
    | LeakageConfig
    | FactsConfig
    | SemanticConfig
)
OpConfig = Annotated[AnyOp, Field(discriminator="op")]
OP_NAMES = frozenset(str(config.model_fields["op"].default) for config in get_args(AnyOp))
