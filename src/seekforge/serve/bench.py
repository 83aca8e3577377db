"""Load on an OpenAI-compatible endpoint: so many requests, so many at once, every answer streamed."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import uvloop

from seekforge.engines.protocol import Messages


@dataclass(frozen=True, slots=True)
class Load:
    """What to send.

    Attributes:
        url: `http://host:port`.
        model: The model's name.
        prompts: Conversations, taken in turn.
        requests: How many to send.
        concurrency: How many at once.
        max_new_tokens: Longest answer.
        timeout_seconds: For connecting, and between two pieces.
    """

    url: str
    model: str
    prompts: Sequence[Messages]
    requests: int
    concurrency: int
    max_new_tokens: int
    timeout_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: seconds to the first piece and to the end, tokens written, and what went wrong if anything did."""

    ttft: float
    latency: float
    tokens: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of it. Times are seconds over the requests that succeeded; NaN when none did."""

    seconds: float
    requests: int
    errors: int
    tokens_per_second: float
    requests_per_second: float
    ttft_p50: float
    ttft_p95: float
    latency_p50: float
    latency_p95: float
    first_error: str | None


def summarise(samples: Sequence[Sample], seconds: float) -> Summary:
    """Figures from samples.

    Args:
        samples: One a request.
        seconds: Wall time of the whole load.
    """
    good = [sample for sample in samples if sample.error is None]
    failed = [sample.error for sample in samples if sample.error is not None]
    ttft, latency = [sample.ttft for sample in good], [sample.latency for sample in good]
    return Summary(
        seconds=seconds,
        requests=len(samples),
        errors=len(failed),
        tokens_per_second=sum(sample.tokens for sample in good) / seconds,
        requests_per_second=len(good) / seconds,
        ttft_p50=percentile(ttft, 50),
        ttft_p95=percentile(ttft, 95),
        latency_p50=percentile(latency, 50),
        latency_p95=percentile(latency, 95),
        first_error=failed[0] if failed else None,
    )


def percentile(values: Sequence[float], share: int) -> float:
    """Nearest-rank percentile: the smallest value that at least `share` per cent do not exceed; NaN of nothing.

    >>> percentile([4, 1, 3, 2], 50)
    2
    """
    if not values:
        return math.nan
    rank = -(-share * len(values) // 100)  # whole numbers: 0.28 * 25 is more than 7 in floating point
    return sorted(values)[max(0, rank - 1)]


def run(load: Load) -> Summary:
    """Sends the load and waits for all of it."""
    return summarise(*uvloop.run(_send(load)))


async def _send(load: Load) -> tuple[list[Sample], float]:
    left = iter([load.prompts[i % len(load.prompts)] for i in range(load.requests)])
    samples: list[Sample] = []
    times = aiohttp.ClientTimeout(total=None, sock_connect=load.timeout_seconds, sock_read=load.timeout_seconds)
    connector = aiohttp.TCPConnector(limit=load.concurrency)

    async def client(session: aiohttp.ClientSession) -> None:
        for prompt in left:
            samples.append(await _one(session, load, prompt))

    async with aiohttp.ClientSession(timeout=times, connector=connector) as session:
        started = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(load.concurrency)))
        return samples, time.perf_counter() - started


async def _one(session: aiohttp.ClientSession, load: Load, prompt: Messages) -> Sample:
    body = {
        "model": load.model,
        "messages": list(prompt),
        "temperature": 0,
        "max_tokens": load.max_new_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    started = time.perf_counter()
    try:
        async with session.post(f"{load.url}/v1/chat/completions", json=body) as response:
            if response.status != 200:
                return Sample(math.nan, math.nan, 0, f"HTTP {response.status}: {(await response.text())[:200]}")
            return await _read(response, started)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Sample(math.nan, math.nan, 0, f"{type(error).__name__}: {error}")


async def _read(response: aiohttp.ClientResponse, started: float) -> Sample:
    ttft, tokens, done = math.nan, 0, False
    async for line in response.content:
        data = line.strip().removeprefix(b"data: ")
        done = done or data == b"[DONE]"
        if not data or done:
            continue
        event = json.loads(data)
        if "error" in event:
            return Sample(math.nan, math.nan, 0, str(event["error"]["message"]))
        if event.get("usage"):
            tokens = int(event["usage"]["completion_tokens"])
        elif math.isnan(ttft) and event["choices"] and event["choices"][0]["delta"].get("content"):
            ttft = time.perf_counter() - started
    latency = time.perf_counter() - started
    return Sample(ttft, latency, tokens, None if done else "the stream ended without [DONE]")
