"""The evaluate stage: base and tuned model on the held-out test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from seekforge.core.config import Recipe
from seekforge.core.files import write_json
from seekforge.core.gates import Measurement
from seekforge.core.models import resolve
from seekforge.core.records import read_records
from seekforge.core.stage import StageContext, StageResult
from seekforge.engines.protocol import Generator
from seekforge.engines.weights import hf_folder
from seekforge.evaluate import predict
from seekforge.evaluate.compare import Comparison, by_label, compare, examples, majority
from seekforge.evaluate.predict import Prediction
from seekforge.evaluate.text import terms_of

_EXAMPLES = 8
_ADVICE = {
    "gain": "See what is still wrong in the report: more such records, more epochs, or a larger base model",
    "accuracy": "Add records for the labels that are worst in the report, or raise train.epochs or train.lora.rank",
}


class EvaluateStage:
    """Asks both models every test question, greedily, and compares."""

    name: ClassVar[str] = "evaluate"
    kind: ClassVar[str] = "evaluation"
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("data", "train")

    def config(self, recipe: Recipe) -> Mapping[str, Any]:
        """The evaluate part, the lexicon by its terms, the labels and the seed of the bootstrap."""
        evaluate = recipe.evaluate.model_dump(mode="json", exclude={"lexicon"})
        return {
            "evaluate": evaluate if not (terms := terms_of(recipe)) else {**evaluate, "lexicon": sorted(terms)},
            "labels": list(recipe.data.labels),
            "model": recipe.model,
            "seed": recipe.seed,
        }

    def run(self, context: StageContext) -> StageResult:
        """Predicts with each model in turn, never with both in memory."""
        from seekforge.engines.transformers import TransformersEngine

        recipe = context.recipe
        folder = hf_folder(resolve(recipe.model), context.environment, context.progress)
        trained = context.parents["train"].folder
        size = recipe.evaluate.batch_size
        base = self._predictions(context, "base", lambda: TransformersEngine(folder, batch_size=size))
        tuned = self._predictions(context, "tuned", lambda: TransformersEngine.tuned(folder, trained, batch_size=size))
        settings = (recipe.evaluate.resamples, recipe.seed, terms_of(recipe))
        comparisons = [compare(metric, base, tuned, *settings) for metric in recipe.evaluate.metrics]
        write_json(context.folder / "scores.json", [asdict(c) for c in comparisons])
        return _result(context, comparisons, base, tuned)

    def _predictions(self, context: StageContext, name: str, start: Callable[[], Generator]) -> list[Prediction]:
        path: Path = context.folder / f"predictions-{name}.jsonl"
        if path.exists():
            return predict.load(path)
        evaluate = context.recipe.evaluate
        records = read_records(context.parents["data"].file("test.jsonl"))[: evaluate.limit]
        engine = start()
        labels = context.recipe.data.labels
        found = predict.predict(engine, records, labels, evaluate.max_new_tokens, context.progress, f"{name} answers")
        engine.close()
        predict.save(path, found)
        return found


def _result(
    context: StageContext, comparisons: list[Comparison], base: list[Prediction], tuned: list[Prediction]
) -> StageResult:
    first = comparisons[0]
    shown = [
        f"{value * 100:.1f} %" if first.unit == "fraction" else f"{value:.1f}" for value in (first.base, first.tuned)
    ]
    measurements = [m for c in comparisons for m in _measurements(context, c)]
    if chance := majority(tuned):
        title = "Accuracy of always giving the commonest label"
        measurements.append(context.measure("evaluate.majority_accuracy", chance, "fraction", title))
    return StageResult(
        summary=f"{first.metric} {shown[0]} to {shown[1]} on {len(tuned)} test records",
        measurements=tuple(measurements),
        details={
            "comparison": [asdict(c) for c in comparisons],
            "examples": examples(base, tuned, _EXAMPLES),
            "by_label": by_label(base, tuned),
        },
    )


def _measurements(context: StageContext, c: Comparison) -> list[Measurement]:
    name = c.metric.replace("_", " ")
    advice = _ADVICE["accuracy"]
    return [
        context.measure(
            f"evaluate.{c.metric}", c.tuned, c.unit, f"{name.capitalize()} of the tuned model on the test", advice
        ),
        context.measure(
            f"evaluate.base_{c.metric}", c.base, c.unit, f"{name.capitalize()} of the base model on the test"
        ),
        context.measure(
            f"evaluate.{c.metric}_gain", c.gain, "points", f"{name.capitalize()}: tuned above base", _ADVICE["gain"]
        ),
    ]
