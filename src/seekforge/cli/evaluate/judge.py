"""`seekforge evaluate judge`: a language model scores answers by the rubric."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seekforge.cli.evaluate.options import AtOnce, KeyFile
from seekforge.core.errors import InputError, ModelError

if TYPE_CHECKING:
    from seekforge.core.config import RemoteConfig
    from seekforge.core.config.rubric import RubricConfig
    from seekforge.core.progress import Progress
    from seekforge.evaluate.human.answers import Question
    from seekforge.evaluate.human.model import Rating
    from seekforge.evaluate.human.store import Store
    from seekforge.evaluate.judge_results import Accord, Judged

_KINDS = {"single": ("single",), "pair": ("pair",), "both": ("single", "pair")}
_ROUND = 4  # times as many questions are handed over together as are under way at once


def command(
    predictions: Annotated[
        list[str],
        typer.Argument(help="predictions-*.jsonl of an evaluate stage, one a model; NAME=FILE names the model."),
    ],
    url: Annotated[str, typer.Option("--url", "--endpoint", help="The judge: any OpenAI-compatible endpoint.")],
    model: Annotated[str, typer.Option("--model", "--model-name", help="The judge's name there.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Judgements, one a line; an interrupted run goes on from them.")
    ] = Path("judged.jsonl"),
    kind: Annotated[
        str | None,
        typer.Option(metavar="single|pair|both", help="Each answer, each two in both orders; by default all there is."),
    ] = None,
    rubric: Annotated[Path | None, typer.Option(help="A rubric's YAML file; by default the guide's.")] = None,
    questions: Annotated[int | None, typer.Option(min=1, help="Draw so many questions; by default all.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of that draw and of the bootstrap.")] = 7,
    with_reference: Annotated[bool, typer.Option("--with-reference", help="Show the record's own answer.")] = False,
    people: Annotated[Path | None, typer.Option(metavar="STUDY", help="Report the agreement with its raters.")] = None,
    api_key_file: KeyFile = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer of the judge.")] = 512,
    concurrency: AtOnce = 8,
    again: Annotated[bool, typer.Option("--again", help="Ask again what failed in an earlier run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Have a language model judge answers by the rubric, pairs in both orders.

    A pair that is judged otherwise when its sides are swapped counts as a tie and as position bias. What is no JSON of
    the form asked for gets one repair request, then counts as a failure, never as a score.

    Example: seekforge evaluate judge a.jsonl b.jsonl --url http://127.0.0.1:8000 --model demo --out judged.jsonl
    """
    from seekforge.core.config import RemoteConfig, validate
    from seekforge.core.progress import for_terminal
    from seekforge.evaluate.human.answers import draw, read_questions
    from seekforge.evaluate.rubric import load_rubric

    tree = {
        "url": url,
        "model": model,
        "api_key_file": api_key_file,
        "max_tokens": max_tokens,
        "concurrency": concurrency,
    }
    config = validate(RemoteConfig, tree, "seekforge evaluate judge")
    criteria, store = load_rubric(rubric), _study(people)
    kinds = _kinds(kind, len(predictions))
    if store is not None:
        _check_rubric(criteria, store, people)
    asked = draw(read_questions(predictions), questions, seed)
    progress = for_terminal()
    found, verdicts = _judge(config, criteria, asked, kinds, out, progress, with_reference, again, seed)
    if store is not None:
        found = _with_people(found, criteria, verdicts, store, asked, str(people))
    typer.echo(json.dumps(found.to_dict(), ensure_ascii=False) if as_json else _shown(found, out))


