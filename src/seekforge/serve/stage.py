"""The serve stage: the compressed model behind HTTP, proved by an answer and measured against plain transformers."""

from __future__ import annotations

import json
import math
import os
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import psutil

from seekforge.core.config import Recipe, ServeConfig
from seekforge.core.errors import EngineError
from seekforge.core.files import sha256_file, write_json
from seekforge.core.gates import Measurement
from seekforge.core.progress import Progress, Silent
from seekforge.core.records import Record, read_records
from seekforge.core.stage import StageContext, StageResult
from seekforge.engines.process import EngineProcess
from seekforge.engines.protocol import Generator, Messages, Sampling
from seekforge.serve import bench
from seekforge.serve.busy import CpuWatch
from seekforge.serve.process import Worker, WorkerSpec

_ANSWER_TOKENS = 64
_QUIET = 0.1  # share of the machine that others may use before the figures are doubtful
_BUSY_ADVICE = "Run the stage again on a quiet machine"
_RATIO_ADVICE = "Serve Q8_0 or Q4_0, raise serve.concurrency, and see that nothing else uses the cores"


@dataclass(frozen=True, slots=True)
class Speed:
    """One side of the comparison, both asked the same.

    Attributes:
        engine: Engine and format.
        requests: How many requests.
        seconds: Wall time for all of them.
        tokens: Output tokens of all of them.
    """

    engine: str
    requests: int
    seconds: float
    tokens: float

    @property
    def tokens_per_second(self) -> float:
        """Output tokens a second."""
        return self.tokens / self.seconds

    def __add__(self, other: Speed) -> Speed:
        return Speed(
            self.engine, self.requests + other.requests, self.seconds + other.seconds, self.tokens + other.tokens
        )

    def seconds_per_1000(self) -> float:
        """Seconds of the device for 1,000 requests."""
        return 1000 * self.seconds / self.requests

    def cost_per_1000(self, price_per_hour: float) -> float:
        """Price of 1,000 requests."""
        return self.seconds_per_1000() * price_per_hour / 3600


@dataclass(frozen=True, slots=True)
class Load:
    """What both sides are asked.

    Attributes:
        warm: Conversations of the training split, before the measured ones: kernels are made at first use, for the
            sizes in use, and what all conversations begin with is in the engine's cache then, as it is in production.
        prompts: Conversations of the test split whose answers are measured. Each is asked once: the engine would have
            a repeated one in its cache.
    """

    warm: Sequence[Messages]
    prompts: Sequence[Messages]


class ServeStage:
    """Starts the endpoint, proves it, measures it, and stops it again.

    Args:
        baseline: Makes the engine that is compared with, from the merged model's folder and the batch size.
        worker: Makes the endpoint.
    """

    name: ClassVar[str] = "serve"
    kind: ClassVar[str] = "endpoint"
    version: ClassVar[int] = 7
    needs: ClassVar[tuple[str, ...]] = ("data", "train", "compress")

    def __init__(
        self,
        baseline: Callable[[Path, int], Generator] | None = None,
        worker: Callable[[WorkerSpec], Worker] = Worker,
    ) -> None:
        self._baseline = baseline or _apart
        self._worker = worker

    def config(self, recipe: Recipe) -> Mapping[str, Any]:
        """The recipe's `serve` part; the measured figures depend on all of it."""
        return recipe.serve.model_dump(mode="json")

    def run(self, context: StageContext) -> StageResult:
        """Measures the endpoint between two halves of the baseline: a drift of the machine falls on both."""
        settings, compressed = context.recipe.serve, context.parents["compress"]
        model = compressed.file(f"model-{settings.format.lower()}.gguf")
        records = read_records(context.parents["data"].file("test.jsonl"))
        if not records:
            raise EngineError("the test split is empty, so there is nothing to ask", where="data")
        load = _load(context, records)
        spec = WorkerSpec(str(model), context.recipe.name, context.scratch / "worker.log")
        with closing(self._baseline(compressed.file("merged"), settings.concurrency)) as engine:
            context.progress.say(f"  starting the endpoint on {model.name}")
            with self._worker(spec) as worker:
                # The last record, as the first ones are measured and must not be in the engine's cache by then.
                answer = prove(worker.url, context.recipe.name, records[-1].prompt)
                baseline, served, busy = _measure(context, engine, worker, load)
        speed = Speed(f"OpenVINO {settings.format}", served.requests - served.errors, served.seconds, _tokens(served))
        if not speed.requests:
            raise EngineError(f"every request failed: {served.first_error}", where=worker.url)
        if busy > _QUIET:
            context.progress.say(
                f"  other processes used {busy:.0%} of the machine meanwhile: measure again when it is quiet"
            )
        write_json(context.folder / "endpoint.json", _endpoint(context.recipe, model))
        return StageResult(
            summary=f"{speed.tokens_per_second:.0f} tokens/s at {settings.concurrency} at once, "
            f"{speed.tokens_per_second / baseline.tokens_per_second:.2f}× {baseline.engine}",
            measurements=(
                *_measurements(context, speed, baseline, served),
                context.measure(
                    "serve.start_seconds",
                    worker.start_seconds,
                    "seconds",
                    "From process start to the first decoded token",
                ),
                context.measure(
                    "serve.others_cpu",
                    busy,
                    "fraction",
                    "Share of the machine that others used meanwhile",
                    _BUSY_ADVICE,
                ),
            ),
            details=_details(settings, speed, baseline, answer),
        )


