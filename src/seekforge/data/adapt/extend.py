"""A model folder with a domain's terms as tokens, and what that is worth on text that nothing was learnt from."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from seekforge.core.errors import DataError, ResourceError
from seekforge.core.files import disk_errors, write_json
from seekforge.core.lexicon import Entry
from seekforge.core.models import family_of_folder
from seekforge.core.progress import Progress
from seekforge.data.adapt import tokens
from seekforge.data.adapt.choose import Choice, choose
from seekforge.data.adapt.model import Tables, cut, loss_per_character, start_token
from seekforge.data.adapt.rows import blended, neighbours, of_pieces
from seekforge.data.adapt.texts import split

if TYPE_CHECKING:
    from tokenizers import Tokenizer

REPORT = "extension.json"
_OURS = frozenset({"config.json", "generation_config.json", tokens.FILE, REPORT})
_WEIGHTS = (".safetensors", ".bin", ".index.json")


@dataclass(frozen=True, slots=True)
class Extending:
    """How a model is extended.

    Attributes:
        most: New tokens, at most.
        least_saved: Tokens that a term must save in the text.
        align: Weight of the aligned domain vector in a new row, 0 to 1; the rest is the mean of the pieces.
        held_out: Share of the texts that figures are taken of and nothing is learnt from.
        loss_texts: Of those, how many the loss is taken of; 0 leaves it out.
    """

    most: int = 512
    least_saved: int = 50
    align: float = 0.0
    held_out: float = 0.1
    loss_texts: int = 200


@dataclass(frozen=True, slots=True)
class Extension:
    """What was done. Losses are in nats a character of held-out text, before any training.

    Attributes:
        tokens: The new ids by their texts.
        choice: Terms chosen and left out, with reasons.
        tokens_per_character: Before and after, on held-out text.
        loss_before: Of the model as it came; None where it was not measured.
        loss_mean: With the mean of the pieces.
        loss: As written; the same where nothing is aligned.
        anchors: Words that the alignment was learnt on; 0 without one.
        fit: Share of their variance that it tells, first of the input embedding, then of an untied head.
    """

    tokens: dict[str, int]
    choice: Choice
    tokens_per_character: tuple[float, float]
    loss_before: float | None = None
    loss_mean: float | None = None
    loss: float | None = None
    anchors: int = 0
    fit: tuple[float, ...] = ()


def extend(
    folder: Path, entries: Sequence[Entry], texts: Sequence[str], out: Path, how: Extending, progress: Progress
) -> Extension:
    """Writes `out`, a model folder as `folder` with the lexicon's worthwhile terms as tokens, and extension.json in it.

    Text without a new term keeps its ids, and the old rows of the embeddings keep their values.

    Raises:
        DataError: No term is worth a token, no text is left to measure on, or alignment lacks anchors.
        ModelError: The model or its tokenizer cannot be extended.
        ResourceError: `out` is there already, or cannot be written.
    """
    _check_target(out)
    family_of_folder(folder)
    old, extended = tokens.read_tokenizer(folder), tokens.read_tokenizer(folder)
    learn, held = split(texts, how.held_out)
    if not learn or not held:
        raise DataError(f"{len(texts)} texts are too few to hold some out", where="--text", mend="Give more text")
    choice = _chosen(old, entries, learn, how)
    numbers = tokens.add_tokens(extended, [c.form for c in choice.chosen])
    density = (tokens.tokens_per_character(old, held), tokens.tokens_per_character(extended, held))
    progress.say(f"{len(numbers)} new tokens; {density[0]:.3f} to {density[1]:.3f} tokens a character on held-out text")
    work = _Work(folder, old, extended, choice, numbers, progress)
    done = work.run(learn, held, how, density)
    _write(work, done, folder, out, how)
    return done


class _Work:
    """One extension's tokenizers and tables."""

    def __init__(
        self,
        folder: Path,
        old: Tokenizer,
        extended: Tokenizer,
        choice: Choice,
        numbers: dict[str, int],
        progress: Progress,
    ) -> None:
        self._old, self.extended, self._choice, self.numbers = old, extended, choice, numbers
        self._progress, self._start = progress, start_token(folder, progress)
        self.tables = Tables(folder)

    def run(self, learn: Sequence[str], held: Sequence[str], how: Extending, density: tuple[float, float]) -> Extension:
        """Measures, grows, fills and measures again."""
        sample = cut(held[: how.loss_texts])
        before = self._loss(self._old, sample, "before")
        self.tables.grow(max(self.numbers.values()) + 1)
        pieces = {self.numbers[c.form]: c.pieces for c in self._choice.chosen}
        rows_of = [partial(Tables.rows, table) for table in self.tables.tables()]
        means = [of_pieces(pieces, rows) for rows in rows_of]
        self.tables.put(means)
        mean = self._loss(self.extended, sample, "mean of the pieces")
        if how.align == 0:
            return Extension(self.numbers, self._choice, density, before, mean, mean)
        sequences = [tokens.encode(self.extended, text) for text in learn]
        near = neighbours(sequences, list(pieces), lambda number: self._old.decode([number]), self.tables.width)
        mixed = [blended(mean_rows, near, rows, how.align) for mean_rows, rows in zip(means, rows_of, strict=True)]
        self.tables.put([rows for rows, _ in mixed])
        after = self._loss(self.extended, sample, "aligned")
        fit = tuple(turn.fit for _, turn in mixed)
        return Extension(self.numbers, self._choice, density, before, mean, after, len(near.anchors), fit)

    def _loss(self, tokenizer: Tokenizer, sample: Sequence[str], title: str) -> float | None:
        if not sample:
            return None
        sequences = [tokens.encode(tokenizer, text) for text in sample]
        loss = loss_per_character(self.tables.model, sequences, sum(map(len, sample)), self._start, self._progress)
        self._progress.say(f"loss a character, {title}: {loss:.4f}")
        return loss


def _chosen(tokenizer: Tokenizer, entries: Sequence[Entry], texts: Sequence[str], how: Extending) -> Choice:
    encode = partial(tokens.encode, tokenizer)
    choice = choose(entries, texts, encode, least_saved=how.least_saved, most=how.most)
    broken = frozenset(tokens.unreadable(tokenizer, [c.form for c in choice.chosen]))
    left_out = [
        *choice.left_out,
        *((c.term, "would not be read back as written") for c in choice.chosen if c.form in broken),
    ]
    choice = Choice(tuple(c for c in choice.chosen if c.form not in broken), tuple(left_out))
    if not choice.chosen:
        term, reason = choice.left_out[0]
        raise DataError(
            f"no term of the lexicon is worth a token ('{term}': {reason})",
            where="--lexicon",
            mend="Lower --least-saved, or give more text of the domain",
        )
    return choice


def _check_target(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ResourceError("it is there already", where=str(out), mend="Name a new folder, or remove this one")


def _write(work: _Work, done: Extension, source: Path, out: Path, how: Extending) -> None:
    """The folder appears when all of it is written."""
    scratch = out.with_name(f".{out.name}.partial")
    with disk_errors(out):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        for file in source.iterdir():
            if file.is_file() and file.name not in _OURS and not file.name.endswith(_WEIGHTS) and file.name[0] != ".":
                shutil.copyfile(file, scratch / file.name)
        work.tables.save(scratch)
        tokens.write_tokenizer(work.extended, source, scratch, work.numbers)
        write_json(scratch / REPORT, {"settings": asdict(how), **asdict(done)})
        if out.exists():
            out.rmdir()
        scratch.replace(out)
