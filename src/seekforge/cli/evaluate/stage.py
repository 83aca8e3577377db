"""The evaluate stage with its test checked against the training data: two stages' work, so it is put together here."""

from __future__ import annotations

from seekforge.cli.evaluate.contamination import SHOWN, look
from seekforge.core import hardware
from seekforge.core.records import read_records
from seekforge.core.stage import StageContext, StageResult
from seekforge.data.known import TestRecord
from seekforge.evaluate.contamination import measurements, trained_on
from seekforge.evaluate.stage import EvaluateStage


class CheckedEvaluateStage(EvaluateStage):
    """Evaluates, and measures how much of the test the training data gave away."""

    def run(self, context: StageContext) -> StageResult:
        """Looks before it asks, so that a dataset that was changed is said at once."""
        evaluate = context.recipe.evaluate
        path = context.parents["data"].file("test.jsonl")
        tests = [TestRecord(record, path.name) for record in read_records(path)[: evaluate.limit]]
        found = look(tests, trained_on(context.parents["train"]), evaluate.contamination, context.progress)
        result = super().run(context)
        return StageResult(
            result.summary,
            (*result.measurements, *measurements(found, context.command, hardware.where())),
            {**result.details, "contamination": found.to_dict(SHOWN)},
        )
