"""`seekforge evaluate rate`: people rate answers, blind, several of them, and nothing they say is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seekforge.cli.evaluate import rate_serve
from seekforge.core.errors import InputError

if TYPE_CHECKING:
    from seekforge.evaluate.human.model import View

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command(name="serve")(rate_serve.command)

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0}
_SCORE = re.compile(r"(?:(\w+)\.)?(\w+)=(-?\d+)")
_Study = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's file.")]
_Rater = Annotated[str, typer.Option(help="Who rates.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def _group() -> None:
    """Have people rate answers: blind, several raters an item, agreement and intervals, one file.

    Example: seekforge evaluate rate new ratings.db predictions-base.jsonl predictions-tuned.jsonl --rater an --rater bo
    """


@app.command(name="new")
def new(
    study: _Study,
    predictions: Annotated[
        list[str],
        typer.Argument(help="predictions-*.jsonl of an evaluate stage, one a model; NAME=FILE names the model."),
    ],
    rater: Annotated[list[str], typer.Option(help="Who rates; repeat for each.")],
    lead: Annotated[list[str] | None, typer.Option(help="Who may see results over HTTP; rates nothing.")] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="pair|single", help="By default pairs where there are two models or more.")
    ] = None,
    ask: Annotated[
        str, typer.Option(metavar="scores|choice", help="The rubric's scores, or of a pair the better one alone.")
    ] = "scores",
    questions: Annotated[int | None, typer.Option(min=1, help="Draw so many questions; by default all.")] = None,
    overlap: Annotated[int, typer.Option(min=1, help="Raters for each item.")] = 2,
    lease: Annotated[
        str, typer.Option(help="After so long a silence others get a rater's items: 30m, 12h, 2d.")
    ] = "1d",
    rubric: Annotated[Path | None, typer.Option(help="A rubric's YAML file; by default the guide's.")] = None,
    with_reference: Annotated[bool, typer.Option("--with-reference", help="Show the record's own answer.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw of questions, orders and sides.")] = 7,
) -> None:
    """Make a study from the answers of one model or several, and print everybody's token for the HTTP API.

    Models stay unnamed, sides are swapped by lot, and each rater gets about equally many items in its own order.

    Example: seekforge evaluate rate new ratings.db base=a.jsonl tuned=b.jsonl --rater an --rater bo --lead chen
    """
    from seekforge.core.config import validate
    from seekforge.core.config.rubric import StudyConfig
    from seekforge.evaluate.human.answers import draw, read_questions
    from seekforge.evaluate.human.plan import make_items
    from seekforge.evaluate.human.store import Store
    from seekforge.evaluate.rubric import load_rubric

    tree = {
        "kind": kind or ("pair" if len(predictions) > 1 else "single"),
        "ask": ask,
        "rubric": load_rubric(rubric),
        "overlap": overlap,
        "lease": _seconds(lease),
        "seed": seed,
        "with_reference": with_reference,
    }
    config = validate(StudyConfig, tree, "seekforge evaluate rate new")
    if config.kind == "pair" and len(predictions) < 2:
        mend = "Name a second file, or --kind single"
        raise InputError("a pair needs two models", where="--kind pair", mend=mend)
    chosen = draw(read_questions(predictions), questions, seed)
    items = make_items(chosen, config.kind, seed)
    tokens = Store.create(study, config, items, rater, lead or ())
    for name, token in tokens.items():
        typer.echo(f"{name}\t{token}")
    same = _equal_pairs(len(chosen), len(predictions), len(items)) if config.kind == "pair" else ""
    typer.echo(f"{study}: {len(items)} items, {overlap} raters each{same}. Tokens are shown this once.", err=True)


@app.command(name="next")
def following(study: _Study, rater: _Rater, as_json: _Json = False) -> None:
    """Show a rater's next item: the same until it is rated.

    Example: seekforge evaluate rate next ratings.db --rater an
    """
    from seekforge.evaluate.human.store import Store

    store = Store(study)
    view = store.next(rater)
    if as_json:
        typer.echo(json.dumps(None if view is None else view.to_dict(), ensure_ascii=False))
    elif view is None:
        typer.echo("nothing to rate now")
    else:
        typer.echo(_shown(view, store))


@app.command(name="submit")
def submit(
    study: _Study,
    item: Annotated[str, typer.Argument(help="The item's id.")],
    rater: _Rater,
    score: Annotated[
        list[str] | None, typer.Option(help="relevance=2, of a pair left.relevance=2; repeat for each.")
    ] = None,
    choice: Annotated[str | None, typer.Option(metavar="left|right|tie", help="Of a pair: the better side.")] = None,
    comment: Annotated[str, typer.Option(help="In words.")] = "",
) -> None:
    """Rate an item. What is left out stays open; another rating of the same item is kept as its next revision.

    Example: seekforge evaluate rate submit ratings.db item-0001 --rater an --choice left --score left.relevance=3
    """
    from seekforge.core.config import validate
    from seekforge.evaluate.human.model import Submission
    from seekforge.evaluate.human.store import Store

    store = Store(study)
    tree = {"item": item, "scores": _scores(score or [], store.study.kind), "choice": choice, "comment": comment}
    receipt = store.submit(rater, validate(Submission, tree, "seekforge evaluate rate submit"))
    still = f"; still open: {', '.join(receipt.missing)}" if receipt.missing else ""
    typer.echo(f"{item}: {receipt.outcome}, revision {receipt.revision}{still}")


@app.command(name="status")
def status(study: _Study, as_json: _Json = False) -> None:
    """Show how far everybody is.

    Example: seekforge evaluate rate status ratings.db
    """
    from dataclasses import asdict

    from seekforge.cli.show import table
    from seekforge.evaluate.human.store import Store

    progress = Store(study).progress()
    if as_json:
        typer.echo(json.dumps(asdict(progress), ensure_ascii=False))
        return
    rows = [(s.rater, str(s.done), str(s.open), str(s.drafts), str(s.passed)) for s in progress.shares]
    title = f"{progress.finished} of {progress.items} items finished, {progress.ratings} of {progress.wanted} ratings"
    typer.echo(table(title, ("rater", "done", "open", "begun", "passed on"), rows, numbers=(1, 2, 3, 4)))


@app.command(name="results")
def figures(
    study: _Study,
    resamples: Annotated[int, typer.Option(min=100, help="Of the bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 7,
    as_json: _Json = False,
) -> None:
    """Show scores by model, wins of pairs and the raters' agreement, with 95 % intervals over questions.

    Example: seekforge evaluate rate results ratings.db
    """
    from seekforge.cli.evaluate.rated import shown
    from seekforge.evaluate.human.results import results
    from seekforge.evaluate.human.store import Store

    store = Store(study)
    found = results(store.study.rubric, store.ratings(), resamples, seed)
    typer.echo(json.dumps(found.to_dict(), ensure_ascii=False) if as_json else shown(str(study), found))


@app.command(name="export")
def export(study: _Study, out: Annotated[Path, typer.Option("--out", "-o", help="A .jsonl or .csv file.")]) -> None:
    """Write every rating in force, with the models' names.

    Example: seekforge evaluate rate export ratings.db --out ratings.csv
    """
    from seekforge.core.files import check_output, write_output
    from seekforge.evaluate.human.export import as_csv, as_jsonl
    from seekforge.evaluate.human.store import Store

    if out.suffix not in {".jsonl", ".csv"}:
        raise InputError(f"'{out.suffix}' is no format", where=str(out), mend="End the name in .jsonl or .csv")
    store = Store(study)
    check_output(out, [study])
    ratings, rubric = store.ratings(), store.study.rubric
    write_output(out, as_csv(ratings, rubric) if out.suffix == ".csv" else as_jsonl(store.items(), ratings, rubric))
    typer.echo(f"{out}: {len(ratings)} ratings")


@app.command(name="invite")
def invite(
    study: _Study,
    name: Annotated[str, typer.Argument(help="Who.")],
    lead: Annotated[bool, typer.Option("--lead", help="May see results over HTTP; rates nothing.")] = False,
) -> None:
    """Add a rater, who gets a fair part of what nobody has begun, or give one a new token; print the token.

    Example: seekforge evaluate rate invite ratings.db dora
    """
    from seekforge.evaluate.human.store import Store

    typer.echo(Store(study).invite(name, "lead" if lead else "rater"))


@app.command(name="dismiss")
def dismiss(study: _Study, name: Annotated[str, typer.Argument(help="Who.")]) -> None:
    """Take a rater's token away and free the open items at once; what was rated stays.

    Example: seekforge evaluate rate dismiss ratings.db bo
    """
    from seekforge.evaluate.human.store import Store

    typer.echo(f"{name}: {Store(study).dismiss(name)} items are free for others")


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d{1,5})([mhd])", text.strip())
    if match is None or not int(match[1]):
        raise InputError(f"'{text}' is no time", where="--lease", mend="Write 30m, 12h or 2d")
    return int(match[1]) * _UNITS[match[2]]


def _scores(texts: list[str], kind: Literal["single", "pair"]) -> dict[str, dict[str, Any]]:
    scores: dict[str, dict[str, Any]] = {}
    for text in texts:
        match = _SCORE.fullmatch(text.strip())
        if match is None or (kind == "pair" and not match[1]):
            mend = "Write left.relevance=2" if kind == "pair" else "Write relevance=2"
            raise InputError(f"'{text}' is no score", where="--score", mend=mend)
        side = scores.setdefault(match[1] or "answer", {})
        if match[2] in side:
            raise InputError(f"'{text}' scores a second time", where="--score", mend="Give each score once")
        side[match[2]] = int(match[3])
    return scores


def _equal_pairs(questions: int, models: int, items: int) -> str:
    same = questions * models * (models - 1) // 2 - items
    return f" ({same} pairs of equal answers left out)" if same else ""


def _shown(view: View, store: Any) -> str:  # noqa: ANN401  importing the store costs what --help must not
    from seekforge.evaluate.rubric import said

    rubric, language = store.study.rubric, view.language
    parts = [f"{view.item}\n\n{view.prompt}"]
    if view.reference:
        parts.append(f"--- reference\n{view.reference}")
    parts += [f"--- {side}\n{text}" for side, text in view.answers.items()]
    if view.ask == "scores":
        scale = f"{rubric.scale.lowest}-{rubric.scale.highest}"
        asked = [f"{c.name} ({scale}): {said(c.question, language)}" for c in rubric.criteria]
        parts.append("--- scores\n" + "\n".join(asked))
    if view.said:
        parts.append(f"--- said so far (revision {view.revision})\n{json.dumps(view.said, ensure_ascii=False)}")
    return "\n\n".join(parts)