def _load(context: StageContext, records: Sequence[Record]) -> Load:
    settings = context.recipe.serve
    warm = read_records(context.parents["data"].file("train.jsonl"))[: settings.concurrency]
    return Load([record.prompt for record in warm], [record.prompt for record in records[: settings.requests]])


def prove(url: str, model: str, messages: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """One real answer by both routes.

    Raises:
        EngineError: One of them gave no text, or the stream did not end as it should.
    """
    body = {"model": model, "messages": list(messages), "temperature": 0, "max_tokens": _ANSWER_TOKENS}
    answer = json.loads(_post(f"{url}/v1/chat", body))
    stream = _post(f"{url}/v1/chat/completions", {**body, "stream": True}).strip().split("\n\n")
    events = [json.loads(event.removeprefix("data: ")) for event in stream[:-1]]
    streamed = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
    if not answer["content"].strip() or not streamed.strip() or stream[-1] != "data: [DONE]":
        raise EngineError(
            "the endpoint gave no answer", where=url, mend="Look at how the model was trained and compressed"
        )
    return {"prompt": messages[-1]["content"], "text": answer["content"]}


def _post(url: str, body: Mapping[str, Any]) -> str:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return str(response.read().decode())
    except OSError as error:
        raise EngineError(f"the endpoint did not answer ({error})", where=url) from error


def _apart(folder: Path, batch_size: int) -> Generator:
    """In a process of its own, as the endpoint is: within that of a whole run it is a sixth slower."""
    return EngineProcess(partial(_transformers, folder, batch_size))


def _transformers(folder: Path, batch_size: int) -> Generator:
    from seekforge.engines.transformers import TransformersEngine

    return TransformersEngine(folder, batch_size=batch_size)


def _batches(engine: Generator, prompts: Sequence[Messages], settings: ServeConfig, progress: Progress) -> Speed:
    """The baseline: one batch after the other, each until its longest answer ends."""
    ids = [engine.encode(engine.render(prompt)) for prompt in prompts]
    sampling = Sampling(max_new_tokens=settings.max_new_tokens)
    seconds, tokens = 0.0, 0
    with progress.task("baseline", len(ids)) as task:
        for start in range(0, len(ids), settings.concurrency):
            batch = ids[start : start + settings.concurrency]
            began = time.perf_counter()
            answers = engine.generate(batch, sampling)
            seconds += time.perf_counter() - began
            tokens += sum(len(answer.token_ids) for answer in answers)
            task.advance(len(batch))
    return Speed(engine.name, len(ids), seconds, tokens)


def _measure(
    context: StageContext, engine: Generator, worker: Worker, load: Load
) -> tuple[Speed, bench.Summary, float]:
    """Half of the baseline's batches, all of the endpoint's requests, the other half; and what others used.

    The endpoint is asked in one go: where it begins and ends, fewer than `concurrency` run, which is not the promise.
    """
    settings, name = context.recipe.serve, context.recipe.name

    def ask_baseline(prompts: Sequence[Messages], progress: Progress) -> Speed:
        return _batches(engine, prompts, settings, progress)

    def ask_endpoint(prompts: Sequence[Messages]) -> bench.Summary:
        count = len(prompts)
        return bench.run(bench.Load(worker.url, name, prompts, count, settings.concurrency, settings.max_new_tokens))

    ask_baseline(load.warm, Silent())
    ask_endpoint(load.warm)
    first, second = _halves(load.prompts, settings.concurrency)
    with CpuWatch([os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))]) as watch:
        context.progress.say("  measuring: half of the batches of transformers, the endpoint, the other half")
        baseline = ask_baseline(first, context.progress)
        served = ask_endpoint(load.prompts)
        if second:
            baseline += ask_baseline(second, context.progress)
    return baseline, served, watch.others


