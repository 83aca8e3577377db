"""Config of the gateway's guard: what may go in, and which words may not come out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from seekforge.core.config.base import Config


class InputGuardConfig(Config):
    """The rules for what a client sends."""

    max_chars: int = Field(32_000, ge=1, description="Longest conversation in characters, all messages together.")
    control: Literal["refuse", "strip", "pass"] = Field(
        "refuse", description="Control characters besides tab and line ends, tag characters, noncharacters."
    )
    bidi: Literal["refuse", "strip"] = Field(
        "strip", description="Bidirectional embeddings, overrides and isolates, which make text look like another."
    )
    html: Literal["refuse", "escape", "pass"] = Field(
        "escape", description="HTML and script in what a user or a tool says; `a < b` is neither."
    )
    injection: Literal["refuse", "audit", "pass"] = Field(
        "refuse", description="Prompt injection: refuse it, only write it down, or do not look."
    )


class WordListConfig(Config):
    """A list of words that may not come out, and what happens when one would."""

    path: Path | None = Field(None, description="A file, one word a line; `#` is a comment, `!` an exception.")
    builtin: Literal["default", "abuse"] | None = Field(None, description="A list that comes with seekforge.")
    action: Literal["mask", "stop", "answer"] = Field(
        "mask", description="Asterisks instead, end before the word, or end with `text` instead."
    )
    text: str | None = Field(None, min_length=1, description="What action `answer` says.")

    @model_validator(mode="after")
    def _one_source_and_its_text(self) -> WordListConfig:
        if (self.path is None) == (self.builtin is None):
            raise ValueError("give either path or builtin")
        if (self.action == "answer") != (self.text is not None):
            raise ValueError("text belongs to action answer, and action answer needs it")
        return self

    @property
    def name(self) -> str:
        """What the audit calls it."""
        return self.path.name if self.path else str(self.builtin)


class GuardConfig(Config):
    """The guard. What it cannot judge, it refuses."""

    enabled: bool = Field(True, description="Off lets everything in and out.")
    input: InputGuardConfig = Field(InputGuardConfig(), description="The rules for what a client sends.")
    output: tuple[WordListConfig, ...] = Field(
        (WordListConfig(builtin="default"),),
        description="The lists for what the model answers; of a word in two lists the first list decides.",
    )
    audit: Path | None = Field(None, description="Folder of the audit record; without it nothing is written down.")
