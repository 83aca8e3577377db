"""Who does the shards: this process, a pool of processes, or a Ray cluster. Results always come in the same order."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import active_children, get_context, parent_process
from typing import Any, Protocol, TypeVar

from seekforge.core.config.environment import share_threads
from seekforge.core.errors import SeekforgeError

T = TypeVar("T")
_AHEAD = 2  # tasks given out beyond those that are worked on
_AGAIN = "Run the same command again: it goes on from the last finished shard"


class Crew(Protocol):
    """Does tasks; results come in the order of the tasks."""

    @property
    def workers(self) -> int:
        """How many processes, or of one process threads."""

    def map(self, function: Callable[[T], Any], tasks: Iterable[T], most: int | None = None) -> Iterator[Any]:
        """Does the tasks, at most so many at the same time.

        Raises:
            SeekforgeError: What a task raises, of the first that fails; or a worker died.
        """


@dataclass(frozen=True, slots=True)
class Alone:
    """This process does it all.

    Attributes:
        workers: How many threads it may use.
    """

    workers: int = 1

    def map(self, function: Callable[[T], Any], tasks: Iterable[T], most: int | None = None) -> Iterator[Any]:
        """One after the other."""
        return map(function, tasks)


@dataclass(frozen=True, slots=True)
class Pool:
    """Processes of this machine, started for each pass, so that none keeps what an op of an earlier pass has loaded.

    Attributes:
        workers: How many.
    """

    workers: int

    def map(self, function: Callable[[T], Any], tasks: Iterable[T], most: int | None = None) -> Iterator[Any]:
        """Side by side."""
        size = min(self.workers, most or self.workers)
        others = set(active_children())
        pool = ProcessPoolExecutor(size, get_context("spawn"), _begin, (size,))
        try:
            left = iter(tasks)
            given: deque[Future[Any]] = deque(pool.submit(function, task) for task in islice(left, size + _AHEAD))
            while given:
                result = given.popleft().result()
                given.extend(pool.submit(function, task) for task in islice(left, 1))
                yield result
        except BrokenProcessPool as error:
            raise SeekforgeError(
                "a worker process died: killed, or out of memory", where="--workers", mend=f"{_AGAIN}; or fewer workers"
            ) from error
        except BaseException:  # an error of a task, or an interrupt: what the others do is of no use now
            for child in set(active_children()) - others:
                child.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(processes: int) -> None:
    """In a new worker: its share of the threads, and an end when the process that started it is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us ends us
    share_threads(processes)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@dataclass(frozen=True, slots=True)
class Ray:
    """Tasks of a Ray cluster, all of whose machines see the working folder and the sources.

    Attributes:
        workers: How many at the same time; as many as the cluster has processors.
    """

    workers: int

    def map(self, function: Callable[[T], Any], tasks: Iterable[T], most: int | None = None) -> Iterator[Any]:
        """Side by side, wherever Ray finds room; a task whose machine is lost is done again elsewhere."""
        import ray

        remote = ray.remote(num_cpus=1)(function)
        size = min(self.workers, most or self.workers)
        left = iter(tasks)
        given = deque(remote.remote(task) for task in islice(left, size + (0 if most else _AHEAD)))
        try:
            while given:
                result = ray.get(given.popleft())
                given.extend(remote.remote(task) for task in islice(left, 1))
                yield result
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, SeekforgeError):
                raise error.cause from error
            raise SeekforgeError(
                f"a task of the cluster failed: {error.cause}", where="--cluster", mend=_AGAIN
            ) from error
        except ray.exceptions.RayError as error:
            first = (str(error).splitlines() or [""])[0]
            raise SeekforgeError(f"the cluster failed: {first}", where="--cluster", mend=_AGAIN) from error
        finally:
            for task in given:
                ray.cancel(task)
            for task in given:  # none may work on in a folder that goes, nor be reported as never looked at
                with suppress(ray.exceptions.RayError):
                    ray.get(task)


def enlist(workers: int | None, cluster: bool, shards: int) -> Crew:
    """The crew for so many shards: small data is not worth a second process.

    Args:
        workers: Processes; None for as many as there are cores, or processors of the cluster.
        cluster: Whether Ray does it.
        shards: How many there are.

    Raises:
        ResourceError: Ray is not installed, or no cluster answers.
    """
    if cluster and shards > 1:
        from seekforge.core.cluster import connect

        return Ray(workers or max(1, int(connect().cluster_resources().get("CPU", 1))))
    workers = workers or len(os.sched_getaffinity(0))
    return Pool(min(workers, shards)) if shards > 1 and workers > 1 else Alone(workers)
