"""From what was seen at a step to its likely cause. Pure: facts in, sentences out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Shape = Literal["equal", "bos lost", "bos twice", "other"]
Fault = Literal[
    "broken lineage",
    "lost BOS",
    "double BOS",
    "chat template",
    "pre-tokeniser",
    "rope base",
    "full precision",
    "wrong format",
    "adapter not merged",
    "swapped adapter",
    "other weights",
    "other model served",
]
Suspicion = Literal["adapter lost", "rounding", "engine", "unknown"]
# Root mean square of what rounding takes from a weight, as a share of the weights': measured 5e-3 for Q8_0 (32 weights
# share a scale of largest / 127) and 8e-2 for Q4_0 (largest / 8). F16 holds all that bfloat16 does, subnormals aside.
NOISE = {"BF16": 0.003, "F16": 0.001, "F32": 0.001, "Q8_0": 0.006, "Q4_0": 0.1, "Q4_1": 0.09}
BITS = {"F32": 32.0, "F16": 16.0, "BF16": 16.0, "Q8_0": 8.5, "Q4_0": 4.5, "Q4_1": 5.0}
_FULL = frozenset({"F32", "F16", "BF16"})
_TOO_GOOD = 0.1  # of a format's noise
_TOO_MUCH = 2.5
_HELD = (0.8, 1.2)  # how much of the training's change must be in the weights
_VISIBLE = 1e-4  # a change smaller than this share of the weights is lost in bfloat16 already
_TIE = 0.5  # logits


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one step; None is "not looked at".

    Attributes:
        kind: A merged folder, a GGUF file in the engine, or an endpoint.
        wanted: The format that the step should have; empty for a folder.
        shape: How its rendered prompts differ from training's.
        tokens_unequal: Texts that its tokenizer cuts otherwise.
        rope: The rotary base of training, and the step's.
        stored: The type that most of its weights have.
        bits: Of a weight.
        error: Of its weights against those that it was written from, see `WeightFacts`.
        base_error: Of its weights against the base model's.
        change: How large the training's change is.
        adapter: How much of the training's change is in its weights.
        agreement: Share of next tokens as the start's.
        base_agreement: Share of next tokens as the base model's without the adapter.
        start_base: The same share of the start itself.
        worst: Largest logit margin of a difference.
        file_agreement: Share of next tokens as the start's, of the file's weights computed by `transformers`.
        lookalike: Another step, whose answers an endpoint gives in place of its own file's.
        over: Whether the step broke its budget.
    """

    kind: Literal["merged", "file", "live"]
    wanted: str = ""
    shape: Shape = "equal"
    tokens_unequal: int = 0
    rope: tuple[float, float] | None = None
    stored: str = ""
    bits: float | None = None
    error: float | None = None
    base_error: float | None = None
    change: float | None = None
    adapter: float | None = None
    agreement: float | None = None
    base_agreement: float | None = None
    start_base: float | None = None
    worst: float = 0.0
    file_agreement: float | None = None
    lookalike: str = ""
    over: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a step differs.

    Attributes:
        name: The fault, or a suspicion where no fact names one.
        why: What was seen and what it means.
        mend: What to do.
        certain: Whether a fact names it; a suspicion rests on figures alone.
    """

    name: Fault | Suspicion
    why: str
    mend: str
    certain: bool = True

    def __str__(self) -> str:
        """One line."""
        return f"{self.name}: {self.why}. {self.mend}"


def diagnose(facts: Facts) -> list[Cause]:
    """The causes that the facts name; without one, what the figures of a step over its budget suggest."""
    found = [cause for look in _LOOKS if (cause := look(facts)) is not None]
    return found or ([_suspicion(facts)] if facts.over else [])


def _prompts(facts: Facts) -> Cause | None:
    if facts.shape == "bos lost":
        return Cause(
            "lost BOS",
            "its prompts are training's without the token that begins a text",
            "Write bos_token_id into the file and bos_token into its template, once",
        )
    if facts.shape == "bos twice":
        return Cause(
            "double BOS",
            "its prompts begin with the token that begins a text twice",
            "Let the template write it or the tokenizer add it, not both",
        )
    if facts.shape == "other":
        return Cause(
            "chat template",
            "it renders conversations otherwise than training did: by another chat template",
            "Take the template from the merged folder's tokenizer and write the file again",
        )
    return None


def _tokens(facts: Facts) -> Cause | None:
    if facts.tokens_unequal and facts.shape == "equal":
        return Cause(
            "pre-tokeniser",
            f"{facts.tokens_unequal} texts are cut into other tokens",
            "tokenizer.ggml.pre, vocabulary or normaliser are another model's: write the file from the merged folder",
        )
    return None


def _rope(facts: Facts) -> Cause | None:
    if facts.rope is not None and abs(facts.rope[1] - facts.rope[0]) > 1e-6 * facts.rope[0]:
        return Cause(
            "rope base",
            f"its rotary base is {facts.rope[1]:g} where the model was trained with {facts.rope[0]:g}",
            "Mend rope_theta in the folder's config.json, or rope.freq_base, and write the file again",
        )
    return None


def _format(facts: Facts) -> Cause | None:
    if not facts.wanted or facts.kind != "file":
        return None
    quantised = facts.wanted not in _FULL
    too_good = facts.error is not None and facts.error < _TOO_GOOD * NOISE[facts.wanted]
    bits = f"{facts.bits:.1f} bits a weight" if facts.bits is not None else "weights"
    if quantised and (facts.stored in _FULL or _is_wide(facts) or too_good):
        lost = " and rounding took nothing from them" if too_good else ""
        return Cause(
            "full precision",
            f"it is called {facts.wanted} ({BITS[facts.wanted]:g} bits) and holds {facts.stored}, {bits}{lost}: "
            "nothing was quantised",
            f"Quantise it: seekforge compress --format {facts.wanted}",
        )
    if facts.stored and facts.stored != facts.wanted:
        return Cause(
            "wrong format",
            f"it is called {facts.wanted} and holds {facts.stored}, {bits}",
            f"Write it again: seekforge compress --format {facts.wanted}",
        )
    return None


def _is_wide(facts: Facts) -> bool:
    # A few layers too narrow for blocks stay F16: half of the way to 16 bits is more than a few.
    narrow = BITS[facts.wanted]
    return facts.bits is not None and facts.bits > (narrow + BITS["F16"]) / 2


def _weights(facts: Facts) -> Cause | None:
    if facts.error is None:
        return None
    noise = NOISE.get(facts.stored or facts.wanted or "BF16", NOISE["Q4_0"])
    seen = facts.change is not None and facts.adapter is not None and facts.change > _VISIBLE
    if seen and not _HELD[0] <= (facts.adapter or 0.0) <= _HELD[1]:
        share = f"{100 * (facts.adapter or 0.0):.0f} % of what this adapter changes is in its weights"
        if (facts.base_error or 0.0) <= noise and (facts.change or 0.0) > noise:
            return Cause(
                "adapter not merged", f"{share}: they are the base model's", "Merge the adapter, then write it again"
            )
        if facts.error < 1:
            return Cause(
                "swapped adapter",
                f"{share}: it was made from another training's adapter",
                "Make it again from this training's artifact; compare the parents in its manifest.json",
            )
    if facts.error > _TOO_MUCH * noise:
        return Cause(
            "other weights",
            f"its weights are {100 * facts.error:.1f} % away from the trained ones, where rounding takes "
            f"{100 * noise:.1f} % at most",
            "Write it again from the merged folder",
        )
    return None


def _served(facts: Facts) -> Cause | None:
    if facts.kind == "live" and facts.lookalike:
        full = facts.lookalike in ("F16", "merged")
        return Cause(
            "full precision" if full else "other model served",
            f"the endpoint gives the answers of {facts.lookalike}, not those of {facts.wanted}",
            "Look at which file it loads; its /v1/models and its log say so",
        )
    return None


_LOOKS: tuple[Callable[[Facts], Cause | None], ...] = (_prompts, _tokens, _rope, _format, _weights, _served)


def _suspicion(facts: Facts) -> Cause:
    agreement, base, own = facts.agreement, facts.base_agreement, facts.start_base
    if agreement is not None and base is not None and own is not None and base > max(agreement, own):
        return Cause(
            "adapter lost",
            f"{100 * base:.1f} % of its next tokens are the base model's, {100 * agreement:.1f} % the trained one's",
            "See that the adapter was merged before the file was written",
            certain=False,
        )
    if facts.file_agreement is not None and agreement is not None and facts.file_agreement > agreement + 0.02:
        return Cause(
            "engine",
            f"transformers computes {100 * facts.file_agreement:.1f} % of the trained next tokens with this file, "
            f"the engine {100 * agreement:.1f} %",
            "The engine computes in too low a precision, or rounds the file once more",
            certain=False,
        )
    if facts.worst <= _TIE and (agreement is None or agreement > 0.8):
        return Cause(
            "rounding",
            f"only near ties differ, by {facts.worst:.2f} logits at most",
            "Serve a wider format, or widen parity.budget if the score allows",
            certain=False,
        )
    return Cause(
        "unknown",
        f"clear choices differ, by up to {facts.worst:.2f} logits, and file, prompts and weights look right",
        "Compare the first divergences in parity.json; suspect the engine's version and its options",
        certain=False,
    )
