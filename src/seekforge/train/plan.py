"""Whether a run fits its device, and what would: decided before any weight is loaded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from seekforge.core.config import TrainConfig
from seekforge.core.config.train import Arithmetic
from seekforge.core.errors import ConfigError, ResourceError
from seekforge.core.families import Family
from seekforge.train.examples import IGNORED
from seekforge.train.memory import Bytes, Prediction, Setup, predict
from seekforge.train.packing import Row
from seekforge.train.prefix import shared_tokens
from seekforge.train.shapes import Shape
from seekforge.train.shares import share_of

# On a GPU torch's own allocator leaves gaps. On a CPU glibc keeps freed blocks in its heap: up to 43 % more than in use
# was measured (benchmarks/train_memory.py --heap).
_MARGINS = {"cuda": 0.10, "cpu": 0.45}
_GIB = 1 << 30
_PROPOSALS = 4


@dataclass(frozen=True, slots=True)
class Device:
    """Where training runs: its kind, how many bytes are free there, and what it computes fastest."""

    kind: Literal["cuda", "cpu"]
    free: int
    fast: Arithmetic = "bfloat16"

    def holds(self, prediction: Prediction) -> bool:
        """Whether the peak fits with the margin."""
        return prediction.peak * (1 + _MARGINS[self.kind]) <= self.free


@dataclass(frozen=True, slots=True)
class Proposal:
    """Settings that fit, as keys of the recipe's `train`, and their peak in bytes."""

    settings: Mapping[str, Any]
    peak: int

    def __str__(self) -> str:
        """As `--set` takes it."""
        return " ".join(f"train.{k}={str(v).lower()}" for k, v in self.settings.items()) + f" ({_gib(self.peak)})"


@dataclass(frozen=True, slots=True)
class Plan:
    """A prediction held against a device."""

    setup: Setup
    prediction: Prediction
    device: Device
    proposals: tuple[Proposal, ...]

    @property
    def fits(self) -> bool:
        """With the device's margin."""
        return self.device.holds(self.prediction)

    def lines(self) -> list[str]:
        """For people: the parts, the peak, the verdict and what fits."""
        setup, parts = self.setup, self.prediction.parts
        checkpointed = ", checkpointed" if setup.checkpointing else ""
        rows = [f"{setup.method}, batch {setup.batch}{_each(setup)}, {setup.length} tokens{checkpointed}"]
        rows += [f"  {field.name:12}{_gib(getattr(parts, field.name)):>11}" for field in fields(Bytes)]
        verdict = "fits" if self.fits else "does not fit"
        margin = f"{_MARGINS[self.device.kind]:.0%} margin"
        rows.append(f"  {'peak':12}{_gib(self.prediction.peak):>11}  at the {self.prediction.moment}")
        rows.append(f"  {verdict}: {_gib(self.device.free)} free on the {self.device.kind}, {margin}")
        return rows + [f"  fits: {proposal}" for proposal in self.proposals]


def make_plan(shape: Shape, setup: Setup, device: Device) -> Plan:
    """Predicts, and looks for what fits if this does not."""
    prediction = predict(shape, setup)
    proposals = () if device.holds(prediction) else tuple(propose(shape, setup, device))
    return Plan(setup, prediction, device, proposals)


def check(plan: Plan) -> None:
    """Refuses what cannot fit.

    Raises:
        ResourceError: One line with the peak, what is free, and what would fit.
    """
    if plan.fits:
        return
    fit = "; ".join(map(str, plan.proposals))
    setup = plan.setup
    raise ResourceError(
        f"{setup.method} with batch_size={setup.batch}{_each(setup)} and {setup.length} tokens "
        f"needs {_gib(plan.prediction.peak)}, the {plan.device.kind} has {_gib(plan.device.free)} free",
        where="train",
        mend=f"These fit: {fit}" if fit else "Nothing fits here: take a smaller model or a larger device",
    )


def propose(shape: Shape, setup: Setup, device: Device) -> list[Proposal]:
    """Small changes that fit, those of the method asked for first; a smaller batch keeps the records of a step.

    Of the method itself both ways are looked at, a smaller batch and checkpointing; of another method one.
    """
    found: list[Proposal] = []
    for method in _methods(setup, device):
        found += itertools.islice(_ways(shape, setup, device, method), 1 if method else None)
    return found[:_PROPOSALS]


