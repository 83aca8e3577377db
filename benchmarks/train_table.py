"""The figures of trainings in turns: speed as the ratio within a round, loss beside what a seed alone changes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.train_sides import Run, Work

_GIB = 1 << 30


def show(work: Work, sides: Sequence[str], runs: Sequence[Run], judged: Mapping[str, Any]) -> dict[str, Any]:
    """Prints one row a side and one comparison for each but the first, which is ours; returns the same."""
    losses = {run.adapter: _mean(judged, run.adapter) for run in runs}
    print(f"\n{'':32}tokens/s  records/s  peak GiB  validation loss, nats/token, by seed")
    print(f"{'the base model':61}{_mean(judged, ''):9.4f}")
    rows = {side: _row(work, [run for run in runs if run.side == side], losses) for side in sides}
    for side, row in rows.items():
        each = "  ".join(f"{loss:.4f}" for loss in row["losses"])
        print(f"{side:32}{row['tokens_s']:8.0f}{row['records_s']:11.2f}{row['peak'] / _GIB:10.2f}   {each}")
    print()
    found = {side: _against(sides[0], side, runs, losses, judged) for side in sides[1:]}
    return {"sides": rows, "against": found, "base_loss": _mean(judged, "")}


def _row(work: Work, runs: Sequence[Run], losses: Mapping[str, float]) -> dict[str, Any]:
    took = statistics.median(sum(run.seconds) for run in runs)
    return {
        "tokens_s": work.tokens / took,
        "records_s": work.records / took,
        "peak": max(run.peak for run in runs),
        "losses": [losses[run.adapter] for run in runs],
    }


def _against(
    ours: str, other: str, runs: Sequence[Run], losses: Mapping[str, float], judged: Mapping[str, Any]
) -> dict[str, Any]:
    """Ours against one other: speed within each round; loss by its means, with two measures of noise.

    The noise of a seed is the largest difference between two seeds of one side. The noise of the records is the
    standard error of the mean difference, paired record by record, seeds averaged.
    """
    mine, theirs = ([run for run in runs if run.side == side] for side in (ours, other))
    ratios = [sum(b.seconds) / sum(a.seconds) for a, b in zip(mine, theirs, strict=True)]
    cpu = [b.cpu / a.cpu for a, b in zip(mine, theirs, strict=True)]
    of_side = [[losses[run.adapter] for run in side] for side in (mine, theirs)]
    difference = statistics.fmean(of_side[0]) - statistics.fmean(of_side[1])
    seeds = max(max(values) - min(values) for values in of_side)
    error = _paired_error(judged, [run.adapter for run in mine], [run.adapter for run in theirs])
    verdict = _verdict(difference, max(seeds, 2 * error))
    print(
        f"{ours} against {other}: {statistics.median(ratios):.2f}× ({min(ratios):.2f} to {max(ratios):.2f}), "
        f"by processor time {statistics.median(cpu):.2f}×; "
        f"loss {difference:+.4f}, a seed changes {seeds:.4f}, standard error over records {error:.4f}: {verdict}"
    )
    return {
        "ratios": ratios,
        "cpu_ratios": cpu,
        "difference": difference,
        "seed_noise": seeds,
        "record_error": error,
        "verdict": verdict,
    }


def _verdict(difference: float, noise: float) -> str:
    if abs(difference) <= noise:
        return "equal within noise"
    return "ours is lower" if difference < 0 else "OURS IS HIGHER"


def _mean(judged: Mapping[str, Any], adapter: str) -> float:
    """Nats a token over all answers."""
    return float(sum(judged["losses"][adapter]) / sum(judged["tokens"]))


def _paired_error(judged: Mapping[str, Any], mine: Sequence[str], theirs: Sequence[str]) -> float:
    columns = zip(*(judged["losses"][name] for name in (*mine, *theirs)), strict=True)
    split = len(mine)
    gaps = [statistics.fmean(row[:split]) - statistics.fmean(row[split:]) for row in columns]
    mean_tokens = statistics.fmean(judged["tokens"])
    return float(statistics.stdev(gaps) / len(gaps) ** 0.5 / mean_tokens)
