"""`seekforge adapt`: a domain's terms, as a file to review and as tokens of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seekforge.data.adapt.extend import Extension

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_FILES = "Text files, or records as JSONL, CSV or Parquet."
_SHOWN = 10


@app.callback()
def _group() -> None:
    """Mine a domain's terms from its text, and give a model tokens for them."""


@app.command(name="mine")
def mine_command(
    files: Annotated[list[Path], typer.Argument(help=_FILES)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The lexicon, a TSV file to review.")],
    background: Annotated[
        list[Path] | None, typer.Option(help="Text of something else, for what is common everywhere; repeat for each.")
    ] = None,
    least: Annotated[int, typer.Option(min=2, help="Times a term must stand in the text.")] = 5,
    ratio: Annotated[
        float, typer.Option(min=0, help="How many times as frequent as in the background it must be.")
    ] = 3.0,
    most: Annotated[int, typer.Option(min=1, help="Terms, the best first.")] = 1000,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Take the place of a lexicon that is there.")] = False,
) -> None:
    """Mine the terms of a domain from its text, Chinese and English: TF-IDF against a background, PMI for phrases.

    The file has a term, its score, count and an example a line: delete lines and edit terms before you use it.

    Example: seekforge adapt mine examples/risk_desk/handbook.md --out lexicon.tsv
    """
    from seekforge.cli.show import table
    from seekforge.core.errors import DataError, InputError
    from seekforge.core.files import check_output
    from seekforge.core.lexicon import write_lexicon
    from seekforge.data.adapt.mine import Mining, mine
    from seekforge.data.adapt.texts import read_texts

    check_output(out, [*files, *(background or [])])
    if out.exists() and not overwrite:
        raise InputError("is there, perhaps reviewed", where=str(out), mend="Name another file, or --overwrite")
    other = read_texts(background) if background else []
    entries = mine(read_texts(files), other, Mining(least=least, ratio=ratio, most=most))
    if not entries:
        raise DataError("no term stands often enough", where=str(files[0]), mend="Give more text or lower --least")
    write_lexicon(out, entries)
    rows = [(e.term, f"{e.score:.0f}", str(e.count), e.example) for e in entries[:_SHOWN]]
    typer.echo(table(f"{len(entries)} terms in {out}", ("term", "score", "count", "example"), rows, numbers=(1, 2)))


@app.command(name="extend")
def extend_command(
    model: Annotated[str, typer.Argument(help="demo, a folder, a .gguf file or a hub id.")],
    lexicon: Annotated[Path, typer.Option(help="The reviewed lexicon; one term a line will do.")],
    text: Annotated[list[Path], typer.Option(help=f"Text of the domain; repeat for each. {_FILES}")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder for the model.")],
    most: Annotated[int, typer.Option(min=1, help="New tokens, at most.")] = 512,
    least_saved: Annotated[int, typer.Option(min=1, help="Tokens that a term must save in the text.")] = 50,
    align: Annotated[
        float, typer.Option(min=0, max=1, help="Weight of aligned domain vectors; 0: the mean of the pieces alone.")
    ] = 0.0,
    held_out: Annotated[float, typer.Option(min=0.01, max=0.5, help="Share of the texts for the figures.")] = 0.1,
    loss_texts: Annotated[int, typer.Option(min=0, help="Held-out texts for the loss; 0 leaves it out.")] = 200,
) -> None:
    """Give a model the terms that save tokens as tokens of their own, and say what that is worth on held-out text.

    OUT is a model folder as any other. Train it in full (`train.method: full`) before you use it: adapters leave the
    new embeddings as they began.

    Example: seekforge adapt extend demo --lexicon lexicon.tsv --text notes.txt --out extended
    """
    from seekforge.core.config import environment
    from seekforge.core.lexicon import read_lexicon
    from seekforge.core.models import resolve
    from seekforge.core.progress import for_terminal
    from seekforge.data.adapt.extend import Extending, extend
    from seekforge.data.adapt.texts import read_texts
    from seekforge.engines.weights import hf_folder

    entries, texts = read_lexicon(lexicon), read_texts(text)
    progress = for_terminal()
    how = Extending(most, least_saved, align, held_out, loss_texts)
    folder = hf_folder(resolve(model), environment(), progress)
    _show(extend(folder, entries, texts, out, how, progress), out)


def _show(done: Extension, out: Path) -> None:
    from seekforge.cli.show import table

    before, after = done.tokens_per_character
    rows = [("tokens a character", f"{before:.4f}", f"{after:.4f}", f"{after:.4f}")]
    if done.loss_before is not None and done.loss_mean is not None and done.loss is not None:
        rows.append(("nats a character", f"{done.loss_before:.4f}", f"{done.loss_mean:.4f}", f"{done.loss:.4f}"))
    title = f"{len(done.tokens)} tokens added, {len(done.choice.left_out)} terms left out: see {out}/extension.json"
    typer.echo(table(title, ("held-out text", "before", "mean of pieces", "written"), rows, numbers=(1, 2, 3)))
