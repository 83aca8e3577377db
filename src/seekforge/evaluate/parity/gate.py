"""The gate: one lineage walked, compared and judged. The run's stage and `seekforge evaluate parity` both come here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seekforge.core.config import Environment, ParityConfig
from seekforge.core.errors import DataError
from seekforge.core.files import disk_errors, write_json
from seekforge.core.gates import Measurement, Verdict
from seekforge.core.progress import Progress
from seekforge.evaluate.parity.chain import Chain
from seekforge.evaluate.parity.result import Measure, Step, compare, judged
from seekforge.evaluate.parity.task import Lineage, Questions


@dataclass(frozen=True, slots=True)
class Parity:
    """What the gate says.

    Attributes:
        steps: In the order of the chain.
        measurements: Every figure.
        positions: How many were compared.
        records: How many prompts were compared.
        metric: The headline metric.
    """

    steps: tuple[Step, ...]
    measurements: tuple[Measurement, ...]
    positions: int
    records: int
    metric: str

    @property
    def passed(self) -> bool:
        """Whether every step is within its budget."""
        return not any(step.over for step in self.steps)

    @property
    def verdicts(self) -> list[Verdict]:
        """Of all steps."""
        return [verdict for step in self.steps for verdict in step.verdicts]

    def files(self) -> Sequence[Step]:
        """The steps that are GGUF files."""
        return [step for step in self.steps if step.seen.kind == "file"]


def check(
    lineage: Lineage,
    questions: Questions,
    config: ParityConfig,
    machine: Environment,
    progress: Progress,
    out: Path,
    work: Path,
    measure: Measure,
) -> Parity:
    """Compares every step of a lineage and writes `parity.json`; arguments as `Chain`'s and `judged`'s.

    Raises:
        DataError: There are no records.
        ModelError: A model cannot be loaded, or the endpoint does not answer at all.
    """
    if not questions.records:
        raise DataError("no test records to ask", mend="Raise data.split.test")
    for folder in (out, work):
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
    chain = Chain(lineage, questions, config, machine, progress, out, work)
    chain.walk()
    steps, measurements = judged(compare(chain), chain, config.budget, measure)
    chain.close()
    found = Parity(tuple(steps), tuple(measurements), len(chain.positions), len(questions.records), questions.metric)
    write_json(
        out / "parity.json",
        {
            "schema": 1,
            "verdict": "passed" if found.passed else "failed",
            "positions": found.positions,
            "records": found.records,
            "metric": found.metric,
            "steps": [step.to_dict(found.metric) for step in steps],
            "measurements": [measurement.to_dict() for measurement in measurements],
            "gates": [verdict.to_dict() for verdict in found.verdicts],
        },
    )
    return found
