"""The chain, walked once: adapter, merged, each GGUF file in the engine that serves it, the endpoint.

One model is in memory at a time. What was seen of a step is kept in the work folder, so that a killed comparison goes
on at the step where it was; logits of the start and of the merged model lie there too, until the end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seekforge.core.config import Environment, ParityConfig
from seekforge.core.errors import ModelError
from seekforge.core.files import sha256_json
from seekforge.core.progress import Progress
from seekforge.engines.protocol import Generator
from seekforge.evaluate import predict
from seekforge.evaluate.compare import score
from seekforge.evaluate.parity import weights
from seekforge.evaluate.parity.observed import Kind, Observed, load, shape_of
from seekforge.evaluate.parity.positions import (
    CONVERSATIONS,
    PROBES,
    Position,
    choices,
    led_along,
    teacher_forced,
    unequal_conversations,
    unequal_prompts,
    unequal_token_ids,
)
from seekforge.evaluate.parity.task import Lineage, Questions, identity, title_of
from seekforge.evaluate.parity.trace import Trace, divergence
from seekforge.evaluate.predict import Prediction

if TYPE_CHECKING:
    from seekforge.engines.transformers import TransformersEngine

_VERSION = 3
_RESAMPLES = 100  # of an interval that nobody shows
_EXAMPLE = 400  # characters of a rendered prompt


class Chain:
    """Walks one lineage.

    Args:
        lineage: What is compared.
        questions: The test.
        config: How much is compared.
        machine: Where converted models are kept.
        progress: Where to say how far it is.
        out: Where the answers go.
        work: What a killed comparison leaves behind.
    """

    def __init__(
        self,
        lineage: Lineage,
        questions: Questions,
        config: ParityConfig,
        machine: Environment,
        progress: Progress,
        out: Path,
        work: Path,
    ) -> None:
        from seekforge.engines.transformers import TransformersEngine

        self.lineage, self.questions, self.progress = lineage, questions, progress
        self._config, self._machine, self._out, self._work = config, machine, out, work
        self.reference = TransformersEngine.without_weights(lineage.base or lineage.merged)
        self.positions: list[Position] = []
        self.traces: dict[str, Trace] = {}
        self.steps: list[Observed] = []

    def walk(self) -> list[Observed]:
        """Every step, in order.

        Raises:
            ModelError: A model cannot be loaded, or the endpoint does not answer at all.
        """
        from seekforge.evaluate.parity.live_step import observe_live

        lineage = self.lineage
        if lineage.has_start:
            self._step("adapter" if self._has_adapter else "trained", "start", self._start)
        self._step("merged", "merged" if lineage.has_start else "start", self._merged)
        for file_format, path in lineage.files.items():
            self._step(title_of(file_format), "file", partial(self._file, file_format=file_format, path=path))
        if lineage.endpoint is not None:
            seen = Observed("live", "live", wanted=lineage.behind)
            self.progress.say(f"          comparing {lineage.endpoint.url}")
            observe_live(self, seen, lineage.endpoint)  # never kept: it may be another one the next time
            self.steps.append(seen)
        return self.steps

    def close(self) -> None:
        """Deletes the logits."""
        for trace in self.traces.values():
            trace.remove()

    def answers(self, title: str) -> list[Prediction] | None:
        """What a step answered, or `base`; None where it was not asked."""
        given = {"merged": self.lineage.answers, "base": self.lineage.base_answers}.get(title)
        path = given or self.answers_file(title)
        if not path.is_file():
            return None
        asked = {record.id for record in self.questions.records}
        return [prediction for prediction in predict.load(path) if prediction.id in asked]

    def answers_file(self, title: str) -> Path:
        """Where a step's answers are kept."""
        return self._out / f"predictions-{_format_name(self.lineage, title)}.jsonl"

    def scored(self, answers: list[Prediction]) -> float:
        """The task score."""
        asked = self.questions
        return score(asked.metric, answers, _RESAMPLES, asked.seed, asked.terms)[0]

    @property
    def _has_adapter(self) -> bool:
        trained = self.lineage.trained
        return trained is not None and not (trained / "model").is_dir()

    def _step(self, title: str, kind: Kind, see: Callable[[Observed], None]) -> None:
        path, key = self._work / f"{title.lower()}.json", self._key(title)
        trace = self._work / f"{title.lower()}.logits"
        seen = load(path, key)
        needs_trace = kind in ("start", "merged")
        if seen is None or (needs_trace and not trace.is_file()):
            self.progress.say(f"          comparing {title}")
            if needs_trace:
                self.traces[title] = Trace(trace)
            seen = Observed(title, kind)
            see(seen)
            seen.save(path, key)
        elif needs_trace:
            self.traces[title] = Trace(trace, seen.width)
        if kind == "start" and not self.positions:
            self.positions = self._positions(seen)
        self.steps.append(seen)

    def _key(self, title: str) -> str:
        lineage = self.lineage
        paths = [lineage.base, lineage.merged, lineage.files.get(_format_of(lineage, title))]
        if lineage.trained is not None:
            paths += [folder for folder in (lineage.trained / "adapter", lineage.trained / "model") if folder.is_dir()]
        asked = self.questions
        return sha256_json(
            {
                "version": _VERSION,
                "title": title,
                "models": [identity(path) for path in paths if path is not None],
                "records": sha256_json([record.to_dict() for record in asked.records]),
                "asked": [asked.labels, asked.metric, asked.max_new_tokens, asked.ask_start],
                "config": [self._config.positions, self._config.file_kl, lineage.endpoint is not None],
            }
        )

    def _positions(self, seen: Observed) -> list[Position]:
        """The positions again, of a start that an earlier attempt has asked."""
        found: list[Position] = []
        left = list(seen.choices or [])
        for record in self.questions.records:
            prompt = self.reference.encode(self.reference.render(record.prompt))
            answer = [*self.reference.encode(record.answer), self.reference.end_token]
            chosen, left = left[: len(answer)], left[len(answer) :]
            found += [Position(record.id, i, (*prompt, *answer[:i]), token) for i, token in enumerate(chosen)]
            if not left:
                break
        return found

    def _start(self, seen: Observed) -> None:
        """Base and adapter in float32.

        Then the base without the adapter on the same positions: a suspicion may need it, and so an endpoint may be
        found to serve the base. A run's own stage has no such time.
        """
        from seekforge.engines.transformers import TransformersEngine, load_adapted, load_model

        base, trained = self.lineage.base, self.lineage.trained
        assert base is not None and trained is not None
        model = load_adapted(base, trained) if self._has_adapter else load_model(trained / "model", "float32")
        engine = TransformersEngine(base, "float32", model=model)
        seen.source = str(trained)
        self._led(seen, engine)
        if self._has_adapter and (self._config.file_kl or self.lineage.endpoint is not None):
            with model.disable_adapter():
                seen.base_choices = led_along(engine, self.positions, self.progress, "base positions")
        if self.questions.ask_start:
            self._asked(seen, engine)
        else:
            seen.notes.append("score: not asked before merging")
        targets = model.peft_config["default"].target_modules if self._has_adapter else None
        whole = model.merge_and_unload() if self._has_adapter else model
        names = weights.choose(
            (name for name, _ in whole.named_parameters()), None if isinstance(targets, str) else targets
        )
        self._keep_samples(weights.model_samples(whole, names))
        engine.close()

    def _merged(self, seen: Observed) -> None:
        """The merged folder's bfloat16 weights in float32 arithmetic: the reference has no rounding of its own."""
        from seekforge.engines.transformers import TransformersEngine

        merged = self.lineage.merged
        engine = TransformersEngine(merged, "float32")
        seen.source = str(merged)
        self._led(seen, engine)
        self._rendered(seen, engine)
        if self.lineage.base is not None:
            seen.rope = [weights.rope_base(self.lineage.base), weights.rope_base(merged)]
        if not self.lineage.has_start:
            names = weights.choose((name for name, _ in engine.model.named_parameters()), None)
            self._keep_samples(weights.model_samples(engine.model, names))
        else:
            trained = self._samples()
            seen.weights = self._weighed(weights.folder_samples(merged, list(trained)), trained)
            seen.kl = divergence(self._start_trace(), self.traces["merged"])
        if self.lineage.answers is None:
            self._asked(seen, engine)
        elif answered := self.answers("merged"):
            seen.score = self.scored(answered)
        engine.close()

    def _file(self, seen: Observed, file_format: str, path: Path) -> None:
        """A GGUF file in the engine that serves it, loaded as the endpoint loads it."""
        from seekforge.engines.openvino import OpenVinoEngine

        seen.source, seen.wanted = str(path), file_format
        seen.file = weights.file_facts(path)
        template = str(self.reference.tokenizer.chat_template)
        seen.template_equal = seen.file.template.strip() == template.strip()
        seen.rope = [weights.rope_base(self.lineage.base or self.lineage.merged), seen.file.rope_base]
        trained = self._samples()
        merged = weights.folder_samples(self.lineage.merged, list(trained))
        seen.weights = self._weighed(weights.file_samples(path, self.lineage.merged, list(trained)), trained, merged)
        if seen.weights is None:
            seen.notes.append("weights: none that could be compared")
        engine = OpenVinoEngine(path, cache=self._machine.cache)
        self._asked(seen, engine)
        self._rendered(seen, engine)
        seen.choices = choices(engine, self.positions, self.reference.end_token, self.progress)
        engine.close()
        if self._config.file_kl:
            self._file_distributions(seen, path)
        else:
            seen.notes.append("KL: the engine gives no distributions; parity.file_kl compares the file's weights")

    def _file_distributions(self, seen: Observed, path: Path) -> None:
        """KL of the file's weights, dequantised by `transformers`: of the file, not of the engine that computes it."""
        from seekforge.engines.transformers import TransformersEngine, load_model

        try:
            model = load_model(path.parent, "float32", gguf_file=path.name)
        except ModelError as error:
            seen.notes.append(f"KL: transformers does not load the file ({error.what})")
            return
        engine = TransformersEngine(self.lineage.merged, "float32", model=model)
        trace = Trace(self._work / f"{seen.title.lower()}.logits")
        title = f"{seen.title} weights"
        seen.file_choices = led_along(engine, self.positions, self.progress, title, trace.append)
        engine.close()
        seen.kl = divergence(self.traces["merged"], trace)
        seen.start_kl = divergence(self._start_trace(), trace)
        seen.notes.append("KL: of the file's weights in transformers; the engine gives no distributions")
        trace.remove()

    def _led(self, seen: Observed, engine: TransformersEngine) -> None:
        """Next tokens and logits of a `transformers` step; the first one decides on the positions."""
        trace = self.traces[seen.title]
        if seen.kind == "start":
            wanted = self._config.positions
            self.positions = teacher_forced(engine, self.questions.records, wanted, self.progress, trace.append)
            seen.choices = [position.expected for position in self.positions]
        else:
            seen.choices = led_along(engine, self.positions, self.progress, f"{seen.title} positions", trace.append)
        seen.width = trace.width

    def _rendered(self, seen: Observed, engine: Generator) -> None:
        """Prompts and token ids against training's."""
        records, reference = self.questions.records, self.reference
        seen.prompts, seen.unequal_prompts = len(records), unequal_prompts(reference, engine, records)
        prompts = [reference.render(record.prompt) for record in records]
        seen.unequal_texts = unequal_token_ids(reference, engine, [*PROBES, *prompts])
        unequal = set(seen.unequal_prompts)
        pairs = [(reference.render(r.prompt), engine.render(r.prompt)) for r in records if r.id in unequal]
        if others := unequal_conversations(reference, engine):
            seen.notes.append(
                f"prompts: {len(others)} of {len(CONVERSATIONS)} other conversations are rendered otherwise"
            )
        pairs += others
        wanted, found = [[reference.encode(pair[side]) for pair in pairs] for side in (0, 1)]
        seen.shape = shape_of(wanted, found, reference.tokenizer.bos_token_id)
        if pairs:
            seen.shape = "other" if seen.shape == "equal" else seen.shape  # other bytes, by luck the same tokens
            seen.example = [text[:_EXAMPLE] for text in pairs[0]]

    def _asked(self, seen: Observed, engine: Generator) -> None:
        """Greedy answers to the test, kept, and their score."""
        asked, path = self.questions, self.answers_file(seen.title)
        title = f"{seen.title} answers"
        found = predict.predict(engine, asked.records, asked.labels, asked.max_new_tokens, self.progress, title)
        predict.save(path, found)
        seen.score = self.scored(found)

    def _start_trace(self) -> Trace:
        return self.traces[self.steps[0].title if self.steps else "merged"]

    def _keep_samples(self, samples: weights.Samples) -> None:
        import numpy as np

        np.savez(self._work / "samples.npz", **dict[str, Any](samples))

    def _samples(self) -> weights.Samples:
        import numpy as np

        with np.load(self._work / "samples.npz") as kept:
            return {name: kept[name] for name in kept.files}

    def _weighed(
        self, found: weights.Samples, trained: weights.Samples, source: weights.Samples | None = None
    ) -> weights.WeightFacts | None:
        base = self.lineage.base if self.lineage.has_start else None
        known = None if base is None else weights.folder_samples(base, list(trained))
        return weights.weight_facts(found, trained, known, source)


def _format_of(lineage: Lineage, title: str) -> str:
    return next((name for name in lineage.files if title_of(name) == title), "")


def _format_name(lineage: Lineage, title: str) -> str:
    return (_format_of(lineage, title) or title).lower()
