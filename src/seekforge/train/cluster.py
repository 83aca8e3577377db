"""Training on a Ray cluster by Ray Train: the command stays here, the ranks are actors wherever Ray finds room.

The work and its results go through the job's folders, which every machine of the cluster must see; progress comes back
through a queue. A lost worker or machine costs what was done since the last checkpoint: Ray starts the group anew.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seekforge.core.cluster import connect as cluster_connect
from seekforge.core.config import Cluster, environment
from seekforge.core.errors import TRY_AGAIN, ConfigError, ResourceError, SeekforgeError
from seekforge.core.progress import Progress, Silent, Task
from seekforge.train.loading import this_device
from seekforge.train.plan import Device
from seekforge.train.ranks import LeaderFailed, join
from seekforge.train.sft import Trained
from seekforge.train.team import Work, load_work, train_work

_OUTCOME = "outcome.pickle"
_RESTARTS = 2
_END = ("end",)


def connect(cluster: Cluster) -> int:
    """Connects to the cluster; returns how many workers will train.

    Raises:
        ResourceError: Ray is not installed, or no cluster answers, or it has too few GPUs.
        ConfigError: It has no GPU, and nobody said how many processes are wanted.
    """
    ray = cluster_connect()
    gpus = int(ray.cluster_resources().get("GPU", 0))
    if not gpus and cluster.workers is None:
        raise ConfigError("the cluster has no GPU", where="--cluster", mend="Say how many processes: --devices 2")
    if gpus and (cluster.workers or 0) > gpus:
        raise ResourceError(f"the cluster has {gpus} GPUs, {cluster.workers} are wanted", mend=f"Set --devices {gpus}")
    return cluster.workers or gpus


def survey(cluster: Cluster) -> tuple[int, Device]:
    """Workers that will train, and the device of each, as one of them sees it."""
    workers = connect(cluster)
    import ray

    gpus = ray.cluster_resources().get("GPU", 0) > 0
    look = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0)(this_device)
    device: Device = ray.get(look.remote(1 if gpus else workers))  # CPU workers may all be on one machine
    return workers, device


def train_on_cluster(work: Work, cluster: Cluster, progress: Progress) -> Trained:
    """Hands a training to Ray Train and waits for it.

    Raises:
        SeekforgeError: As of `train_together`; or the cluster gave up.
    """
    workers = connect(cluster)
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchConfig, TorchTrainer
    from ray.util.queue import Queue

    outcome = work.job.scratch / _OUTCOME
    outcome.unlink(missing_ok=True)
    with_gpus = ray.cluster_resources().get("GPU", 0) > 0
    queue = Queue(actor_options={"num_cpus": 0})
    trainer = TorchTrainer(
        _train_loop,
        train_loop_config={"work": str(work.save()), "queue": queue},
        torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if with_gpus else "gloo"),
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=with_gpus),
        run_config=RunConfig(
            storage_path=str(work.job.scratch / "ray"), failure_config=FailureConfig(max_failures=_RESTARTS)
        ),
    )
    progress.say(f"          {workers} Ray workers train, strategy {work.job.config.strategy}")
    try:
        with _shown(queue, progress):
            trainer.fit()
    except TrainingFailedError as error:
        raise SeekforgeError(
            f"training on the cluster failed: {_cause(error)}",
            mend=TRY_AGAIN,
        ) from error
    done = pickle.loads(outcome.read_bytes())
    if isinstance(done, SeekforgeError):
        raise done
    trained: Trained = done
    return trained


def _train_loop(settings: dict[str, Any]) -> None:
    """One worker's part; Ray Train has formed the process group and set the variables that `torchrun` sets."""
    ranks = join(environment().group)
    work = load_work(Path(settings["work"]))
    progress = Remote(settings["queue"]) if ranks.leads else Silent()
    done: Trained | SeekforgeError
    try:
        done = train_work(work, progress, ranks)
    except LeaderFailed:
        return
    except SeekforgeError as error:
        done = error
    if ranks.leads:
        (work.job.scratch / _OUTCOME).write_bytes(pickle.dumps(done))


class Remote:
    """Progress of a worker, sent to the command that waits for it."""

    def __init__(self, queue: Any) -> None:  # noqa: ANN401
        self._queue = queue

    def say(self, text: str) -> None:
        """One line that stays."""
        self._queue.put(("say", text))

    @contextmanager
    def task(self, title: str, total: int, done: int = 0) -> Iterator[Task]:
        """A counted task there."""
        self._queue.put(("task", title, total, done))
        yield self
        self._queue.put(("done",))

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Counts there."""
        self._queue.put(("advance", steps, note))


@contextmanager
def _shown(queue: Any, progress: Progress) -> Iterator[None]:  # noqa: ANN401
    """Shows what `Remote` sends, in a thread of its own."""
    thread = threading.Thread(target=show, args=(queue.get, progress), daemon=True)
    thread.start()
    try:
        yield
    finally:
        queue.put(_END)
        thread.join()
        queue.shutdown()


def show(receive: Callable[[], tuple[Any, ...]], progress: Progress) -> None:
    """Replays what `Remote` sent until the end; a group that Ray started anew begins its task again."""
    message = receive()
    while message != _END:
        kind, *rest = message
        if kind == "task":
            with progress.task(*rest) as task:
                message = _show_task(receive, progress, task)
            continue
        if kind == "say":
            progress.say(*rest)
        message = receive()


def _show_task(receive: Callable[[], tuple[Any, ...]], progress: Progress, task: Task) -> tuple[Any, ...]:
    """Shows one task; returns the message that ended it."""
    shown: dict[str, Callable[..., None]] = {"advance": task.advance, "say": progress.say}
    while (message := receive())[0] in shown:
        shown[message[0]](*message[1:])
    return message


def _cause(error: Exception) -> str:
    failures = list(getattr(error, "worker_failures", {}).values()) or [error]
    cause = getattr(failures[0], "cause", None) or failures[0]
    lines = [line for line in str(cause).strip().splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[-1].strip() if lines else ''}"
