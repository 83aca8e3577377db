"""Rules and verdicts: whatever the rule and the figure, the verdict is what Python's own comparison says."""

import math
import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seekforge.core.errors import ConfigError
from seekforge.core.gates import Gate, Measurement, judge_all, parse_rule

SIGNS = {">=": operator.ge, "<=": operator.le, "==": operator.eq, ">": operator.gt, "<": operator.lt}
numbers = st.floats(allow_nan=False, allow_infinity=False)
blanks = st.text(alphabet=" \t", max_size=3)


def measured(value: float, name: str = "stage.figure", title: str = "") -> Measurement:
    return Measurement(name, value, "ratio", "seekforge run x", "2 cores", title, "Try more")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SIGNS)), numbers, blanks, blanks)
def test_a_written_rule_is_read_back(sign: str, bound: float, before: str, between: str) -> None:
    compare, found = parse_rule(f"{before}{sign}{between}{bound!r} ")
    assert compare is SIGNS[sign]
    assert found == bound


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SIGNS)), st.sampled_from([0.0, 0.5, 2.0, -1.0]) | numbers, numbers | st.just(0.5))
def test_a_verdict_is_the_comparison(sign: str, bound: float, value: float) -> None:
    verdict = Gate("stage.figure", f"{sign} {bound!r}").judge(measured(value))
    assert verdict.passed is SIGNS[sign](value, bound)
    assert verdict.value == value


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SIGNS)), numbers, st.sampled_from([math.nan, math.inf, -math.inf]))
def test_what_is_no_finite_number_fails(sign: str, bound: float, value: float) -> None:
    assert not Gate("stage.figure", f"{sign} {bound!r}").judge(measured(value)).passed


@settings(max_examples=60, deadline=None)
@given(numbers)
def test_at_the_bound_only_the_rules_with_equality_pass(bound: float) -> None:
    passed = {sign for sign in SIGNS if Gate("a.b", f"{sign}{bound!r}").judge(measured(bound)).passed}
    assert passed == {">=", "<=", "=="}


@pytest.mark.parametrize(
    "rule",
    ["", "0.9", ">=", "=> 0.9", "!= 1", ">= nan", "> inf", ">= 0,9", ">= 1 2", ">= 0x1", "> 1.", "a >= 1", ">= 1\nx"],
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(ConfigError, match="is no gate rule"):
        parse_rule(rule)
    with pytest.raises(ConfigError, match=r"such as '>= 0\.9'"):
        Gate("stage.figure", rule)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        _, bound = parse_rule(text)
    except ConfigError:
        return
    assert math.isfinite(bound) or "e" in text.lower()
    assert text.strip()[0] in "<>="


def test_not_measured_fails_and_says_so() -> None:
    verdict = Gate("stage.figure", "<= 1").judge(None)
    assert (verdict.passed, verdict.value, verdict.how) == (False, None, "not measured")
    assert verdict.to_dict()["stage"] == "stage"


def test_a_gate_on_what_its_stage_does_not_measure_is_told_what_it_may_have_meant() -> None:
    (found,) = judge_all(
        [Gate("a.sise", "< 1")], {"a.size": measured(0.5, "a.size"), "b.sise2": measured(1, "b.sise2")}
    )
    assert found.passed is False
    assert found.advice == "The a stage measures no such figure; did you mean 'a.size'?"


def test_verdicts_keep_the_gates_order_and_carry_what_a_reader_needs() -> None:
    gates = [Gate("b.y", "> 1"), Gate("a.x", "< 1"), Gate("c.z", "== 0")]
    found = judge_all(gates, {"a.x": measured(0.5, "a.x"), "b.y": measured(0.5, "b.y", "The figure")})
    assert [(v.name, v.passed) for v in found] == [("b.y", False), ("a.x", True), ("c.z", False)]
    assert found[0].title == "The figure"
    assert found[1].title == "a.x"
    assert found[0].to_dict() == {
        "name": "b.y",
        "value": 0.5,
        "unit": "ratio",
        "rule": "> 1",
        "passed": False,
        "how": "seekforge run x",
        "title": "The figure",
        "advice": "Try more",
        "stage": "b",
    }
