"""From facts to causes: each fault alone is named alone, whatever else the figures are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seekforge.evaluate.parity.diagnose import BITS, NOISE, Facts, diagnose
from seekforge.evaluate.parity.observed import shape_of

FORMATS = ("F16", "Q8_0", "Q4_0")


def sound(file_format: str = "Q8_0", **changed: Any) -> Facts:
    """A file as it should be."""
    facts = Facts(
        kind="file",
        wanted=file_format,
        rope=(10_000.0, 10_000.0),
        stored=file_format,
        bits=BITS[file_format],
        error=0.7 * NOISE[file_format],
        base_error=0.02 + NOISE[file_format],
        change=0.02,
        adapter=0.99,
        agreement=0.99,
        base_agreement=0.6,
        start_base=0.6,
        worst=0.1,
        file_agreement=0.99,
    )
    return replace(facts, **changed)


FAULTS: dict[str, dict[str, Any]] = {
    "lost BOS": {"shape": "bos lost"},
    "double BOS": {"shape": "bos twice"},
    "chat template": {"shape": "other"},
    "pre-tokeniser": {"tokens_unequal": 3},
    "rope base": {"rope": (10_000.0, 100_000.0)},
    "swapped adapter": {"adapter": 0.1, "error": 0.05, "base_error": 0.15},
    "other weights": {"adapter": None, "change": None, "base_error": None, "error": 1.3},
}


def names(facts: Facts) -> list[str]:
    return [cause.name for cause in diagnose(facts)]


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_sound_file_has_no_cause(file_format: str) -> None:
    assert names(sound(file_format)) == []


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_is_named_alone(fault: str, file_format: str) -> None:
    found = diagnose(sound(file_format, **FAULTS[fault]))
    assert [cause.name for cause in found] == [fault]
    assert found[0].certain
    assert found[0].why
    assert found[0].mend
    assert "\n" not in str(found[0])


@given(
    st.sampled_from(sorted(FAULTS)),
    st.sampled_from(FORMATS),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 30),
    st.booleans(),
)
def test_figures_do_not_change_what_a_fact_names(
    fault: str, file_format: str, agreement: float, base: float, worst: float, over: bool
) -> None:
    facts = sound(file_format, **FAULTS[fault], agreement=agreement, base_agreement=base, worst=worst, over=over)
    assert names(facts) == [fault]


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 30))
def test_a_step_over_budget_always_has_a_cause_and_one_within_it_none(
    agreement: float, base: float, of_file: float, worst: float
) -> None:
    facts = sound(agreement=agreement, base_agreement=base, file_agreement=of_file, worst=worst)
    assert names(facts) == []
    found = diagnose(replace(facts, over=True))
    assert len(found) == 1
    assert not found[0].certain


@pytest.mark.parametrize("wanted", ["Q8_0", "Q4_0"])
@pytest.mark.parametrize("stored", ["F32", "F16", "BF16"])
def test_full_precision_by_its_type_or_its_size_or_its_exactness(wanted: str, stored: str) -> None:
    assert names(sound(wanted, stored=stored, bits=BITS[stored], error=0.0)) == ["full precision"]
    assert names(sound(wanted, bits=15.0)) == ["full precision"]
    assert names(sound(wanted, error=0.0)) == ["full precision"]


def test_int4_under_the_name_of_int8_is_another_format() -> None:
    assert names(sound("Q8_0", stored="Q4_0", bits=4.5, error=0.08)) == ["wrong format"]


def test_a_few_narrow_layers_may_stay_f16() -> None:
    assert names(sound("Q8_0", bits=9.5)) == []


def test_the_base_models_weights_are_told_from_another_trainings() -> None:
    assert names(sound("F16", adapter=0.0, error=0.02, base_error=0.0)) == ["adapter not merged"]
    assert names(sound("F16", adapter=0.2, error=0.03, base_error=0.025)) == ["swapped adapter"]


def test_a_training_that_changed_next_to_nothing_accuses_nobody() -> None:
    assert names(sound("Q8_0", change=1e-6, adapter=-40.0)) == []


def test_suspicions_without_a_fact() -> None:
    over: dict[str, Any] = {"over": True, "agreement": 0.7}
    assert names(sound(**over, base_agreement=0.95)) == ["adapter lost"]
    assert names(sound(**over, file_agreement=0.99)) == ["engine"]
    assert names(sound(over=True, agreement=0.95, file_agreement=0.95, worst=0.2)) == ["rounding"]
    assert names(sound(**over, file_agreement=0.7, worst=9.0)) == ["unknown"]


@pytest.mark.parametrize(("other", "cause"), [("F16", "full precision"), ("INT4", "other model served")])
def test_an_endpoint_that_serves_another_step(other: str, cause: str) -> None:
    found = diagnose(Facts(kind="live", wanted="INT8", lookalike=other))
    assert [c.name for c in found] == [cause]
    assert f"the answers of {other}, not those of INT8" in found[0].why


@pytest.mark.parametrize(
    ("found", "shape"),
    [
        ([[1, 5, 6], [1, 7]], "equal"),
        ([[5, 6], [7]], "bos lost"),
        ([[1, 1, 5, 6], [1, 1, 7]], "bos twice"),
        ([[5, 6], [1, 7]], "bos lost"),
        ([[5, 6], [1, 8]], "other"),
        ([[1, 5], [1, 7]], "other"),
    ],
)
def test_how_prompts_differ(found: list[list[int]], shape: str) -> None:
    assert shape_of([[1, 5, 6], [1, 7]], found, 1) == shape


def test_without_a_bos_nothing_is_lost() -> None:
    assert shape_of([[1, 5]], [[5]], None) == "other"