def _halves(prompts: Sequence[Messages], batch: int) -> tuple[Sequence[Messages], Sequence[Messages]]:
    """Two parts of whole batches, the first one longest; the second may be empty."""
    size = math.ceil(math.ceil(len(prompts) / batch) / 2) * batch
    return prompts[:size], prompts[size:]


def _tokens(served: bench.Summary) -> float:
    return served.tokens_per_second * served.seconds


def _measurements(
    context: StageContext, speed: Speed, baseline: Speed, served: bench.Summary
) -> tuple[Measurement, ...]:
    settings = context.recipe.serve
    price, currency = settings.price.per_device_hour, settings.price.currency
    cost, before = speed.cost_per_1000(price), baseline.cost_per_1000(price)
    ratio = speed.tokens_per_second / baseline.tokens_per_second
    kind = "INT8" if settings.format == "Q8_0" else settings.format
    measure = context.measure
    return (
        measure("serve.tokens_per_second", speed.tokens_per_second, "tokens/s", "Served throughput"),
        measure(
            "serve.baseline_tokens_per_second",
            baseline.tokens_per_second,
            "tokens/s",
            f"{baseline.engine} throughput",
        ),
        measure(
            "serve.throughput_ratio",
            ratio,
            "ratio",
            f"{kind} served against {baseline.engine}",
            _RATIO_ADVICE,
        ),
        measure("serve.cost_per_1000", cost, currency, "Cost of 1,000 requests, served"),
        measure("serve.baseline_cost_per_1000", before, currency, f"Cost of 1,000 requests, {baseline.engine}"),
        measure("serve.cost_reduction", 1 - cost / before, "fraction", "Cost saved a request", _RATIO_ADVICE),
        measure("serve.ttft_p50", served.ttft_p50, "seconds", "Median time to first token"),
        measure("serve.latency_p50", served.latency_p50, "seconds", "Median time to the whole answer"),
        measure("serve.errors", served.errors, "count", "Failed requests", "See the worker's log"),
    )


def _details(settings: ServeConfig, speed: Speed, baseline: Speed, answer: Mapping[str, str]) -> dict[str, Any]:
    sides = (speed, baseline)
    return {
        "throughput": [
            {
                "engine": side.engine,
                "concurrency": settings.concurrency,
                "tokens_per_second": side.tokens_per_second,
                "requests_per_second": side.requests / side.seconds,
            }
            for side in sides
        ],
        "cost": [
            {
                "engine": side.engine,
                "device_seconds_per_1000": side.seconds_per_1000(),
                "cost_per_1000": side.cost_per_1000(settings.price.per_device_hour),
                "currency": settings.price.currency,
            }
            for side in sides
        ],
        "answer": dict(answer),
    }


def _endpoint(recipe: Recipe, model: Path) -> dict[str, Any]:
    """What to serve, without anything that differs from run to run."""
    from seekforge.serve.worker import ROUTES

    return {
        "schema": 1,
        "name": recipe.name,
        "format": recipe.serve.format,
        "file": model.name,
        "sha256": sha256_file(model),
        "routes": list(ROUTES),
    }
