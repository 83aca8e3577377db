"""Config of the data stage: where records come from, which ops clean them, how they are split."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from seekforge.core.config.augment import GrowConfig
from seekforge.core.config.base import Config
from seekforge.core.config.ops import ExactConfig, MinhashConfig, NormaliseConfig, OpConfig


class SourceConfig(Config):
    """One file of records."""

    path: Path = Field(description="The file, absolute or relative to the recipe's folder.")
    format: Literal["auto", "jsonl", "csv", "parquet"] = Field("auto", description="`auto` goes by the file's ending.")
    shape: Literal["auto", "alpaca", "sharegpt", "messages"] = Field(
        "auto", description="`auto` goes by the first record; every record of a file must have the same shape."
    )


class SplitConfig(Config):
    """How records are divided into train, validation and test."""

    validation: float = Field(0.1, ge=0, lt=1, description="Share of the records for validation; 0 for none.")
    test: float = Field(0.1, ge=0, lt=1, description="Share of the records for the test; 0 for none.")
    by: str | None = Field(
        None, description="Records with the same value of this field stay together (a template, a user)."
    )
    column: str | None = Field(None, description="A field that already says `train`, `validation` or `test`.")


class LeakConfig(Config):
    """What must not be shared between train and test."""

    threshold: float = Field(
        0.7, gt=0, le=1, description="Jaccard similarity from which a test prompt counts as leaked."
    )
    shingle: int = Field(5, ge=1, le=50, description="Characters in a shingle.")
    disjoint: tuple[str, ...] = Field(
        (), description="Fields whose values train and test must not share (template, entities)."
    )
    drop: bool = Field(
        True, description="Drop the training record that leaks; false leaves it for the gate to fail on."
    )


class DataConfig(Config):
    """The data stage."""

    sources: tuple[SourceConfig, ...] = Field(min_length=1, description="The files to read, in order.")
    system: str | None = Field(None, description="System line put before each conversation that has none.")
    labels: tuple[str, ...] = Field((), description="The fixed set of decisions; empty for free answers.")
    label_field: str = Field("label", description="The record's field that holds the label.")
    limit: int | None = Field(None, ge=1, description="Read at most this many records of each source.")
    max_rejected: float = Field(
        0.01, ge=0, le=1, description="Share of rows that may be no records; they go to rejected.jsonl."
    )
    ops: tuple[OpConfig, ...] = Field(
        (NormaliseConfig(), ExactConfig(), MinhashConfig()), description="Cleaning operations, in order."
    )
    split: SplitConfig = Field(SplitConfig(), description="Train, validation and test.")
    leak: LeakConfig = Field(LeakConfig(), description="The check between train and test.")
    augment: tuple[GrowConfig, ...] = Field(
        (), description="What is made from training records, after split and leak check; by default nothing."
    )
