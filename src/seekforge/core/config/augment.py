"""Configs of augmentation: who translates and who corrects, what a new record may change, how like its parent it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from seekforge.core.config.base import Config
from seekforge.core.config.chat import RemoteConfig

NGRAM = "ngram"


class WindowConfig(Config):
    """How like its parent a new record must be: near enough to mean the same, far enough to teach something."""

    measure: str = Field(
        NGRAM,
        min_length=1,
        description="`ngram`: Jaccard similarity of character pairs; an embedder (`e5`, a folder, a hub id): cosine.",
    )
    least: float = Field(0.2, ge=0, le=1, description="Below this it may mean something else.")
    most: float = Field(0.95, ge=0, le=1, description="Above this it teaches nothing new.")

    @model_validator(mode="after")
    def _in_order(self) -> WindowConfig:
        if self.least >= self.most:
            facts = {"least": self.least, "most": self.most}
            raise PydanticCustomError("window", "least ({least}) must be below most ({most})", facts)
        return self


class GuardedConfig(Config):
    """What a new record must keep of its parent, besides label and answer, which are never touched."""

    terms: Path | None = Field(None, description="A file of domain terms, one a line, that must stay as they are.")
    keep_lines: str | None = Field(
        None, description="Regular expression: lines with a match stay as they are, as do those that name two labels."
    )
    negation: bool = Field(True, description="There must be as many negations as before.")

    @field_validator("keep_lines")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise PydanticCustomError("pattern", "no regular expression: {why}", {"why": str(error)}) from error
        return pattern


class OpenaiTranslatorConfig(Config):
    """A chat model at an OpenAI-compatible endpoint."""

    kind: Literal["openai"] = Field("openai", description="The translator's kind.")
    endpoint: RemoteConfig = Field(description="Where it is and how it is asked.")


class ChatTranslatorConfig(Config):
    """A chat model in this process."""

    kind: Literal["chat_model"] = Field("chat_model", description="The translator's kind.")
    model: str = Field(min_length=1, description="`demo`, a Hugging Face folder or a hub id, with a chat template.")
    max_tokens: int = Field(512, ge=1, description="Longest answer in tokens; one that is cut off counts as failed.")


class DirectionConfig(Config):
    """The model of one direction."""

    model: str = Field(min_length=1, description="A Hugging Face folder or a hub id (Helsinki-NLP/opus-mt-zh-en).")
    prefix: str = Field("", description="Put before every text, as T5 wants it: `translate English to German: `.")
    source: str | None = Field(None, description="The tokenizer's `src_lang`, such as NLLB's `zho_Hans`.")
    target: str | None = Field(None, description="The target's language token, such as NLLB's `eng_Latn`.")


class Seq2seqTranslatorConfig(Config):
    """Encoder-decoder models in this process: Marian, NLLB, M2M-100, T5."""

    kind: Literal["seq2seq"] = Field("seq2seq", description="The translator's kind.")
    to_english: DirectionConfig = Field(description="From Chinese to English.")
    to_chinese: DirectionConfig = Field(description="From English to Chinese.")
    beams: int = Field(4, ge=1, le=32, description="Width of the beam search.")
    batch_size: int = Field(16, ge=1, description="Texts at once.")


class CedictTranslatorConfig(Config):
    """Word for word by the dictionary CC-CEDICT. Rough: for trying things out, or as a lexical paraphrase."""

    kind: Literal["cedict"] = Field("cedict", description="The translator's kind.")


AnyTranslator = OpenaiTranslatorConfig | ChatTranslatorConfig | Seq2seqTranslatorConfig | CedictTranslatorConfig
TranslatorConfig = Annotated[AnyTranslator, Field(discriminator="kind")]


class RuleGrammarConfig(Config):
    """Punctuation that fits the script, no doubled words, no stray spaces."""

    kind: Literal["rules"] = Field("rules", description="The corrector's kind.")


class OpenaiGrammarConfig(Config):
    """A chat model at an OpenAI-compatible endpoint."""

    kind: Literal["openai"] = Field("openai", description="The corrector's kind.")
    endpoint: RemoteConfig = Field(description="Where it is and how it is asked.")


AnyGrammar = RuleGrammarConfig | OpenaiGrammarConfig
GrammarConfig = Annotated[AnyGrammar, Field(discriminator="kind")]


class BackTranslateConfig(Config):
    """Adds what comes back when a training record's question is translated and translated back."""

    op: Literal["back_translate"] = Field("back_translate", description="The op's name.")
    translator: TranslatorConfig = Field(description="Who translates.")
    pivot: Literal["auto", "en", "zh"] = Field(
        "auto", description="The language between; `auto` is English for Chinese records and Chinese for English ones."
    )
    grammar: tuple[GrammarConfig, ...] = Field(
        (RuleGrammarConfig(),), description="Who corrects what came back, one after the other."
    )
    share: float = Field(1.0, gt=0, le=1, description="Share of the training records that are tried.")
    window: WindowConfig = Field(WindowConfig(), description="How like its parent a new record must be.")
    guarded: GuardedConfig = Field(GuardedConfig(), description="What it must keep.")


class SynonymsConfig(Config):
    """Adds records in which some words of the question are replaced: Cilin for Chinese, WordNet for English."""

    op: Literal["synonyms"] = Field("synonyms", description="The op's name.")
    rate: float = Field(0.15, gt=0, le=1, description="Share of the words that are replaced, where they can be.")
    copies: int = Field(1, ge=1, le=10, description="New records that are tried for each.")
    share: float = Field(1.0, gt=0, le=1, description="Share of the training records that are tried.")
    grammar: tuple[GrammarConfig, ...] = Field((), description="Who corrects the result, one after the other.")
    wordnet: Path | None = Field(
        None,
        description="WordNet's database, for English; by default where Debian's package `wordnet-base` puts it.",
        json_schema_extra={"folder": True},
    )
    window: WindowConfig = Field(WindowConfig(), description="How like its parent a new record must be.")
    guarded: GuardedConfig = Field(GuardedConfig(), description="What it must keep.")


AnyGrow = BackTranslateConfig | SynonymsConfig
GrowConfig = Annotated[AnyGrow, Field(discriminator="op")]
GROW_NAMES = frozenset(str(config.model_fields["op"].default) for config in get_args(AnyGrow))
KIND_NAMES = frozenset(
    str(config.model_fields["kind"].default) for config in (*get_args(AnyTranslator), *get_args(AnyGrammar))
)
