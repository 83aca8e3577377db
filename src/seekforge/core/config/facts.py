"""Config of the op that checks answers against a knowledge base."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from seekforge.core.config.base import Config
from seekforge.core.config.chat import RemoteConfig


class FactsConfig(Config):
    """Drops a record whose answer a knowledge base contradicts, and says which fact does."""

    op: Literal["facts"] = Field("facts", description="The op's name.")
    knowledge: Path = Field(description="Facts as .jsonl or .csv: subject, relation and object, or text.")
    part: Literal["answer", "all"] = Field("answer", description="What is checked: the last answer, or all turns.")
    on_contradicted: Literal["drop", "flag"] = Field("drop", description="`flag` keeps the record and notes the fact.")
    tolerance: float = Field(
        0.1, ge=0, lt=1, description="Share by which values may differ where the text says `about`."
    )
    embedder: str | None = Field(
        None, min_length=1, description="Links sentences without a known name: `e5`, a folder or a hub id."
    )
    threshold: float = Field(0.9, gt=0, le=1, description="Cosine similarity for that; it is the embedder's own.")
    judge: RemoteConfig | None = Field(
        None, description="A second opinion on what is contradicted, or linked and unknown: an OpenAI-compatible model."
    )
    judge_drops: bool = Field(
        False, description="Drop also what the judge alone calls contradicted; otherwise it is noted."
    )
