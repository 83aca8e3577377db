"""What a training needs before its weights are loaded: records as tokens, the method, the memory it will take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seekforge.core.config import Environment, TrainConfig
from seekforge.core.families import Family
from seekforge.core.files import read_json, write_json
from seekforge.core.models import family_of_folder, resolve
from seekforge.core.records import read_records
from seekforge.core.stage import StageContext
from seekforge.engines.weights import hf_folder
from seekforge.train.examples import Encoded, check_vocabulary, encode_all
from seekforge.train.loading import check_qlora, shape_of_folder, this_device
from seekforge.train.method import Choice, choose_method
from seekforge.train.packing import Row, rows_of
from seekforge.train.plan import Device, Plan, check_positions, make_plan, setup_of
from seekforge.train.sft import Job


@dataclass(frozen=True, slots=True)
class Ready:
    """The model's folder, its tokenizer and family, and the splits `train` and `validation` as tokens."""

    base: Path
    tokenizer: Any
    family: Family
    splits: Mapping[str, Encoded]

    def rows(self, config: TrainConfig) -> list[Row]:
        """All lines of all batches, those of the validation too."""
        room = config.max_length if config.packing else None
        return rows_of(self.splits["train"].examples, room) + rows_of(self.splits["validation"].examples, None)

    def job(self, config: TrainConfig, seed: int, output: Path, scratch: Path) -> Job:
        """The training of these records with a config whose method is settled."""
        train, validation = (self.splits[split].examples for split in ("train", "validation"))
        return Job(config, train, validation, self.family, seed, output, scratch)


def prepare(context: StageContext) -> Ready:
    """Finds the model and turns the dataset's records into tokens.

    Raises:
        InputError: The model, its tokenizer or the records cannot be trained with these settings.
    """
    from seekforge.engines.transformers import load_tokenizer

    recipe = context.recipe
    if recipe.train.method == "qlora" and context.environment.cluster is None:
        check_qlora()
    base = hf_folder(resolve(recipe.model), context.environment, context.progress)
    tokenizer, shape = load_tokenizer(base), shape_of_folder(base)
    check_vocabulary(tokenizer, shape.vocabulary, str(base))
    splits = {split: _encode(context, tokenizer, split) for split in ("train", "validation")}
    ready = Ready(base, tokenizer, family_of_folder(base), splits)
    check_positions(shape, ready.rows(recipe.train), str(base))
    return ready


@dataclass(frozen=True, slots=True)
class Devices:
    """Devices that train together: how many, and what each of them is."""

    count: int
    each: Device


def devices_of(machine: Environment) -> Devices:
    """Those of this process's group, or of the cluster that trains in its stead."""
    if machine.cluster is None:
        return Devices(machine.group.size, this_device(machine.group.local_size))
    from seekforge.train.cluster import survey

    return Devices(*survey(machine.cluster))


def plan_of(ready: Ready, config: TrainConfig, devices: Devices, sharded: bool = False) -> Plan:
    """What a training with these settings will need of each device, by the lengths of its records."""
    setup = setup_of(config, ready.family, devices.each, ready.rows(config), devices.count, sharded)
    return make_plan(shape_of_folder(ready.base), setup, devices.each)


def choose(context: StageContext, ready: Ready) -> Choice:
    """The method as the recipe says, or by `choose_method`; a run that is taken up keeps what it began with."""
    choice = _choice(context, ready)
    context.progress.say(f"          method {choice.method}: {choice.reason}")
    return choice


def _choice(context: StageContext, ready: Ready) -> Choice:
    config = context.recipe.train
    if config.method != "auto":
        return Choice(config.method, "set in the recipe")
    kept = context.scratch / "method.json"
    if kept.is_file():
        return Choice(**read_json(kept))
    full = plan_of(ready, config.model_copy(update={"method": "full"}), devices_of(context.environment))
    choice = choose_method(ready.splits["train"].records, full.fits)
    write_json(kept, choice._asdict())
    return choice


def _encode(context: StageContext, tokenizer: Any, split: str) -> Encoded:  # noqa: ANN401
    config = context.recipe.train
    records = read_records(context.parents["data"].file(f"{split}.jsonl"))
    encoded = encode_all(records, tokenizer, config, split)
    if encoded.long:
        named = ", ".join(f"{name} ({tokens})" for name, tokens in encoded.long[:3])
        more = f" and {len(encoded.long) - 3} more" if len(encoded.long) > 3 else ""
        context.progress.say(
            f"          {split}: {len(encoded.long)} records above {config.max_length} tokens left out: {named}{more}"
        )
    return encoded
