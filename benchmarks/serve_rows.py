"""What `serve_llama.py` measures, and how it is shown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil
from benchmarks.serve_prompts import Batch
from benchmarks.serve_sides import Child, Side

from seekforge.serve.bench import percentile
from seekforge.serve.busy import CpuWatch

QUIET = 0.05
_SPEED = {1: 1.0, 16: 1.8}  # promised: times llama-server's tokens/s, by clients
_TTFT = {16: 0.5}  # promised: at most so many times its p50 TTFT
_COST = {16: 0.08}  # promised: at most so much of the bare engine's throughput for HTTP and Python


@dataclass(frozen=True, slots=True)
class Row:
    """One side in one round.

    Attributes:
        side: Its name.
        at_once: Clients.
        round: The round; -1 for a trial of llama-server's options.
        tokens_per_second: Output tokens of all answers by the time that all took.
        ttft_p50: Seconds; None where there are no events.
        errors: Requests that failed or had another length.
        first_error: The first of them.
        prompt_tokens: Of all prompts, as the side counted them.
        cached_tokens: How many of those it had in its cache.
        cores: How many cores each of its processes, and the load generator, kept busy.
        others: Share of the machine that all others used.
    """

    side: str
    at_once: int
    round: int
    tokens_per_second: float
    ttft_p50: float | None
    errors: int
    first_error: str | None
    prompt_tokens: int
    cached_tokens: int
    cores: Mapping[str, float]
    others: float


def measure(side: Side, batch: Batch, number: int, load: Child) -> Row:
    """One batch on one side."""
    pids = {**side.pids, "load": load.pid}
    before = _seconds_of(pids)
    with CpuWatch([psutil.Process().pid, *pids.values()]) as watch:
        found = side.run(batch)
    after, seconds, answers = _seconds_of(pids), found["seconds"], found["answers"]
    wrong = [a.get("error") or f"{a['tokens']} tokens" for a in answers if a["tokens"] != batch.tokens]
    times = [answer["ttft"] for answer in answers if "ttft" in answer]
    return Row(
        side=side.name,
        at_once=batch.at_once,
        round=number,
        tokens_per_second=sum(answer["tokens"] for answer in answers) / seconds,
        ttft_p50=percentile(times, 50) if times else None,
        errors=len(wrong),
        first_error=wrong[0] if wrong else None,
        prompt_tokens=sum(answer["prompt_tokens"] for answer in answers),
        cached_tokens=sum(answer.get("cached_tokens", 0) for answer in answers),
        cores={name: (after[name] - before[name]) / seconds for name in pids},
        others=watch.others,
    )


def _seconds_of(pids: Mapping[str, int]) -> dict[str, float]:
    return {name: sum(psutil.Process(pid).cpu_times()[:2]) for name, pid in pids.items()}


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def missing(self) -> Spread:
        """From shares to what is missing of the whole."""
        return Spread(1 - self.median, 1 - self.most, 1 - self.least)

    def show(self, digits: int, factor: float = 1) -> str:
        """`median (least to most)`."""
        median, least, most = (f"{factor * value:.{digits}f}" for value in (self.median, self.least, self.most))
        return f"{median} ({least} to {most})"


def ratio(rows: Sequence[Row], at_once: int, figure: str, above: str, below: str) -> Spread:
    """One side's figure against another's, round by round."""
    sides = [
        {row.round: getattr(row, figure) for row in rows if row.side == side and row.at_once == at_once}
        for side in (above, below)
    ]
    return Spread.of([sides[0][number] / sides[1][number] for number in sides[0]])


def table(rows: Sequence[Row]) -> str:
    """For people: medians over the rounds, with the least and the most."""
    lines = ["| clients | side | tokens/s | p50 TTFT ms | cores | cached | errors | others |"]
    lines.append("| ---: | --- | ---: | ---: | --- | ---: | ---: | ---: |")
    for at_once, side in dict.fromkeys((row.at_once, row.side) for row in rows):
        mine = [row for row in rows if (row.at_once, row.side) == (at_once, side)]
        times = [row.ttft_p50 for row in mine if row.ttft_p50 is not None]
        cores = (f"{name} {statistics.median(row.cores[name] for row in mine):.2f}" for name in mine[0].cores)
        cached = sum(row.cached_tokens for row in mine) / max(1, sum(row.prompt_tokens for row in mine))
        lines.append(
            f"| {at_once} | {side} | {Spread.of([row.tokens_per_second for row in mine]).show(0)} "
            f"| {Spread.of(times).show(0, 1000) if times else ''} | {', '.join(cores)} | {cached:.0%} "
            f"| {sum(row.errors for row in mine)} | {max(row.others for row in mine):.0%} |"
        )
    return "\n".join(lines)


def verdicts(rows: Sequence[Row], *, llama: bool) -> list[str]:
    """The figures that something was promised of, and what else must be known of a run."""
    lines = []
    for n in dict.fromkeys(row.at_once for row in rows):
        if llama:
            speed = ratio(rows, n, "tokens_per_second", "seekforge", "llama-server")
            first = ratio(rows, n, "ttft_p50", "seekforge", "llama-server")
            lines.append(f"{n} clients: {speed.show(2)} times llama-server's tokens/s{_least(speed, _SPEED.get(n))}")
            lines.append(f"{n} clients: {first.show(2)} times its p50 TTFT{_most(first, _TTFT.get(n))}")
        for side, promised in (("seekforge", _COST.get(n)), ("worker alone", None)):
            cost = ratio(rows, n, "tokens_per_second", side, "bare engine").missing()
            what = f"HTTP and Python of '{side}' cost {cost.show(3)} of the bare engine's tokens/s"
            lines.append(f"{n} clients: {what}{_most(cost, promised)}")
    lines += [f"{row.side}: {row.first_error}" for row in rows if row.first_error][:3]
    most = max(row.others for row in rows)
    if most > QUIET:
        lines.append(f"Others used up to {most:.0%} of the machine meanwhile: repeat this on a quiet one.")
    return lines


def _least(figure: Spread, promised: float | None) -> str:
    return "" if promised is None else f"; at least {promised:g} promised: {_word(figure.median >= promised)}"


def _most(figure: Spread, promised: float | None) -> str:
    return "" if promised is None else f"; at most {promised:g} promised: {_word(figure.median <= promised)}"


def _word(kept: bool) -> str:
    return "kept" if kept else "NOT kept"
