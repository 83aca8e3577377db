"""Measurements, and gates over them. Deciding is pure: a verdict follows from the values alone."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from seekforge.core.errors import ConfigError
from seekforge.core.registry import nearest

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_RULE = re.compile(r"\s*(>=|<=|==|>|<)\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure with all that is needed to believe it.

    Attributes:
        name: `stage.figure`, unique in a run (`evaluate.accuracy`).
        value: The figure.
        unit: `fraction`, `points`, `ratio`, `bytes`, `seconds`, `tokens/s`, `count` ...
        how: The command that made it.
        where: The hardware that it was made on.
        title: What a reader should call it.
        advice: What to try when a gate on it fails.
    """

    name: str
    value: float
    unit: str
    how: str
    where: str
    title: str = ""
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As written into `manifest.json` and `report.json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Gate:
    """A rule over one measurement, such as `>= 0.9`."""

    name: str
    rule: str

    def __post_init__(self) -> None:
        parse_rule(self.rule)

    @property
    def stage(self) -> str:
        """The stage that measures it."""
        return self.name.partition(".")[0]

    def judge(self, measurement: Measurement | None, otherwise: str = "Run the stage that measures it") -> Verdict:
        """The verdict on what was measured; what was not measured, or is not a number, fails.

        Args:
            measurement: The figure; None where there is none.
            otherwise: What to try then.
        """
        if measurement is None:
            return Verdict(self.name, None, "", self.rule, False, "not measured", self.name, otherwise)
        compare, bound = parse_rule(self.rule)
        passed = math.isfinite(measurement.value) and compare(measurement.value, bound)
        title = measurement.title or measurement.name
        return Verdict(
            self.name,
            measurement.value,
            measurement.unit,
            self.rule,
            passed,
            measurement.how,
            title,
            measurement.advice,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate said. `value` is None when nothing was measured."""

    name: str
    value: float | None
    unit: str
    rule: str
    passed: bool
    how: str
    title: str
    advice: str

    def to_dict(self) -> dict[str, Any]:
        """As written into `report.json`."""
        return {**asdict(self), "stage": self.name.partition(".")[0]}


def parse_rule(rule: str) -> tuple[Callable[[float, float], bool], float]:
    """Reads `">= 0.9"`.

    Raises:
        ConfigError: The text is not a comparison with a number.
    """
    match = _RULE.fullmatch(rule)
    if match is None:
        raise ConfigError(f"'{rule}' is no gate rule", mend="Write a comparison and a number, such as '>= 0.9'")
    return _COMPARE[match[1]], float(match[2])


def judge_all(gates: Iterable[Gate], measurements: Mapping[str, Measurement]) -> list[Verdict]:
    """Verdicts in the gates' order; a gate on what its stage does not measure is told what that may have meant."""
    found = []
    for gate in gates:
        beside = [name for name in measurements if name.startswith(f"{gate.stage}.")]
        advice = [f"The {gate.stage} stage measures no such figure; {nearest(gate.name, beside)}"] if beside else []
        found.append(gate.judge(measurements.get(gate.name), *advice))
    return found
