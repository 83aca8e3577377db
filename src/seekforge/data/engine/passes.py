"""From files to clean shards: the ops of a recipe as passes, each over all shards, each resumed where it was killed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seekforge.core.config import Config, DataConfig, OpConfig
from seekforge.core.errors import DataError
from seekforge.core.files import read_json, write_json
from seekforge.core.progress import Progress
from seekforge.data.chunks import Chunk
from seekforge.data.engine.crew import Crew
from seekforge.data.engine.decide import decide
from seekforge.data.engine.folder import Folder, line_at, record_of
from seekforge.data.engine.tally import Profile, Step, clip
from seekforge.data.engine.task import Pass, Probe, Shard, context_of, run_shard
from seekforge.data.engine.unique import repeated_ids
from seekforge.data.ops import OPS, OpContext, SetOp

_REPEATED = "repeated.json"


@dataclass(slots=True)
class Cleaned:
    """Where the clean shards lie, and what was counted on the way.

    Attributes:
        folder: Of the last pass.
        shards: Records in each shard.
        steps: By place: 0 is the reading, then the ops.
        rejected: Rows that were no records.
        rows: Rows in all.
        before: What records were like when they were read.
        after: What those that are kept are like; counted as they are written.
    """

    folder: Folder
    shards: list[int] = field(default_factory=list)
    steps: dict[int, Step] = field(default_factory=dict)
    rejected: int = 0
    rows: int = 0
    before: Profile = field(default_factory=Profile)
    after: Profile = field(default_factory=Profile)


def planned(config: DataConfig, context: OpContext, root: Path, probe: Probe) -> list[Pass]:
    """The passes of a config: each begins with the verdicts of a `SetOp`, goes through row ops, and measures."""
    places = list(enumerate(config.ops, 1))
    passes = [Pass(Folder(root / "pass-00"), config, context)]
    for place, op in places:
        if issubclass(OPS.load(op.op), SetOp):
            passes[-1] = replace(passes[-1], probe=(place, op))
            folder = Folder(root / f"pass-{len(passes):02}")
            passes.append(Pass(folder, config, context, passes[-1].folder, (place, op.op)))
        else:
            passes[-1] = replace(passes[-1], rows=(*passes[-1].rows, (place, op)))
    passes[-1] = replace(passes[-1], probe=(len(places) + 1, probe))
    return passes


def clean(passes: Sequence[Pass], chunks: Sequence[Chunk], crew: Crew, progress: Progress) -> Cleaned:
    """Does all passes.

    Raises:
        DataError: Too many rows are no records, or a file is broken.
        SeekforgeError: What an op raises, or a worker died.
    """
    done = Cleaned(passes[0].folder, rows=sum(chunk.rows for chunk in chunks))
    for number, work in enumerate(passes):
        tasks = [Shard(work, shard, chunk if number == 0 else None) for shard, chunk in enumerate(chunks)]
        before = done.shards
        marks = _first(tasks, done, crew, progress) if number == 0 else list(_run(tasks, crew, progress))
        done.folder, done.shards = work.folder, [mark["rows"] for mark in marks]
        for mark in marks:
            _count(done, mark)
        if work.before is not None and work.applied is not None:
            show_kept(done.steps[work.applied[0]], work.before, work.folder, before)
            work.before.remove("records", "verdicts", "columns")
        if work.probe is not None and number + 1 < len(passes):
            place, op = work.probe
            assert isinstance(op, Config)  # only the last pass has a probe of its own
            if len(chunks) > 1:
                progress.say(f"          {op.op} decides")
            context = replace(context_of(work.context, place, op.op), threads=crew.workers)
            done.steps[place].seconds += decide(work.folder, done.shards, op, context)
    return done


def _first(tasks: Sequence[Shard], done: Cleaned, crew: Crew, progress: Progress) -> list[dict[str, Any]]:
    """The reading pass, and once more over the shards that hold an id for the second time."""
    folder = tasks[0].work.folder
    path = folder.path / _REPEATED
    known: Mapping[str, Mapping[str, str]] = read_json(path) if path.is_file() else {}
    marks = list(_accepted(_run(_without(tasks, known), crew, progress), done, tasks[0].work.config))
    if not path.is_file():
        known = repeated_ids(folder, [task.chunk for task in tasks if task.chunk])
        write_json(path, known)
        if known:
            done.rejected = 0
            again = _run(_without(tasks, known), crew, progress)
            marks = list(_accepted(again, done, tasks[0].work.config))
    return marks


def _without(tasks: Sequence[Shard], known: Mapping[str, Mapping[str, str]]) -> list[Shard]:
    repeated = ({int(row): where for row, where in known.get(str(task.number), {}).items()} for task in tasks)
    return [replace(task, repeated=rows) for task, rows in zip(tasks, repeated, strict=True)]


def _run(tasks: Sequence[Shard], crew: Crew, progress: Progress) -> Iterator[dict[str, Any]]:
    """The marks of one pass, shard by shard."""
    work = tasks[0].work
    probe = [work.probe[1]] if work.probe else []
    names = [*([] if work.before else ["read"]), *(config.op for _, config in work.rows)]
    names += [config.op if isinstance(config, Config) else config.name for config in probe]
    found = sum(path.is_file() for path in work.folder.files("done", len(tasks), "json"))
    used = [config for _, config in work.rows] + [config for config in probe if isinstance(config, Config)]
    with progress.task(", ".join(names), len(tasks)) as task:
        for mark in crew.map(run_shard, tasks, _most(used)):
            task.advance(note=f"{mark['rows']:,} kept of the last shard" if not found else f"{found} done before")
            yield mark


def _most(configs: Sequence[OpConfig]) -> int | None:
    """The most workers that ops allow."""
    limits = [limit for config in configs if (limit := OPS.load(config.op).most_workers) is not None]
    return min(limits, default=None)


def _accepted(marks: Iterator[dict[str, Any]], done: Cleaned, config: DataConfig) -> Iterator[dict[str, Any]]:
    """Stops at the shard at which there are too many bad rows, with the first of them."""
    first: list[str] | None = None
    for mark in marks:
        first = first or mark["first_rejected"]
        done.rejected += mark["rejected"]
        if first is not None and done.rejected > config.max_rejected * done.rows:
            what, where, mend = first
            if done.rejected > 1:
                what += f" (the first of {done.rejected:,} bad rows; data.max_rejected is {config.max_rejected:g})"
            raise DataError(what, where=where, mend=mend)
        yield mark


def _count(done: Cleaned, mark: Mapping[str, Any]) -> None:
    for place, row in mark["steps"].items():
        step = Step.from_dict(row)
        if int(place) in done.steps:
            done.steps[int(place)].add(step)
        else:
            done.steps[int(place)] = step
    if "before" in mark:
        done.before.add(Profile.from_dict(mark["before"]))


def show_kept(step: Step, before: Folder, folder: Folder, shards: Sequence[int]) -> None:
    """Puts beside each shown duplicate the text of the record that it repeats.

    Args:
        step: Whose examples they are.
        before: Of the pass that holds the records, `shards` many in each shard.
        folder: Where what was found is kept, for the records do not outlive the next pass.
        shards: Records in each shard.
    """
    path = folder.path / "kept.json"
    texts: dict[str, str] = read_json(path) if path.is_file() else {}
    for shown in (shown for found in step.examples.values() for shown in found):
        row = shown.pop("kept_row", None)
        if row is not None:
            if str(row) not in texts:
                texts[str(row)] = clip(record_at(before, shards, row).text)
            shown["kept_text"] = texts[str(row)]
    write_json(path, texts)


def record_at(folder: Folder, shards: Sequence[int], row: int) -> Any:  # noqa: ANN401
    """One record of a pass, by its place among all."""
    for shard, count in enumerate(shards):
        if row < count:
            return record_of(line_at(folder.file("records", shard), row))
        row -= count
    raise IndexError(row)


def fresh(root: Path, key: object) -> None:
    """Wipes the working folder if it was another config's.

    Args:
        root: The folder.
        key: JSON of all that the passes depend on.
    """
    path = root / "key.json"
    if path.is_file() and read_json(path) == key:
        return
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    write_json(path, key)