def _ways(shape: Shape, setup: Setup, device: Device, method: Mapping[str, Any]) -> Iterator[Proposal]:
    for checkpointing in dict.fromkeys((setup.checkpointing, True)):
        for batch, accumulate in _batches(setup):
            candidate = replace(setup, checkpointing=checkpointing, batch=batch, accumulate=accumulate, **method)
            prediction = predict(shape, candidate)
            if device.holds(prediction):
                settings: dict[str, Any] = dict(method)
                if checkpointing != setup.checkpointing:
                    settings["checkpointing"] = True
                if batch != setup.batch:
                    settings |= {"batch_size": batch, "accumulate": accumulate * setup.ranks}
                yield Proposal(settings, prediction.peak)
                break


def setup_of(
    config: TrainConfig, family: Family, device: Device, rows: Sequence[Row] = (), ranks: int = 1, sharded: bool = False
) -> Setup:
    """The planner's view of a recipe; lengths are those of the batches' rows, without any the longest allowed.

    Args:
        config: The train part of the recipe.
        family: Of the model.
        device: Each of those that train.
        rows: Of all batches.
        ranks: Devices that train together.
        sharded: Whether they share the model (FSDP2).

    Raises:
        ValueError: The method is still `auto`.
        ConfigError: The devices cannot share a step.
    """
    if config.method == "auto":
        raise ValueError("the method is not settled")
    lengths = {len(row.input_ids) for row in rows} or {config.max_length}
    answers = [sum(label != IGNORED for label in row.labels) for row in rows]
    share = share_of(config.batch_size, config.accumulate, ranks)
    return Setup(
        method=config.method,
        batch=share.batch,
        length=max(lengths),
        answer=max(answers) if answers else None,
        checkpointing=config.checkpointing,
        accumulate=share.accumulate,
        precision=config.precision,
        compute=config.arithmetic(device.fast),
        shared=0 if config.checkpointing or config.compile or ranks > 1 else shared_tokens(rows),
        padded=config.packing or (len(lengths) > 1 and share.batch > 1),
        rank=config.lora.rank,
        targets=config.lora.targets or family.lora_targets,
        dora=config.lora.dora,
        experts=config.lora.experts,
        fused=not config.lora.dropout,
        chunked=device.kind == "cuda",
        kernels=device.kind == "cuda",
        ranks=ranks,
        shards=ranks if sharded else 1,
    )


def check_positions(shape: Shape, rows: Sequence[Row], where: str) -> None:
    """Positions beyond the last one that the model was made for mean nothing to it.

    Raises:
        ConfigError: A record is longer than the model's positions.
    """
    longest = max((length for row in rows for length in row.lengths), default=0)
    if shape.positions and longest > shape.positions:
        raise ConfigError(
            f"a record has {longest} tokens, the model has {shape.positions} positions",
            where=where,
            mend=f"Set train.max_length={shape.positions} and train.long=drop, or shorten it",
        )


def _methods(setup: Setup, device: Device) -> Iterator[dict[str, Any]]:
    yield {}
    if setup.method == "full":
        if setup.precision == "float32":
            yield {"precision": "bfloat16"}
        yield {"method": "lora"}
    if setup.method != "qlora" and device.kind == "cuda":
        yield {"method": "qlora"}


def _batches(setup: Setup) -> Iterator[tuple[int, int]]:
    """Batch and accumulation, from the batch asked for down to one record."""
    batch, accumulate = setup.batch, setup.accumulate
    while True:
        yield batch, accumulate
        if batch == 1:
            return
        divisor = 2 if batch % 2 == 0 else batch
        batch, accumulate = batch // divisor, accumulate * divisor


def _each(setup: Setup) -> str:
    if setup.ranks == 1:
        return ""
    return f" on each of {setup.ranks} devices" + (" that share the model" if setup.shards > 1 else "")


def _gib(size: int) -> str:
    return f"{size / _GIB:.2f} GiB" if size < 10 * _GIB else f"{size / _GIB:.1f} GiB"
