"""Writes one clean shard as parts of the splits' files, without the training records that leak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seekforge.data.engine.folder import Folder, line_of, read_lines, record_of, write_lines
from seekforge.data.engine.tally import Profile, Step
from seekforge.data.engine.verdicts import drop_from, read_verdicts
from seekforge.data.ops import Drop
from seekforge.data.order import SPLITS


@dataclass(frozen=True, slots=True)
class Output:
    """One task.

    Attributes:
        folder: Where the parts go.
        before: Of the last pass.
        number: Of the shard.
        places: Of each record the place of its split in `SPLITS`, or -1 if it goes; a byte each.
        step: The number of the leak check's step.
    """

    folder: Folder
    before: Folder
    number: int
    places: bytes
    step: int


def run_output(task: Output) -> dict[str, Any]:
    """Writes the parts, unless that was done before; returns what its mark says."""
    known = task.folder.mark(task.number)
    if known is not None:
        return known
    step, profile = Step("leak"), Profile()
    parts: dict[str, list[str]] = {name: [] for name in SPLITS}
    drops: list[Drop] = []
    with step.clock():
        verdicts = read_verdicts(task.before, task.number)
        for row, line in enumerate(read_lines(task.before.file("records", task.number))):
            place = int.from_bytes(task.places[row : row + 1], signed=True)
            record = record_of(line)
            if place >= 0:
                record = record.with_split(SPLITS[place])
                profile.count([record])
                parts[SPLITS[place]].append(line_of(record.to_dict()))
                continue
            drop = drop_from("leak", record.with_split("train"), verdicts[row])
            step.drop(drop, verdicts[row]["kept_row"])
            drops.append(drop)
        for name, lines in parts.items():
            write_lines(task.folder.file(name, task.number), lines)
        write_lines(task.folder.file(f"drops/{task.step:03}", task.number), (line_of(d.to_dict()) for d in drops))
    step.kept = sum(map(len, parts.values()))
    mark = {"step": step.to_dict(), "after": profile.to_dict()}
    task.folder.finish(task.number, mark)
    return mark
