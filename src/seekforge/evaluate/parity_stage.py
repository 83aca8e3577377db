"""The parity stage: the compressed files against the merged model, before anything is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from seekforge.core.config import Recipe
from seekforge.core.files import write_json
from seekforge.core.gates import Measurement
from seekforge.core.records import Record, read_records
from seekforge.core.stage import StageContext, StageResult
from seekforge.evaluate import predict
from seekforge.evaluate.compare import score
from seekforge.evaluate.metrics import METRICS
from seekforge.evaluate.parity import (
    PROBES,
    Agreement,
    Position,
    agreement,
    teacher_forced,
    unequal_prompts,
    unequal_token_ids,
)
from seekforge.evaluate.text import terms_of

if TYPE_CHECKING:
    from seekforge.engines.transformers import TransformersEngine

TITLES = {"F16": "F16", "Q8_0": "INT8", "Q4_0": "INT4"}
_ADVICE = {
    "prompts_equal": "The engine reads the chat template otherwise than transformers does: compare the two renderings",
    "token_id_mismatches": "The GGUF file's pre-tokeniser is not the model's: see seekforge/engines/pretokenizer.py",
    "agreement": "Large margins mean wrong weights or a wrong rope base; small ones mean too low a compute precision",
    "loss": "Serve a wider format (serve.format=F16), or train longer so that decisions are less close",
}


@dataclass(frozen=True, slots=True)
class FormatReport:
    """How one GGUF file compares with the merged model."""

    file_format: str
    unequal_prompts: list[str]
    unequal_token_ids: list[str]
    agreement: Agreement
    score: float

    @property
    def title(self) -> str:
        """As people call the format."""
        return TITLES[self.file_format]


class ParityStage:
    """Compares each GGUF file with the merged model in prompts, tokens, choices and score."""

    name: ClassVar[str] = "parity"
    kind: ClassVar[str] = "parity"
    version: ClassVar[int] = 3
    needs: ClassVar[tuple[str, ...]] = ("data", "evaluate", "compress")

    def config(self, recipe: Recipe) -> Mapping[str, Any]:
        """The parity part and what the answers are scored by."""
        return {
            "parity": recipe.parity.model_dump(mode="json"),
            "evaluate": recipe.evaluate.model_dump(mode="json", exclude={"lexicon"}),  # its parent's scores tell
            "formats": list(recipe.compress.formats),
            "labels": list(recipe.data.labels),
            "seed": recipe.seed,
        }

    def run(self, context: StageContext) -> StageResult:
        """One engine at a time, after the reference model has said what it expects."""
        from seekforge.engines.transformers import TransformersEngine

        recipe = context.recipe
        records = read_records(context.parents["data"].file("test.jsonl"))[: recipe.evaluate.limit]
        # float32 arithmetic on the merged bfloat16 weights: the reference has no rounding of its own.
        reference = TransformersEngine(context.parents["compress"].file("merged"), "float32")
        positions = teacher_forced(reference, records, recipe.parity.positions, context.progress)
        reports = [self._compare(context, f, reference, records, positions) for f in recipe.compress.formats]
        reference.close()
        return _result(context, reports, len(records), self._trained_score(context))

    def _compare(
        self,
        context: StageContext,
        file_format: str,
        reference: TransformersEngine,
        records: Sequence[Record],
        positions: Sequence[Position],
    ) -> FormatReport:
        from seekforge.engines.openvino import OpenVinoEngine

        recipe = context.recipe
        file = context.parents["compress"].file(f"model-{file_format.lower()}.gguf")
        engine = OpenVinoEngine(file, cache=context.environment.cache)
        context.progress.say(f"          comparing {TITLES[file_format]}")
        title = f"{TITLES[file_format]} answers"
        tokens, labels = recipe.evaluate.max_new_tokens, recipe.data.labels
        answers = predict.predict(engine, records, labels, tokens, context.progress, title)
        predict.save(context.folder / f"predictions-{file_format.lower()}.jsonl", answers)
        texts = [*PROBES, *(reference.render(r.prompt) for r in records)]
        report = FormatReport(
            file_format,
            unequal_prompts(reference, engine, records),
            unequal_token_ids(reference, engine, texts),
            agreement(reference, engine, positions, context.progress),
            score(recipe.evaluate.metrics[0], answers, recipe.evaluate.resamples, recipe.seed, terms_of(recipe))[0],
        )
        engine.close()
        return report

    def _trained_score(self, context: StageContext) -> float:
        """What the merged model scored in BF16; the evaluate stage asked it the same questions."""
        recipe = context.recipe
        tuned = predict.load(context.parents["evaluate"].file("predictions-tuned.jsonl"))
        return score(recipe.evaluate.metrics[0], tuned, recipe.evaluate.resamples, recipe.seed, terms_of(recipe))[0]


def _result(context: StageContext, reports: Sequence[FormatReport], records: int, trained: float) -> StageResult:
    metric = context.recipe.evaluate.metrics[0]
    first = reports[0]
    details = {
        "positions": first.agreement.positions,
        "agreeing": first.agreement.positions - len(first.agreement.differences),
        "prompts": records,
        "prompts_equal": records - len(first.unequal_prompts),
        "differences": [
            {
                "model": r.title,
                "item": d.record_id,
                "position": d.index,
                "expected": d.expected,
                "got": d.got,
                "margin": d.margin,
            }
            for r in reports
            for d in r.agreement.differences
        ],
        "scores": [{"model": "BF16", metric: trained}, *({"model": r.title, metric: r.score} for r in reports)],
    }
    write_json(context.folder / "parity.json", [asdict(report) for report in reports])
    agreeing = ", ".join(f"{r.title} {r.agreement.share * 100:.1f} %" for r in reports)
    return StageResult(
        summary=f"next tokens that agree with the merged model: {agreeing}",
        measurements=tuple(m for report in reports for m in _measurements(context, report, records, trained)),
        details=details,
    )


def _measurements(context: StageContext, report: FormatReport, records: int, trained: float) -> list[Measurement]:
    title, name = report.title, report.title.lower()
    equal = 1 - len(report.unequal_prompts) / records
    metric = context.recipe.evaluate.metrics[0]
    unit, words = METRICS.load(metric)().unit, metric.replace("_", " ")
    points = 100 if unit == "fraction" else 1
    values = {
        "prompts_equal": (equal, "fraction", "prompts equal byte for byte"),
        "token_id_mismatches": (len(report.unequal_token_ids), "count", "texts tokenised otherwise"),
        "positions": (report.agreement.positions, "count", "positions compared"),
        "agreement": (report.agreement.share, "fraction", "next tokens as the merged model's"),
        "score": (report.score, unit, f"{words} on the test"),
        "loss": ((trained - report.score) * points, "points", f"{words} lost against BF16"),
    }
    return [
        context.measure(f"parity.{name}_{key}", value, unit, f"{title}: {about}", _ADVICE.get(key, ""))
        for key, (value, unit, about) in values.items()
    ]
