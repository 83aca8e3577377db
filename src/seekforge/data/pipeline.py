"""The whole way from files to splits: read, clean, divide, check for leaks; over shards on disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from seekforge.core.config import DataConfig
from seekforge.core.errors import InputError, ResourceError
from seekforge.core.progress import Progress, Silent
from seekforge.data.chunks import CHUNK_ROWS
from seekforge.data.engine.admit import Admitted, admit
from seekforge.data.engine.crew import Alone, Crew, enlist
from seekforge.data.engine.finish import Divided, Probe, finish
from seekforge.data.engine.folder import Folder, join
from seekforge.data.engine.grow import grow
from seekforge.data.engine.passes import Cleaned, clean, fresh, planned, show_kept
from seekforge.data.engine.tally import Profile, Step
from seekforge.data.engine.task import context_of
from seekforge.data.ops import OpContext, build, build_grow
from seekforge.data.order import SPLITS
from seekforge.data.outside import by_content
from seekforge.data.result import DROPPED, REFUSED, REJECTED, DataResult, DropFile, LeakFound, RecordFile, SplitFiles
from seekforge.data.sources import check_sources, chunks

_VERSION = 1  # of the working files


@dataclass(frozen=True, slots=True)
class Work:
    """How the work is done; the result does not depend on it.

    Attributes:
        workers: Processes; None for as many as there are cores, or processors of the cluster.
        cluster: Whether a Ray cluster does it.
        rows: In a shard, at most.
        scratch: Where working files lie; None for beside the result.
    """

    workers: int | None = None
    cluster: bool = False
    rows: int = CHUNK_ROWS
    scratch: Path | None = None


def run_pipeline(
    config: DataConfig,
    seed: int = 7,
    progress: Progress | None = None,
    folder: Path | None = None,
    work: Work | None = None,
) -> DataResult:
    """Reads, cleans, divides and checks; takes up what a killed attempt with the same config left.

    Args:
        config: What to read and how to clean it.
        seed: Of the random split.
        progress: Where to say how far it is; by default nowhere.
        folder: Where the files go; by default one that goes with the result.
        work: By how many processes.

    Raises:
        DataError: Too many rows are no records, a file cannot be read, or a split would be empty; nothing is left then.
    """
    work, progress = work or Work(), progress or Silent()
    temporary = None if folder else TemporaryDirectory(prefix="seekforge-data-")
    target = folder or Path(str(temporary and temporary.name))
    scratch = (work.scratch or target / "scratch") / "data"
    check_sources(config)
    fresh(scratch, {"config": by_content(config), "seed": seed, "rows": work.rows, "version": _VERSION})
    try:
        made = _run(config, seed, progress, target, scratch, work)
    except ResourceError:
        raise
    except InputError:
        shutil.rmtree(scratch, ignore_errors=True)
        with suppress(OSError):  # only when nothing else is in it
            scratch.parent.rmdir()
        raise
    shutil.rmtree(scratch, ignore_errors=True)
    done, divided = made
    return _result(done, divided, target, temporary)


def _run(
    config: DataConfig, seed: int, progress: Progress, target: Path, scratch: Path, work: Work
) -> tuple[Cleaned, Divided]:
    parts = list(chunks(config, work.rows))
    crew = enlist(work.workers, work.cluster, len(parts))
    context = OpContext(config.labels, config.label_field, seed, _threads(crew), scratch / "ops")
    _check(config, context)
    passes = planned(config, context, scratch, Probe(config.split, config.leak, seed))
    done = clean(passes, parts, crew, progress)
    if done.rejected:
        progress.say(f"          {done.rejected:,} of {done.rows:,} rows are no records: see {REJECTED}")
    output = Folder(scratch / "output")
    divided = finish(done, config, output, crew, progress)
    leak = done.steps[len(config.ops) + 1]
    for mark in divided.marks:
        leak.add(Step.from_dict(mark["step"]))
        done.after.add(Profile.from_dict(mark["after"]))
    show_kept(leak, done.folder, output, done.shards)
    shards = len(done.shards)
    more = _augment(config, context, done, divided, output, crew, progress) if config.augment else None
    for name in SPLITS:
        added = more.files if more and name == "train" else ()
        join([*output.files(name, shards), *added], target / f"{name}.jsonl")
    if more:
        join(more.refused, target / REFUSED)
    join(_drops(config, passes[0].folder.path.parent, output, shards), target / DROPPED)
    join(passes[0].folder.files("rejected", shards), target / REJECTED)
    return done, divided


def _threads(crew: Crew) -> int:
    """Threads of an op in each process."""
    return crew.workers if isinstance(crew, Alone) else 1


def _check(config: DataConfig, context: OpContext) -> None:
    """Lets every op look for what it needs, before any record is read."""
    for place, op in enumerate(config.ops, 1):
        build(op, context_of(context, place, op.op)).check()
    for place, more in enumerate(config.augment, len(config.ops) + 2):
        build_grow(more, context_of(context, place, more.op)).check()


def _augment(
    config: DataConfig,
    context: OpContext,
    done: Cleaned,
    divided: Divided,
    output: Folder,
    crew: Crew,
    progress: Progress,
) -> Admitted:
    """Adds to the training records."""
    shards = len(done.shards)
    grown = grow(config.augment, len(config.ops) + 2, output, shards, context, crew, progress)
    more = admit(grown, output, shards, config.leak)
    total = sum(divided.sizes.values())
    for place, (_, step) in grown.items():
        total += step.added
        step.kept = total
        divided.sizes["train"] += step.added
        done.steps[place] = step
        progress.say(f"          {_grown(step)}")
    done.after.add(more.profile)
    return more


def _grown(step: Step) -> str:
    """What an op added, and where it added nothing or not all, the first reason."""
    line = f"{step.step}: {step.added:,} records added"
    if not step.refused:
        return line
    first = next(shown[0]["reason"] for kind, shown in step.examples.items() if kind in step.reasons)
    return f"{line}, {step.refused:,} refused, the first for: {first}; all in {REFUSED}"


def _drops(config: DataConfig, scratch: Path, output: Folder, shards: int) -> Iterable[Path]:
    """The dropped records' files, step by step and shard by shard."""
    for place in range(1, len(config.ops) + 1):
        for folder in sorted(scratch.glob("pass-*")):
            yield from Folder(folder).files(f"drops/{place:03}", shards)
    yield from output.files(f"drops/{len(config.ops) + 1:03}", shards)


def _result(done: Cleaned, divided: Divided, folder: Path, temporary: TemporaryDirectory[str] | None) -> DataResult:
    files = {name: RecordFile(folder / f"{name}.jsonl", divided.sizes[name], temporary) for name in SPLITS}
    steps = tuple(done.steps[place] for place in sorted(done.steps))
    return DataResult(
        folder=folder,
        read=done.steps[0].kept,
        rejected=done.rejected,
        splits=SplitFiles(**files),
        funnel=steps,
        drops=DropFile(folder / DROPPED, sum(step.dropped for step in steps), temporary),
        leak=LeakFound(divided.found, divided.final),
        before=done.before,
        after=done.after,
        temporary=temporary,
    )
