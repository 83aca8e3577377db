"""The demo's planted abuse and personal data: how many the ops find, and how many false alarms they give."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from seekforge.core.config import (
    DataConfig,
    LabelNoiseConfig,
    LanguageConfig,
    LengthConfig,
    NormaliseConfig,
    OpConfig,
    PiiConfig,
    RepetitionConfig,
    SensitiveConfig,
)
from seekforge.data.ops import OpResult, build
from seekforge.data.ops.memory import apply
from seekforge.data.sources import read_sources

DESK = Path(__file__).parents[2] / "examples" / "risk_desk"
pytestmark = pytest.mark.skipif(not (DESK / "planted.jsonl").is_file(), reason="examples/risk_desk is not there")


@pytest.fixture(scope="module")
def kinds() -> dict[str, str]:
    lines = (DESK / "planted.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row["kind"] for row in map(json.loads, lines)}


def cleaned(config: OpConfig) -> OpResult:
    records = list(read_sources(DataConfig.model_validate({"sources": [{"path": DESK / "raw.jsonl"}]})))
    return apply(build(config), apply(build(NormaliseConfig()), records).kept)


def test_planted_abuse_goes_and_nothing_else(kinds: dict[str, str]) -> None:
    result = cleaned(SensitiveConfig(categories=()))
    dropped = Counter(kinds.get(drop.record.id, "clean") for drop in result.drops)
    assert dropped["abuse"] == Counter(kinds.values())["abuse"] == 20
    assert dropped.total() - dropped["abuse"] <= 1  # none when this was written


def test_planted_personal_data_is_masked_and_only_street_addresses_besides(kinds: dict[str, str]) -> None:
    result = cleaned(PiiConfig())
    noted = Counter(kinds.get(note.before.id, "clean") for note in result.noted)
    assert noted["personal"] == Counter(kinds.values())["personal"] == 25
    others = [note for note in result.noted if kinds.get(note.before.id) != "personal"]
    # `14 Mill Lane, Cape Morran` is an address although nobody planted it; a rule wants it changed.
    assert {note.kind for note in others} <= {"address masked"}
    assert len(others) <= 4
    assert not any("4111" in record.text or "@example" in record.text for record in result.kept)


@pytest.mark.parametrize("config", [LengthConfig(), LanguageConfig(), RepetitionConfig()])
def test_a_clean_desk_loses_nothing_to_length_language_and_repetition(config: OpConfig) -> None:
    assert not cleaned(config).drops


def test_doubtful_labels_are_planted_contradictions(kinds: dict[str, str]) -> None:
    noted = Counter(kinds.get(note.before.id, "clean") for note in cleaned(LabelNoiseConfig()).noted)
    assert noted["contradiction"] >= 5  # half of the 20 have a wrong label, the others a wrong figure
    assert noted.total() - noted["contradiction"] <= 1
