"""Is what is served what was trained? Rendered prompts, token ids and next tokens, compared one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seekforge.core.progress import Progress
from seekforge.core.records import Record
from seekforge.engines.protocol import Generator, Sampling

if TYPE_CHECKING:
    from seekforge.engines.transformers import TransformersEngine

_PIECE = 64  # answers at once, so that the bar moves
PROBES = (
    "Transfer £12,345.67 to account 0042 on 2024-01-05.",
    "转账 12,345.67 元到账户 0042，日期 2024-01-05。",
    "混合 mixed 文本：iPhone15手机，ＦＵＬＬ　ｗｉｄｔｈ，￥３００！",
    "emoji 😀👩‍👩‍👧🇨🇳 and ½ ² ٣ é ñ ü",
    "def f(x):\n    return x**2  # ok\n\n\n\tif x != None: pass\r\n",
    "  leading, double  and trailing spaces \t\u00a0\u3000",
    "it's we'll I'M DON'T they'Ve",
)


@dataclass(frozen=True, slots=True)
class Position:
    """One place in a reference answer: the prompt and the answer up to it, and the reference model's choice."""

    record_id: str
    index: int
    prefix: tuple[int, ...]
    expected: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A position where the engine chose another token.

    Attributes:
        margin: By how much the reference model preferred its own choice, in logits. Small margins are ties that
            rounding decides; a large one means that the engine computes something else.
    """

    record_id: str
    index: int
    expected: str
    got: str
    margin: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Over how many positions two models were compared and where they differ."""

    positions: int
    differences: tuple[Difference, ...]

    @property
    def share(self) -> float:
        """Share of positions with the same next token."""
        return 1 - len(self.differences) / self.positions


def unequal_prompts(reference: Generator, engine: Generator, records: Sequence[Record]) -> list[str]:
    """Ids of the records whose rendered prompts differ in any byte."""
    return [r.id for r in records if reference.render(r.prompt).encode() != engine.render(r.prompt).encode()]


def unequal_token_ids(reference: Generator, engine: Generator, texts: Sequence[str]) -> list[str]:
    """Texts that the two tokenizers cut differently."""
    return [text for text in texts if reference.encode(text) != engine.encode(text)]


def teacher_forced(
    reference: TransformersEngine, records: Sequence[Record], wanted: int, progress: Progress
) -> list[Position]:
    """The reference model's greedy next token at each position of the reference answers, the end included.

    Returns:
        At least `wanted` positions, or all of them if the records hold fewer.
    """
    positions: list[Position] = []
    with progress.task("reference positions", wanted) as task:
        for record in records:
            prompt = reference.encode(reference.render(record.prompt))
            answer = [*reference.encode(record.answer), reference.end_token]
            choices = reference.logits(prompt, answer).argmax(dim=-1).tolist()
            positions += [Position(record.id, i, (*prompt, *answer[:i]), choice) for i, choice in enumerate(choices)]
            task.advance(len(answer))
            if len(positions) >= wanted:
                break
    return positions


def agreement(
    reference: TransformersEngine, engine: Generator, positions: Sequence[Position], progress: Progress
) -> Agreement:
    """The engine's greedy next token at each position.

    As long as the engine writes the reference answer by itself, each token of its answer is its choice after the
    reference's tokens; where it differs it is put back on the reference answer and goes on from there. So an engine
    that agrees decodes each answer once, as it does when it serves.
    """
    chosen: dict[int, int] = {}
    spans = _answers(positions)
    with progress.task(f"{engine.name} positions", len(positions)) as task:
        while spans:
            part, spans = spans[:_PIECE], spans[_PIECE:]
            for span, tokens in zip(part, _choices(reference, engine, positions, part), strict=True):
                chosen |= zip(span, tokens, strict=False)
                task.advance(len(tokens))
                if len(tokens) < len(span):
                    spans.append(span[len(tokens) :])
    pairs = ((position, chosen[i]) for i, position in enumerate(positions))
    return Agreement(len(positions), tuple(_difference(reference, p, got) for p, got in pairs if got != p.expected))


def _answers(positions: Sequence[Position]) -> list[range]:
    """The positions of each reference answer."""
    starts = [i for i, position in enumerate(positions) if position.index == 0]
    return [range(start, end) for start, end in zip(starts, [*starts[1:], len(positions)], strict=True)]


def _choices(
    reference: TransformersEngine, engine: Generator, positions: Sequence[Position], spans: Sequence[range]
) -> list[list[int]]:
    """The engine's tokens from each span's start up to the first that is not the reference answer's."""
    longest = max(map(len, spans))
    answers = engine.generate([positions[span.start].prefix for span in spans], Sampling(max_new_tokens=longest))
    choices: list[list[int]] = []
    for span, answer in zip(spans, answers, strict=True):
        # An engine leaves the end token out of its answer: where the answer stops, it chose that token.
        stopped = answer.finish_reason == "stop" or not answer.token_ids
        written = [*answer.token_ids, *([reference.end_token] if stopped else [])][: len(span)]
        forced = [positions[i].prefix[-1] for i in span[1:]]
        same = next((n for n, (a, b) in enumerate(zip(written, forced, strict=False)) if a != b), len(written) - 1)
        choices.append(written[: same + 1])
    return choices


def _difference(reference: TransformersEngine, position: Position, got: int) -> Difference:
    row = reference.logits(position.prefix, [position.expected])[0]
    margin = float(row[position.expected] - row[got])
    return Difference(
        position.record_id, position.index, reference.piece(position.expected), reference.piece(got), margin
    )
