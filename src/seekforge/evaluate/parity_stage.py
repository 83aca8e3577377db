"""The parity stage: every step from the adapter to the compressed files, before anything is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from seekforge.core.config import Recipe
from seekforge.core.models import resolve
from seekforge.core.records import read_records
from seekforge.core.stage import StageContext, StageResult
from seekforge.engines.weights import hf_folder
from seekforge.evaluate.parity.gate import Parity, check
from seekforge.evaluate.parity.task import Lineage, Questions
from seekforge.evaluate.text import terms_of


class ParityStage:
    """Compares base and adapter, the merged model and each GGUF file: prompts, tokens, choices, weights and score."""

    name: ClassVar[str] = "parity"
    kind: ClassVar[str] = "parity"
    version: ClassVar[int] = 5
    needs: ClassVar[tuple[str, ...]] = ("data", "train", "evaluate", "compress")

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
        """One model at a time; what a killed attempt saw is found again."""
        recipe, parents = context.recipe, context.parents
        compressed, evaluated = parents["compress"], parents["evaluate"]
        lineage = Lineage(
            merged=compressed.file("merged"),
            files={f: compressed.file(f"model-{f.lower()}.gguf") for f in recipe.compress.formats},
            base=hf_folder(resolve(recipe.model), context.environment, context.progress),
            trained=parents["train"].folder,
            answers=evaluated.file("predictions-tuned.jsonl"),
            base_answers=evaluated.file("predictions-base.jsonl"),
        )
        questions = Questions(
            records=read_records(parents["data"].file("test.jsonl"))[: recipe.evaluate.limit],
            labels=tuple(recipe.data.labels),
            metric=recipe.evaluate.metrics[0],
            max_new_tokens=recipe.evaluate.max_new_tokens,
            seed=recipe.seed,
            terms=terms_of(recipe),
        )
        found = check(
            lineage,
            questions,
            recipe.parity,
            context.environment,
            context.progress,
            context.folder,
            context.scratch,
            context.measure,
        )
        return StageResult(_summary(found), found.measurements, details(found))


def details(found: Parity) -> dict[str, Any]:
    """What the report shows."""
    files = found.files()
    first = files[0] if files else None
    agreed = first.merged if first is not None else None
    unequal = len(first.seen.unequal_prompts or ()) if first is not None else 0
    scores = [{"model": "BF16", found.metric: step.seen.score} for step in found.steps if step.seen.title == "merged"]
    return {
        "positions": found.positions,
        "agreeing": found.positions - len(agreed.differences) if agreed is not None else found.positions,
        "prompts": found.records,
        "prompts_equal": found.records - unequal,
        "differences": [
            {
                "model": step.seen.title,
                "item": d.record_id,
                "position": d.index,
                "expected": d.expected,
                "got": d.got,
                "margin": d.margin,
            }
            for step in files
            for d in (step.merged.differences if step.merged is not None else ())
        ],
        "scores": [*scores, *({"model": step.seen.title, found.metric: step.seen.score} for step in files)],
        "causes": [{"model": step.seen.title, "cause": str(cause)} for step in found.steps for cause in step.causes],
    }


def _summary(found: Parity) -> str:
    shown = [(s.seen.title, s.merged.share) for s in found.files() if s.merged is not None]
    agreeing = ", ".join(f"{title} {share * 100:.1f} %" for title, share in shown)
    over = [step.seen.title for step in found.steps if step.over]
    return f"next tokens that agree with the merged model: {agreeing}" + (
        f"; over budget: {', '.join(over)}" if over else ""
    )
