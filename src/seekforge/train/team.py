"""Who trains: this process alone, the ranks that it leads, or a Ray cluster in its stead.

Rank 0 runs the command: data, locks, artifacts, tracking and progress are its own. The others wait for work and take it
from the folder that all of them see.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from seekforge.core.config import Environment, Group
from seekforge.core.errors import TRY_AGAIN, SeekforgeError
from seekforge.core.memory import release
from seekforge.core.progress import Progress, Silent
from seekforge.train.loading import load_base
from seekforge.train.ranks import LeaderFailed, PeerLost, Ranks, join, lost_peer
from seekforge.train.sft import Job, Trained, train

_WORK = "work.pickle"


@dataclass(frozen=True, slots=True)
class Work:
    """A training that any process can take up which sees these folders.

    Attributes:
        base: Folder of the base model.
        job: What to do with it.
    """

    base: Path
    job: Job

    def save(self) -> Path:
        """Writes it into the job's scratch folder. A pickle: it is read by our own processes alone."""
        path = self.job.scratch / _WORK
        path.write_bytes(pickle.dumps(self))
        return path


def load_work(path: Path) -> Work:
    """What `Work.save` wrote."""
    work: Work = pickle.loads(path.read_bytes())
    return work


def train_together(work: Work, machine: Environment, progress: Progress) -> Trained:
    """Trains with whom the machine's settings name; returns when the weights are saved.

    Raises:
        PeerLost: A rank has ended before its time.
        SeekforgeError: As of `train`, whichever rank it happens on.
    """
    if machine.cluster is not None:
        from seekforge.train.cluster import train_on_cluster

        return train_on_cluster(work, machine.cluster, progress)
    ranks = join(machine.group)
    if ranks.size > 1:
        progress.say(f"          {ranks.size} processes train, strategy {work.job.config.strategy}")
        ranks.lead(work.save)
    try:
        return train_work(work, progress, ranks)
    except Exception as error:
        if ranks.size > 1 and lost_peer(error):
            _say_lost(machine.group, error)
        raise


def train_work(work: Work, progress: Progress, ranks: Ranks) -> Trained:
    """One rank's part of it."""
    from seekforge.engines.transformers import load_tokenizer

    model, tokenizer = ranks.together(lambda: (load_base(work.base, work.job.config), load_tokenizer(work.base)))
    return train(model, tokenizer, work.job, progress, ranks)


@contextmanager
def leading(group: Group) -> Iterator[None]:
    """While the command runs, the other ranks wait for work; when it is done they may go."""
    ranks = join(group)
    yield
    if ranks.size > 1:
        ranks.lead(lambda: None)


def follow(group: Group) -> None:
    """The life of every rank but the first: trains with it as often as it has work.

    Raises:
        LeaderFailed: The leader has ended, or said what was wrong.
        SeekforgeError: Something went wrong here alone.
    """
    ranks = join(group)
    try:
        while (path := ranks.lead(_not_here)) is not None:
            train_work(load_work(path), Silent(), ranks)
            release()
    except SeekforgeError:
        raise
    except KeyboardInterrupt:
        raise LeaderFailed(PeerLost.exit_code) from None
    except Exception as error:
        if lost_peer(error):
            raise LeaderFailed(PeerLost.exit_code) from error
        first = (str(error).splitlines() or [""])[0]
        raise SeekforgeError(
            f"rank {group.rank} of {group.size} failed: {type(error).__name__}: {first}",
            mend=TRY_AGAIN,
        ) from error


def _not_here() -> Path | None:
    raise AssertionError("the leader decides")


def _say_lost(group: Group, error: Exception) -> NoReturn:
    if group.ours:  # who started us knows which rank it was and says so
        raise LeaderFailed(PeerLost.exit_code) from error
    raise PeerLost(
        f"one of the {group.size} training processes has ended",
        mend=TRY_AGAIN,
    ) from error
