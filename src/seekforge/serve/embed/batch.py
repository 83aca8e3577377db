"""Requests that come at the same time share the embedder's batches; none of them holds up the others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from seekforge.engines.embed.protocol import Embedder, Purpose, Vectors


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much one batch has.

    Attributes:
        texts: The most texts.
        tokens: The most tokens, each text counted as long as the longest; one text always fits.
    """

    texts: int = 32
    tokens: int = 8192


@dataclass(slots=True, eq=False)
class Job:
    """The texts of one request, and what has come of them."""

    texts: Sequence[str]
    tokens: Sequence[int]
    purpose: Purpose
    vectors: Vectors
    done: asyncio.Future[None]
    taken: int = 0
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = len(self.texts)


Share = tuple[Job, int]


def next_batch(jobs: deque[Job], limits: BatchLimits) -> list[Share]:
    """Takes the texts of the next batch: one of each request in turn, all for the same purpose.

    Requests whose last text was taken leave the queue. A small request that comes behind a large one is in the next
    batch all the same.

    Args:
        jobs: Who waits, the longest waiting first; taken from and turned.
        limits: How much a batch has.
    """
    purpose = jobs[0].purpose
    others = [job for job in jobs if job.purpose != purpose]
    turn = deque(job for job in jobs if job.purpose == purpose)
    batch: list[Share] = []
    too_long: list[Job] = []
    longest = 0
    while turn and len(batch) < limits.texts:
        job = turn.popleft()
        length = max(longest, job.tokens[job.taken])
        if batch and length * (len(batch) + 1) > limits.tokens:
            too_long.append(job)
            continue
        longest = length
        batch.append((job, job.taken))
        job.taken += 1
        if job.taken < len(job.texts):
            turn.append(job)
    jobs.clear()
    jobs.extend([*others, *too_long, *turn])  # who was passed over comes first the next time
    return batch


class Batcher:
    """Runs an embedder in a thread, batch after batch. Used from one event loop.

    Args:
        embedder: What embeds.
        executor: One thread, in which all of the embedder runs.
        limits: How much a batch has.
        told: Called after each batch with the number of its texts and the seconds that it took.
    """

    def __init__(
        self, embedder: Embedder, executor: Executor, limits: BatchLimits, told: Callable[[int, float], None]
    ) -> None:
        self._embedder, self._executor, self._limits, self._told = embedder, executor, limits, told
        self._jobs: deque[Job] = deque()
        self._runner: asyncio.Task[None] | None = None
        self.running = 0

    @property
    def waiting(self) -> int:
        """Texts that are in no batch yet."""
        return sum(len(job.texts) - job.taken for job in self._jobs)

    async def count(self, texts: Sequence[str], purpose: Purpose) -> list[int]:
        """As the embedder's `count`; waits for the batch that runs, not for those that wait."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._embedder.count, texts, purpose)

    async def embed(self, texts: Sequence[str], tokens: Sequence[int], purpose: Purpose) -> Vectors:
        """As the embedder's `embed`. Cancelled, its texts leave the queue.

        Raises:
            EngineError: The embedder failed.
        """
        vectors = np.empty((len(texts), self._embedder.dimension), dtype=np.float32)
        job = Job(texts, tokens, purpose, vectors, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.ensure_future(self._run())
        try:
            await job.done
        finally:
            if job in self._jobs:
                self._jobs.remove(job)
        return vectors

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._jobs:
            batch = next_batch(self._jobs, self._limits)
            texts = [job.texts[index] for job, index in batch]
            started = loop.time()
            self.running = len(batch)
            try:
                vectors = await loop.run_in_executor(self._executor, self._embedder.embed, texts, batch[0][0].purpose)
            except BaseException as error:  # whatever it is, who waits must not wait for ever
                for job in {job for job, _ in batch}:
                    _settle(job, error)
                    if job in self._jobs:
                        self._jobs.remove(job)
                if not isinstance(error, Exception):
                    raise
                continue
            finally:
                self.running = 0
            self._told(len(batch), loop.time() - started)
            for (job, index), row in zip(batch, vectors, strict=True):
                job.vectors[index] = row
                job.left -= 1
                if job.left == 0:
                    _settle(job, None)


def _settle(job: Job, error: BaseException | None) -> None:
    if job.done.done():
        return
    if error is None:
        job.done.set_result(None)
    elif isinstance(error, Exception):
        job.done.set_exception(error)
    else:
        job.done.cancel()
