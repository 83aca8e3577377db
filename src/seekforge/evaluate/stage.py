"""The evaluate stage: base and tuned model on the held-out test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from seekforge.core.answers import Answers
from seekforge.core.config import Recipe
from seekforge.core.files import write_json
from seekforge.core.gates import Measurement
from seekforge.core.models import resolve
from seekforge.core.records import read_records
from seekforge.core.report.units import label
from seekforge.core.stage import StageContext, StageResult
from seekforge.engines.weights import hf_folder
from seekforge.evaluate import predict
from seekforge.evaluate.compare import Comparison, check_metrics, compare, examples, majority
from seekforge.evaluate.likelihood import wanted, with_likelihood
from seekforge.evaluate.metrics import metric
from seekforge.evaluate.predict import Kept, Prediction
from seekforge.evaluate.slices import compare_slices, slices
from seekforge.evaluate.text import terms_of

if TYPE_CHECKING:
    from seekforge.engines.transformers import TransformersEngine

_EXAMPLES = 8
_ADVICE = {
    "gain": "See what is still wrong in the report: more such records, more epochs, or a larger base model",
    "accuracy": "Add records for the labels that are worst in the report, or raise train.epochs or train.lora.rank",
}


class EvaluateStage:
    """Asks both models every test question, greedily, and compares."""

    name: ClassVar[str] = "evaluate"
    kind: ClassVar[str] = "evaluation"
    version: ClassVar[int] = 3
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
        check_metrics(recipe.evaluate.metrics, recipe.data.labels)
        folder = hf_folder(resolve(recipe.model), context.environment, context.progress)
        trained = context.parents["train"].folder
        size = recipe.evaluate.batch_size
        base = self._predictions(context, "base", lambda: TransformersEngine(folder, batch_size=size))
        tuned = self._predictions(context, "tuned", lambda: TransformersEngine.tuned(folder, trained, batch_size=size))
        settings = (recipe.evaluate.resamples, recipe.seed, terms_of(recipe))
        comparisons = [compare(metric, base, tuned, *settings) for metric in recipe.evaluate.metrics]
        write_json(context.folder / "scores.json", [asdict(c) for c in comparisons])
        return _result(context, comparisons, base, tuned)

    def _predictions(
        self, context: StageContext, name: str, start: Callable[[], TransformersEngine]
    ) -> list[Prediction]:
        path: Path = context.folder / f"predictions-{name}.jsonl"
        if path.exists():
            return predict.load(path)
        evaluate = context.recipe.evaluate
        records = read_records(context.parents["data"].file("test.jsonl"))[: evaluate.limit]
        engine = start()
        labels, progress = context.recipe.data.labels, context.progress
        kept = Kept(Answers(context.scratch), (name,))
        found = predict.predict(engine, records, labels, evaluate.max_new_tokens, progress, f"{name} answers", kept)
        if reads := wanted(evaluate.metrics):
            found = with_likelihood(engine, records, found, labels, reads, progress, f"{name} likelihoods", kept)
        engine.close()
        kept.answers.close()
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
            "slices": _slices(context, base, tuned),
        },
    )


def _slices(context: StageContext, base: list[Prediction], tuned: list[Prediction]) -> dict[str, Any]:
    """The headline by the parts of the test."""
    recipe = context.recipe
    evaluate, headline = recipe.evaluate, recipe.evaluate.metrics[0]
    parts = [part for by in evaluate.slices for part in slices(by, tuned, evaluate.length_edges)]
    rows = compare_slices(headline, base, tuned, parts, evaluate.resamples, recipe.seed, terms_of(recipe))
    return {"metric": headline, "unit": metric(headline).unit, "rows": rows}


def _measurements(context: StageContext, c: Comparison) -> list[Measurement]:
    name = label(c.metric)
    advice = _ADVICE["accuracy"]
    side, points = ("below" if c.better == "lower" else "above"), ("perplexity" if c.unit == "perplexity" else "points")
    p = c.difference.p if c.difference else float("nan")
    return [
        context.measure(f"evaluate.{c.metric}", c.tuned, c.unit, f"{name} of the tuned model on the test", advice),
        context.measure(f"evaluate.base_{c.metric}", c.base, c.unit, f"{name} of the base model on the test"),
        context.measure(f"evaluate.{c.metric}_gain", c.gain, points, f"{name}: tuned {side} base", _ADVICE["gain"]),
        context.measure(f"evaluate.{c.metric}_p", p, "p", f"{name}: p of no difference, paired"),
    ]