def _judge(
    config: RemoteConfig,
    rubric: RubricConfig,
    asked: Sequence[Question],
    kinds: Sequence[str],
    out: Path,
    progress: Progress,
    with_reference: bool,
    again: bool,
    seed: int,
) -> tuple[Judged, list[Rating]]:
    from seekforge.engines.chat.remote import RemoteChat
    from seekforge.evaluate.judge import judge, make_tasks
    from seekforge.evaluate.judge_journal import Journal
    from seekforge.evaluate.judge_results import judged

    chat = RemoteChat(config)
    tasks = make_tasks(chat, rubric, asked, kinds, with_reference=with_reference)
    with Journal(out) as journal:
        left = [task for task in tasks if task.key not in journal.known]
        if left or again:
            chat.check()
        judge(chat, rubric, tasks, journal, progress, at_once=_ROUND * config.concurrency, again=again)
        found, verdicts = judged(chat.name, rubric, tasks, journal.known, seed)
        if tasks and not found.usable:
            texts = [text for task in tasks if task.key in journal.known for text in journal.known[task.key].said]
            said = f": “{texts[0][:80]}”" if texts else ""
            why, count = max(found.failures.items(), key=lambda item: item[1])
            what = f"no usable judgement of {found.asked}: {count} times {why}{said}"
            raise ModelError(what, where=chat.name, mend=f"Take another judge; all that it said is in {out}")
    return found, verdicts


def _study(people: Path | None) -> Store | None:
    from seekforge.evaluate.human.store import Store

    return None if people is None else Store(people)


def _check_rubric(rubric: RubricConfig, store: Store, people: Path | None) -> None:
    theirs = store.study.rubric
    if (theirs.criteria, theirs.scale) != (rubric.criteria, rubric.scale):
        what = f"the people rated by the rubric '{theirs.name}', which is not the judge's '{rubric.name}'"
        raise InputError(what, where=str(people), mend="Give the judge the same with --rubric")


def _kinds(kind: str | None, models: int) -> Sequence[str]:
    from seekforge.core.registry import nearest

    chosen = kind or ("both" if models > 1 else "single")
    if chosen not in _KINDS:
        raise InputError(f"unknown kind '{chosen}'", where="--kind", mend=nearest(chosen, list(_KINDS)))
    if chosen != "single" and models < 2:
        raise InputError("a pair needs two models", where=f"--kind {chosen}", mend="Name a second file")
    return _KINDS[chosen]


def _with_people(
    found: Judged, rubric: RubricConfig, verdicts: Sequence[Rating], store: Store, asked: Sequence[Question], name: str
) -> Judged:
    from dataclasses import replace

    from seekforge.evaluate.judge_results import accords

    answers = {(question.id, model): text for question in asked for model, text in question.answers.items()}
    shared = accords(rubric, verdicts, store.ratings(), store.items(), answers)
    if not shared:
        mend = "Judge the files that the study was made from, and wait for the first ratings"
        raise InputError("nothing that these people rated was judged", where=name, mend=mend)
    return replace(found, people=tuple(shared))


def _shown(found: Judged, out: Path) -> str:
    from seekforge.cli.evaluate.rated import scores, wins

    parts = [scores(found.judge, found.results.models), wins(found.results.matches), _swaps(found), _people(found)]
    failed = found.asked - found.usable
    tail = f"{found.usable} of {found.asked} judgements usable, {found.repaired} of them after a repair request"
    if failed:
        causes = "; ".join(f"{count} {why}" for why, count in sorted(found.failures.items()))
        tail += f"; failed and in no figure: {causes}"
    return "\n".join(part for part in (*parts, f"{tail}\n{out}") if part)


def _swaps(found: Judged) -> str:
    swaps = found.swaps
    if swaps.bias is None:
        return ""
    return (
        f"position bias: {swaps.bias:.0%} of {swaps.pairs} pairs were judged otherwise with the sides swapped and "
        f"count as ties ({swaps.first} for the first, {swaps.second} for the second, {swaps.mixed} a tie once)\n"
    )


def _people(found: Judged) -> str:
    from seekforge.cli.evaluate.rated import number
    from seekforge.cli.show import table

    def row(a: Accord) -> tuple[str, ...]:
        other = a.kappa if a.of == "choice" else a.spearman
        return (a.of, str(a.units), number(a.people), number(a.joined), number(a.judge), number(other))

    columns = ("agreement on", "judged by both", "people", "with judge", "judge : people", "rho, of choices kappa")
    title = "Krippendorff's alpha of people and judge"
    return table(title, columns, [row(a) for a in found.people], (1, 2, 3, 4, 5)) if found.people else ""
