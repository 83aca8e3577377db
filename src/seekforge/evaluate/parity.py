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

_PIECE = 128
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
    """Asks the engine for one greedy token at each position."""
    chosen: list[int] = []
    with progress.task(f"{engine.name} positions", len(positions)) as task:
        for start in range(0, len(positions), _PIECE):
            part = positions[start : start + _PIECE]
            answers = engine.generate([p.prefix for p in part], Sampling(max_new_tokens=1))
            # An engine leaves the end token out of its answer: no token at all is that token.
            chosen += [a.token_ids[0] if a.token_ids else reference.end_token for a in answers]
            task.advance(len(part))
    pairs = zip(positions, chosen, strict=True)
    return Agreement(len(positions), tuple(_difference(reference, p, got) for p, got in pairs if got != p.expected))


def _difference(reference: TransformersEngine, position: Position, got: int) -> Difference:
    row = reference.logits(position.prefix, [position.expected])[0]
    margin = float(row[position.expected] - row[got])
    return Difference(
        position.record_id, position.index, reference.piece(position.expected), reference.piece(got), margin
    )
