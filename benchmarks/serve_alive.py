"""Our worker with and without Python's lock during a step: what others see of it, and what it answers in a second.

    python -m benchmarks.serve_alive model-q8_0.gguf

In every round, each worker first reads one long prompt while `/healthz` is asked again and again, then answers 16
clients who ask again at once. The peer steps the pipeline as OpenVINO GenAI's Python binding does.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from seekforge.data.sources import records_of
from seekforge.engines.protocol import Messages
from seekforge.serve import bench
from seekforge.serve.process import Worker, WorkerSpec

MODULES = {"without the lock": "seekforge.serve.worker", "with it": "benchmarks.serve_alive_locked"}
CASES = Path(__file__).parents[1] / "examples" / "risk_desk" / "raw.jsonl"
AT_ONCE, REQUESTS, WARM_UP = 16, 192, 32
LONG_PROMPT = "word " * 6500
PAUSE = 0.005  # seconds between two questions to /healthz


async def reading(url: str) -> tuple[float, list[float]]:
    """Seconds that the long prompt took, and of each answer of `/healthz` meanwhile."""
    body = {"messages": [{"role": "user", "content": LONG_PROMPT}], "max_tokens": 1}
    seconds: list[float] = []
    async with aiohttp.ClientSession() as session:

        async def ask() -> None:
            async with session.post(f"{url}/v1/chat/completions", json=body) as response:
                response.raise_for_status()
                await response.read()

        begun = time.perf_counter()
        task = asyncio.create_task(ask())
        while not task.done():
            asked = time.perf_counter()
            async with session.get(f"{url}/healthz") as response:
                await response.read()
            seconds.append(time.perf_counter() - asked)
            await asyncio.sleep(PAUSE)
        await task
        return time.perf_counter() - begun, seconds


def one_round(title: str, spec: WorkerSpec, prompts: Sequence[Messages]) -> float:
    """Measures one worker, prints its line, and returns its output tokens a second."""
    with Worker(spec) as worker:
        took, seconds = asyncio.run(reading(worker.url))
        warm, rest = prompts[:WARM_UP], prompts[WARM_UP:]
        bench.run(bench.Load(worker.url, spec.name, warm, len(warm), AT_ONCE, 64))
        found = bench.run(bench.Load(worker.url, spec.name, rest, len(rest), AT_ONCE, 64))
    p50, p95 = (1e3 * bench.percentile(seconds, share) for share in (50, 95))
    print(
        f"| {title} | {took:.1f} | {p50:.1f} | {p95:.1f} | {1e3 * max(seconds):.0f} | {found.tokens_per_second:.0f} "
        f"| {1e3 * found.ttft_p50:.0f} | {1e3 * found.ttft_p95:.0f} | {found.errors} |",
        flush=True,
    )
    return found.tokens_per_second


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a .gguf file whose context holds 7,000 tokens")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    every = 6  # of the cases, which come sorted
    records = records_of(CASES, limit=every * (WARM_UP + REQUESTS))[::every]
    prompts = [record.prompt for record in records]
    print("| step | long prompt s | /healthz p50 ms | p95 | max | tokens/s at 16 | p50 TTFT ms | p95 | errors |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    ratios = []
    with TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            speeds = [
                one_round(title, WorkerSpec(str(options.model), "m", Path(folder, "log"), module=module), prompts)
                for title, module in MODULES.items()
            ]
            ratios.append(speeds[0] / speeds[1])
    print(
        f"\ntokens/s without the lock: {statistics.median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})"
    )


if __name__ == "__main__":
    main()
