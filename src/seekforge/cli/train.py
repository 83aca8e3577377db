"""`seekforge train`: fine-tune one model on one file, or say what that would need; `search` looks for settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seekforge.cli import search
from seekforge.cli.devices import CLUSTER, DEVICES, crew, followed

if TYPE_CHECKING:
    from seekforge.core.config import Environment, Recipe, TrainConfig

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.command(name="search")(search.command)


@app.callback()
def command(
    context: typer.Context,
    model_name: Annotated[
        str | None,
        typer.Option("--model-name", "--model_name", help="demo, a folder, a .gguf file or a hub id. Required."),
    ] = None,
    train_data: Annotated[
        Path | None, typer.Option("--train-data", "--train_data", help="JSONL, CSV or Parquet of records. Required.")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", "--output_dir", help="Folder for data/ and train/. Required.")
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate; by default 3e-4 for adapters, 3e-5 for full.")
    ] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the data.")] = 3,
    method: Annotated[str, typer.Option(help="auto, lora, qlora or full; auto goes by how many records.")] = "auto",
    batch_size: Annotated[int, typer.Option("--batch-size", "--batch_size", help="Records a step.")] = 8,
    max_length: Annotated[int, typer.Option("--max-length", "--max_length", help="Longest record in tokens.")] = 1024,
    checkpointing: Annotated[bool, typer.Option("--checkpointing", help="Recompute activations: less memory.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 7,
    strategy: Annotated[
        str, typer.Option(help="auto, ddp or fsdp: whether several devices each hold the model or share it.")
    ] = "auto",
    devices: Annotated[int | None, typer.Option(min=1, help=DEVICES)] = None,
    cluster: Annotated[bool, typer.Option("--cluster", help=CLUSTER)] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what each method would need at this batch and length, and end.")
    ] = False,
) -> None:
    """Fine-tune a model: clean the file, hold out a validation split, train, stop before it overfits, keep the best.

    After a crash the same command goes on from the last checkpoint. OUTPUT_DIR/train/adapter loads in plain PEFT.
    `seekforge train search` tries other settings of a recipe's training.

    Example: seekforge train --model_name demo --train_data examples/risk_desk/raw.jsonl --epochs 1 --output_dir tuned
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    if followed():
        return
    _require(context, {"--model-name": model_name, "--train-data": train_data, "--output-dir": output_dir})
    assert model_name is not None and train_data is not None and output_dir is not None
    from seekforge.core.config import TrainConfig, validate
    from seekforge.core.models import resolve
    from seekforge.data.sources import check_sources

    resolve(model_name)  # a wrong name shows now, before the data is cleaned
    names = ("method", "epochs", "batch_size", "max_length", "checkpointing", "strategy")
    values = {"learning_rate": lr} | {name: context.params[name] for name in names}
    config = validate(TrainConfig, values, "seekforge train")
    recipe = _recipe(model_name, train_data, seed, config)
    check_sources(recipe.data)
    if plan:
        _show_plan(model_name, config.model_dump(), devices or 1)
        return
    with crew(devices, cluster) as machine:
        if machine is not None:
            _run(recipe, output_dir, machine)


def _run(recipe: Recipe, output_dir: Path, machine: Environment) -> None:
    from seekforge.cli.single import run_single

    dataset = run_single("data", recipe, output_dir / "data", {}, machine)
    typer.echo(f"data:  {dataset.summary}")
    trained = run_single("train", recipe, output_dir / "train", {"data": dataset}, machine)
    typer.echo(f"train: {trained.summary}\n{output_dir / 'train'}")


def _recipe(model: str, file: Path, seed: int, config: TrainConfig) -> Recipe:
    """One file, of which nothing is held out for a test."""
    from seekforge.core.config import DataConfig, Recipe, SourceConfig, SplitConfig

    data = DataConfig(sources=(SourceConfig(path=file.absolute()),), split=SplitConfig(test=0.0))
    return Recipe(name="train", model=model, seed=seed, data=data, train=config)


def _require(context: typer.Context, options: Mapping[str, object]) -> None:
    """Needed by the command, but not by its subcommand: so the parser cannot ask for them."""
    for name, value in options.items():
        if value is None:
            context.fail(f"Missing option '{name}'.")


def _refuse_options(context: typer.Context) -> None:
    """Options of the training itself have no meaning before a subcommand, which takes a recipe."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            context.fail(
                f"'{parameter.opts[0]}' does not go with '{context.invoked_subcommand}': set it in the recipe."
            )


def _show_plan(model_name: str, values: dict[str, object], ranks: int) -> None:
    """Every method at records of the greatest length, or the one that was asked for; nothing is written."""
    from seekforge.core.config import TrainConfig, environment
    from seekforge.core.models import family_of_folder, resolve
    from seekforge.core.progress import for_terminal
    from seekforge.engines.weights import config_folder
    from seekforge.train.loading import shape_of_folder, this_device
    from seekforge.train.plan import make_plan, setup_of

    folder = config_folder(resolve(model_name), environment(), for_terminal())
    shape, family, device = shape_of_folder(folder), family_of_folder(folder), this_device(ranks)
    every = ("lora", "qlora", "full") if device.kind == "cuda" else ("lora", "full")
    methods = every if values["method"] == "auto" else (values["method"],)
    for method in methods:
        config = TrainConfig.model_validate({**values, "method": method})
        for sharded in (False, True) if ranks > 1 and method != "qlora" else (False,):
            setup = setup_of(config, family, device, ranks=ranks, sharded=sharded)
            typer.echo("\n".join(make_plan(shape, setup, device).lines()))
