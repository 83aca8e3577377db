"""From what was seen to figures, causes and verdicts. Pure, apart from margins that are read from the logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from seekforge.core.config import ParityBudget
from seekforge.core.config.recipe import PARITY_BUDGET
from seekforge.core.gates import Gate, Measurement, Verdict, judge_all
from seekforge.evaluate.metrics import METRICS
from seekforge.evaluate.parity.diagnose import Cause, Facts, diagnose
from seekforge.evaluate.parity.observed import Observed
from seekforge.evaluate.parity.positions import Agreement, differences
from seekforge.evaluate.parity.trace import Divergence
from seekforge.evaluate.predict import Prediction

if TYPE_CHECKING:
    from seekforge.evaluate.parity.chain import Chain

Figure = tuple[float, str, str]  # value, unit, and what a reader calls it
Measure = Callable[[str, float, str, str, str], Measurement]
_NOT_TOLD = frozenset(
    {"prompts_equal", "token_id_mismatches", "agreement", "step_agreement", "start_agreement", "margin"}
)  # what an endpoint may not tell
_FEW = 4  # an endpoint that is this many times nearer to another step's answers serves that one
_ADVICE = {
    "prompts_equal": "The engine reads the chat template otherwise than transformers does: compare the two renderings",
    "token_id_mismatches": "The GGUF file's pre-tokeniser is not the model's: see seekforge/engines/pretokenizer.py",
    "agreement": "Large margins mean wrong weights or a wrong rope base; small ones mean too low a compute precision",
    "loss": "Serve a wider format (serve.format=F16), or train longer so that decisions are less close",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step, compared.

    Attributes:
        seen: What was seen of it.
        before: Title of the step before.
        merged: Next tokens against the merged model's; at the merged step against the start's.
        previous: Against the step before, of an endpoint against the file behind it.
        start: Against the start.
        answers_equal: Share of greedy answers equal to the step before's.
        first_text: The first record whose answer differs from the step before's, the character, and both answers.
        loss: Points of the score lost against the merged model.
        causes: Why it differs.
        verdicts: Its budget.
    """

    seen: Observed
    before: str = ""
    merged: Agreement | None = None
    previous: Agreement | None = None
    start: Agreement | None = None
    answers_equal: float | None = None
    first_text: Mapping[str, Any] | None = None
    loss: float | None = None
    causes: tuple[Cause, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    @property
    def name(self) -> str:
        """In measurements: `int8`."""
        return self.seen.title.lower()

    @property
    def over(self) -> bool:
        """Whether any rule of its budget is broken."""
        return not all(verdict.passed for verdict in self.verdicts)

    def figures(self, metric: str) -> dict[str, Figure]:
        """All that was measured."""
        seen, words = self.seen, metric.replace("_", " ")
        own = "the merged model's" if seen.kind != "merged" else "those of base and adapter"
        unequal = None if seen.unequal_prompts is None or not seen.prompts else len(seen.unequal_prompts) / seen.prompts
        agreed, apart = self.merged, "mean KL divergence of next tokens"
        listed: dict[str, tuple[float | None, str, str]] = {
            "prompts_equal": (None if unequal is None else 1 - unequal, "fraction", "prompts equal byte for byte"),
            "token_id_mismatches": (_count(seen.unequal_texts), "count", "texts tokenised otherwise"),
            "positions": (_of(agreed, "positions"), "count", "positions compared"),
            "agreement": (_of(agreed, "share"), "fraction", f"next tokens as {own}"),
            "step_agreement": (_of(self.previous, "share"), "fraction", f"next tokens as {self.before}'s"),
            "start_agreement": (_of(self.start, "share"), "fraction", "next tokens as the chain's start"),
            "margin": (_of(agreed, "worst"), "logits", "largest margin of a token that differs"),
            "kl": (_of(seen.kl, "mean"), "nats", apart),
            "start_kl": (_of(seen.start_kl, "mean"), "nats", f"{apart} from the start"),
            "score": (seen.score, METRICS.load(metric)().unit, f"{words} on the test"),
            "loss": (self.loss, "points", f"{words} lost against BF16"),
            "answers_equal": (self.answers_equal, "fraction", f"answers as those of {self.before}"),
            "faults": (sum(cause.certain for cause in self.causes), "count", "faults whose cause is known"),
        }
        return {key: (float(value), unit, about) for key, (value, unit, about) in listed.items() if value is not None}

    def to_dict(self, metric: str) -> dict[str, Any]:
        """As written into parity.json: figures, first divergence of each record, causes, broken rules."""
        seen = asdict(self.seen)
        for name in ("choices", "base_choices", "file_choices", "width"):
            seen.pop(name)
        agreed = {"merged": self.merged, "step before": self.previous, "start": self.start}
        return {
            **seen,
            "before": self.before,
            "figures": {name: {"value": v, "unit": unit} for name, (v, unit, _) in self.figures(metric).items()},
            "first_divergences": {
                against: [asdict(d) for d in found.firsts()] for against, found in agreed.items() if found is not None
            },
            "first_text": self.first_text,
            "causes": [asdict(cause) for cause in self.causes],
            "over_budget": [f"{v.name} {v.rule}" for v in self.verdicts if not v.passed],
        }


def compare(chain: Chain) -> list[Step]:
    """Every step of a chain that was walked, against the one before, the merged model and the start."""
    steps = chain.steps
    start, merged = steps[0], next(seen for seen in steps if seen.title == "merged")
    found: list[Step] = []
    for number, seen in enumerate(steps):
        before = steps[number - 1] if number else seen
        if seen.kind == "live":
            before = next(other for other in steps if other.title == chain.lineage.behind)
        against = start if seen is merged else merged
        equal, first = _texts(chain.answers(before.title), chain.answers(seen.title)) if number else (None, None)
        step = Step(
            seen,
            before.title if number else "",
            _agreed(chain, against, seen) if number else None,
            _agreed(chain, before, seen) if number else None,
            _agreed(chain, start, seen) if number else None,
            equal,
            first,
            _loss(chain, merged, seen) if number and seen is not merged else None,
        )
        found.append(step)
    return found


def judged(
    steps: Sequence[Step], chain: Chain, budget: ParityBudget, measure: Measure
) -> tuple[list[Step], list[Measurement]]:
    """The steps with causes and verdicts, and every measurement.

    Args:
        steps: What `compare` gave.
        chain: They are of.
        budget: How far each step may drift.
        measure: Makes a measurement of name, value, unit, title and advice.
    """
    found = [_judged(step, chain, budget, measure) for step in steps]
    metric = chain.questions.metric
    measurements = [m for step in found if step.before for m in _measurements(step, metric, measure).values()]
    broken = [verdict for step in found for verdict in step.verdicts if not verdict.passed]
    why = "; ".join(dict.fromkeys(f"{step.seen.title}: {cause}" for step in found for cause in step.causes))
    measurements.append(measure(PARITY_BUDGET, len(broken), "count", "Rules of the drift budget broken", why))
    return found, measurements


def _judged(step: Step, chain: Chain, budget: ParityBudget, measure: Measure) -> Step:
    if not step.before:
        return step
    facts = facts_of(chain, step)
    step = replace(step, causes=_causes(chain, step, facts))
    rules = getattr(budget, step.name).rules() if step.name in ParityBudget.model_fields else {}

    def verdicts(step: Step) -> tuple[Verdict, ...]:
        figures = _measurements(step, chain.questions.metric, measure)
        told = {k: r for k, r in rules.items() if k in figures or step.seen.kind != "live" or k not in _NOT_TOLD}
        gates = [Gate(f"parity.{step.name}_{key}", rule) for key, rule in told.items()]
        return tuple(judge_all(gates, {m.name: m for m in figures.values()}))

    if not step.causes and not all(verdict.passed for verdict in verdicts(step)):
        step = replace(step, causes=tuple(diagnose(replace(facts, over=True))))
    return replace(step, verdicts=verdicts(step))


def facts_of(chain: Chain, step: Step) -> Facts:
    """What the diagnosis is told."""
    seen, start = step.seen, chain.steps[0]
    weights, file = seen.weights, seen.file
    base = start.base_choices
    return Facts(
        kind="merged" if seen.kind == "start" else seen.kind,
        wanted=seen.wanted,
        shape=seen.shape,
        tokens_unequal=len(seen.unequal_texts or ()),
        rope=(seen.rope[0], seen.rope[1]) if seen.rope else None,
        stored=file.stored if file else "",
        bits=file.bits if file else None,
        error=weights.error if weights else None,
        base_error=weights.base_error if weights else None,
        change=weights.change if weights else None,
        adapter=weights.adapter if weights else None,
        agreement=step.start.share if step.start else None,
        base_agreement=_share(base, seen.choices),
        start_base=_share(base, start.choices),
        worst=step.start.worst if step.start else 0.0,
        file_agreement=_share(start.choices, seen.file_choices),
        lookalike=_lookalike(chain, step) if seen.kind == "live" else "",
    )


def _causes(chain: Chain, step: Step, facts: Facts) -> tuple[Cause, ...]:
    found = diagnose(facts)
    if step.seen.kind == "merged" and chain.lineage.broken:
        mend = "Run the recipe again; it makes what does not fit"
        found.insert(0, Cause("broken lineage", chain.lineage.broken, mend))
    return tuple(found)


def _measurements(step: Step, metric: str, measure: Measure) -> dict[str, Measurement]:
    return {
        key: measure(
            f"parity.{step.name}_{key}",
            value,
            unit,
            f"{step.seen.title}: {about}",
            _advice(step) or _ADVICE.get(key, ""),
        )
        for key, (value, unit, about) in step.figures(metric).items()
    }


def _of(found: Agreement | Divergence | None, name: str) -> float | None:
    return None if found is None else float(getattr(found, name))


def _count(texts: Sequence[str] | None) -> int | None:
    return None if texts is None else len(texts)


def _advice(step: Step) -> str:
    return "; ".join(f"likely cause: {cause}" for cause in step.causes)


def _agreed(chain: Chain, expected: Observed, got: Observed) -> Agreement | None:
    if expected.choices is None or got.choices is None:
        return None
    trace = chain.traces.get(expected.title) or chain.traces["merged"]
    pairs = (chain.positions, expected.choices, got.choices)
    return Agreement(len(chain.positions), differences(*pairs, trace.margin, chain.reference.piece))


def _share(expected: Sequence[int] | None, got: Sequence[int] | None) -> float | None:
    if not expected or not got:
        return None
    return sum(a == b for a, b in zip(expected, got, strict=True)) / len(expected)


def _loss(chain: Chain, merged: Observed, seen: Observed) -> float | None:
    if merged.score is None or seen.score is None:
        return None
    points = 100 if METRICS.load(chain.questions.metric)().unit == "fraction" else 1
    return (merged.score - seen.score) * points


def _texts(
    expected: Sequence[Prediction] | None, got: Sequence[Prediction] | None
) -> tuple[float | None, dict[str, Any] | None]:
    """Share of equal answers, and the first that differs with its first differing character."""
    if not expected or not got or [p.id for p in expected] != [p.id for p in got]:
        return None, None
    pairs = [(a.id, a.text.strip(), b.text.strip()) for a, b in zip(expected, got, strict=True)]
    unequal = [pair for pair in pairs if pair[1] != pair[2]]
    share = 1 - len(unequal) / len(pairs)
    if not unequal:
        return share, None
    record, a, b = unequal[0]
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return share, {"record_id": record, "character": at, "expected": a, "got": b}


def _lookalike(chain: Chain, step: Step) -> str:
    """Another step that the endpoint is, by its fingerprint, or by far nearer to than to its own file."""
    seen = step.seen
    if seen.same_file is not None:
        return "" if seen.same_file else seen.serves
    apart = {other.title: _apart(chain, other.title, other.choices, seen) for other in chain.steps if other is not seen}
    apart["base"] = _apart(chain, "base", chain.steps[0].base_choices, seen)
    own = apart.pop(chain.lineage.behind)
    known = {title: count for title, count in apart.items() if count is not None}
    if own is None or own < 2 or not known:
        return ""
    nearest = min(known, key=lambda title: known[title])
    return nearest if known[nearest] * _FEW <= own else ""


def _apart(chain: Chain, title: str, chosen: Sequence[int] | None, seen: Observed) -> int | None:
    """In how many positions, or else answers, two differ."""
    if chosen is not None and seen.choices is not None:
        return sum(a != b for a, b in zip(chosen, seen.choices, strict=True))
    if seen.choices is not None:
        return None
    expected, got = chain.answers(title), chain.answers(seen.title)
    if not expected or not got or [p.id for p in expected] != [p.id for p in got]:
        return None
    return sum(a.text.strip() != b.text.strip() for a, b in zip(expected, got, strict=True))
