"""Is what is served what was trained? Rendered prompts, token ids and next tokens, compared one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from seekforge.core.errors import InputError
from seekforge.core.progress import Progress
from seekforge.core.records import Record
from seekforge.engines.protocol import Generation, Generator, Messages, Sampling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seekforge.engines.transformers import TransformersEngine

    Sink = Callable[[NDArray[np.float32]], None]

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
# Templates do otherwise without a system prompt, with an empty one, and where a conversation goes on; tests seldom do.
CONVERSATIONS: tuple[Messages, ...] = tuple(
    [{"role": role, "content": content} for role, content in turns]
    for turns in (
        (("user", "Hello"),),
        (("user", "你好"), ("assistant", "你好！有什么可以帮您？"), ("user", "转账")),
        (("system", "Be brief."), ("user", "Hello")),
        (("system", ""), ("user", "Hello")),
        (("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello."), ("user", " Bye \n")),
    )
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

    @property
    def worst(self) -> float:
        """The largest margin of a difference, in logits; 0 without one."""
        return max((difference.margin for difference in self.differences), default=0.0)

    def firsts(self) -> list[Difference]:
        """The first difference of each record that has one."""
        found: dict[str, Difference] = {}
        for difference in self.differences:
            found.setdefault(difference.record_id, difference)
        return list(found.values())


def unequal_prompts(reference: Generator, engine: Generator, records: Sequence[Record]) -> list[str]:
    """Ids of the records whose rendered prompts differ in any byte."""
    return [r.id for r in records if reference.render(r.prompt).encode() != engine.render(r.prompt).encode()]


def unequal_conversations(reference: Generator, engine: Generator) -> list[tuple[str, str]]:
    """Of `CONVERSATIONS` those that the two render otherwise, as both do; one that a template refuses is empty."""
    pairs = [(_rendered(reference, turns), _rendered(engine, turns)) for turns in CONVERSATIONS]
    return [(wanted, found) for wanted, found in pairs if wanted != found]


def _rendered(engine: Generator, messages: Messages) -> str:
    from jinja2 import TemplateError

    try:
        return engine.render(messages)
    except (TemplateError, InputError):
        return ""


def unequal_token_ids(reference: Generator, engine: Generator, texts: Sequence[str]) -> list[str]:
    """Texts that the two tokenizers cut differently."""
    return [text for text in texts if reference.encode(text) != engine.encode(text)]


def teacher_forced(
    reference: TransformersEngine, records: Sequence[Record], wanted: int, progress: Progress, sink: Sink | None = None
) -> list[Position]:
    """The reference model's greedy next token at each position of the reference answers, the end included.

    Args:
        reference: The model that is asked.
        records: Whose answers it is led along.
        wanted: Positions.
        progress: Where to say how far it is.
        sink: Gets the logits of each answer, float32 of shape (answer tokens, vocabulary), in the positions' order.

    Returns:
        At least `wanted` positions, or all of them if the records hold fewer.
    """
    positions: list[Position] = []
    with progress.task("reference positions", wanted) as task:
        for record in records:
            prompt = reference.encode(reference.render(record.prompt))
            answer = [*reference.encode(record.answer), reference.end_token]
            chosen = _led(reference, prompt, answer, sink)
            positions += [Position(record.id, i, (*prompt, *answer[:i]), choice) for i, choice in enumerate(chosen)]
            task.advance(len(answer))
            if len(positions) >= wanted:
                break
    return positions


def led_along(
    model: TransformersEngine, positions: Sequence[Position], progress: Progress, title: str, sink: Sink | None = None
) -> list[int]:
    """Another `transformers` model's greedy next token at each position; arguments as `teacher_forced`'s."""
    chosen: list[int] = []
    with progress.task(title, len(positions)) as task:
        for span in _answers(positions):
            prompt, whole = positions[span.start].prefix, positions[span[-1]].prefix
            chosen += _led(model, prompt, [*whole[len(prompt) :], model.end_token], sink)
            task.advance(len(span))
    return chosen


def _led(model: TransformersEngine, prompt: Sequence[int], answer: Sequence[int], sink: Sink | None) -> list[int]:
    logits = model.logits(prompt, answer)
    if sink is not None:
        sink(logits.cpu().numpy())
    return [int(choice) for choice in logits.argmax(dim=-1).tolist()]


def agreement(
    reference: TransformersEngine, engine: Generator, positions: Sequence[Position], progress: Progress
) -> Agreement:
    """How the engine's greedy next tokens compare with the positions' expected ones, margins by the reference."""
    chosen = choices(engine, positions, reference.end_token, progress)

    def margin(index: int, expected: int, got: int) -> float:
        row = reference.logits(positions[index].prefix, [expected])[0]
        return float(row[expected] - row[got])

    expected = [position.expected for position in positions]
    return Agreement(len(positions), differences(positions, expected, chosen, margin, reference.piece))


def differences(
    positions: Sequence[Position],
    expected: Sequence[int],
    got: Sequence[int],
    margin: Callable[[int, int, int], float],
    piece: Callable[[int], str],
) -> tuple[Difference, ...]:
    """Where two models choose otherwise.

    Args:
        positions: Where they were asked.
        expected: The one's tokens.
        got: The other's.
        margin: From a position's number and both tokens to the difference of their logits.
        piece: A token as text.
    """
    return tuple(
        Difference(position.record_id, position.index, piece(a), piece(b), margin(i, a, b))
        for i, (position, a, b) in enumerate(zip(positions, expected, got, strict=True))
        if a != b
    )


class Decoder(Protocol):
    """What `choices` asks: the `generate` of a `Generator`, or of an endpoint."""

    @property
    def name(self) -> str:
        """For the progress bar."""

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        """As `Generator.generate`."""


def choices(engine: Decoder, positions: Sequence[Position], end_token: int, progress: Progress) -> list[int]:
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
            for span, tokens in zip(part, _choices(end_token, engine, positions, part), strict=True):
                chosen |= zip(span, tokens, strict=False)
                task.advance(len(tokens))
                if len(tokens) < len(span):
                    spans.append(span[len(tokens) :])
    return [chosen[i] for i in range(len(positions))]


def _answers(positions: Sequence[Position]) -> list[range]:
    """The positions of each reference answer."""
    starts = [i for i, position in enumerate(positions) if position.index == 0]
    return [range(start, end) for start, end in zip(starts, [*starts[1:], len(positions)], strict=True)]


def _choices(end_token: int, engine: Decoder, positions: Sequence[Position], spans: Sequence[range]) -> list[list[int]]:
    """The engine's tokens from each span's start up to the first that is not the reference answer's."""
    longest = max(map(len, spans))
    answers = engine.generate([positions[span.start].prefix for span in spans], Sampling(max_new_tokens=longest))
    found: list[list[int]] = []
    for span, answer in zip(spans, answers, strict=True):
        # An engine leaves the end token out of its answer: where the answer stops, it chose that token.
        stopped = answer.finish_reason == "stop" or not answer.token_ids
        written = [*answer.token_ids, *([end_token] if stopped else [])][: len(span)]
        forced = [positions[i].prefix[-1] for i in span[1:]]
        same = next((n for n, (a, b) in enumerate(zip(written, forced, strict=False)) if a != b), len(written) - 1)
        found.append(written[: same + 1])
    return found
