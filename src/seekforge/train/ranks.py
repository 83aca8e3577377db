"""The processes that train one model together: who leads, and how what the leader decides reaches the others.

Rank 0 alone touches the disk's checkpoints, the artifact and the screen. Whatever could come out differently on two
ranks is decided there and sent to the others, so that none waits for a step that another does not take.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from seekforge.core.config.environment import ALONE, Group, shard_ourselves
from seekforge.core.errors import SeekforgeError
from seekforge.core.parents import die_with

T = TypeVar("T")
_PATIENCE = timedelta(days=30)  # a rank waits as long as the leader cleans data
_STEP = timedelta(hours=1)  # between two exchanges of gradients; a whole model may be written meanwhile


class LeaderFailed(SystemExit):
    """Ends a follower without a word: the leader says what was wrong."""


class PeerLost(SeekforgeError):
    """Another rank has ended, so this one cannot go on."""

    exit_code = 75  # sysexits.h: a temporary failure, try again


@dataclass(frozen=True, slots=True)
class Ranks:
    """The group as one of its processes sees it; with size 1 everything here is a plain call.

    Attributes:
        group: Where this process stands in it.
        messages: A gloo group for objects; None when alone.
    """

    group: Group = ALONE
    messages: Any = None

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.group.rank == 0

    @property
    def size(self) -> int:
        """Processes in all."""
        return self.group.size

    def lead(self, decide: Callable[[], T]) -> T:
        """What `decide` returns on rank 0, on every rank. Its error is raised there, and ends the others quietly.

        Raises:
            LeaderFailed: On the others, with the exit code of the error.
        """
        if self.size == 1:
            return decide()
        if not self.leads:
            code, answer = self._broadcast(None)
            if code:
                raise LeaderFailed(code)
            return answer  # type: ignore[no-any-return]
        try:
            answer = decide()
        except Exception as error:
            self._broadcast((getattr(error, "exit_code", 1), None))
            raise
        self._broadcast((0, answer))
        return answer

    def together(self, do: Callable[[], T]) -> T:
        """Runs `do` on every rank. If it fails on any, rank 0 raises that error and the others end quietly.

        Raises:
            SeekforgeError: On rank 0: its own, or that of another.
            LeaderFailed: On the others.
        """
        if self.size == 1:
            return do()
        failed: SeekforgeError | None = None
        try:
            done = do()
        except SeekforgeError as error:
            failed = error
        known = [error for error in self.gather(failed) if error]
        if not known:
            return done
        raise known[0] if self.leads else LeaderFailed(known[0].exit_code)

    def gather(self, value: T) -> list[T]:
        """Everybody's value, by rank, on every rank."""
        if self.size == 1:
            return [value]
        import torch.distributed as dist

        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value, group=self.messages)
        return values

    def wait(self) -> None:
        """Until every rank is here."""
        if self.size > 1:
            import torch.distributed as dist

            dist.barrier(group=self.messages)

    def _broadcast(self, answer: Any) -> Any:  # noqa: ANN401
        import torch.distributed as dist

        box = [answer]
        dist.broadcast_object_list(box, src=0, group=self.messages)
        return box[0]


@functools.cache
def join(group: Group) -> Ranks:
    """This process's place in its group; forms the group at the first call, over gloo and, with GPUs, NCCL."""
    if group.size == 1:
        return Ranks()
    import torch
    import torch.distributed as dist

    shard_ourselves()
    if not dist.is_initialized():
        die_with()  # `torchrun` starts each rank in a session of its own; killed with -9, it would leave them behind
        backend = "gloo"
        if torch.cuda.is_available():
            torch.cuda.set_device(group.local_rank)
            backend = "cpu:gloo,cuda:nccl"
        dist.init_process_group(backend, timeout=_STEP)
    return Ranks(group, dist.new_group(backend="gloo", timeout=_PATIENCE))


def lost_peer(error: BaseException) -> bool:
    """Whether an error only says that another rank is gone."""
    import torch.distributed as dist

    kinds = (dist.DistBackendError, dist.DistNetworkError)
    words = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "NCCL")
    return isinstance(error, kinds) or (isinstance(error, RuntimeError) and any(word in str(error) for word in words))


def same_folder(ranks: Ranks, folder: Path) -> None:
    """Checks that all ranks see the folder that the leader writes to.

    Raises:
        SeekforgeError: Some do not: they are on machines that do not share it.
    """
    if ranks.size > 1:
        mark = ranks.lead(lambda: _touch(folder / f".{secrets.token_hex(8)}"))
        seen = ranks.gather(mark.exists())
        ranks.lead(lambda: _refuse_blind(mark, seen))


def _touch(mark: Path) -> Path:
    mark.touch()
    return mark


def _refuse_blind(mark: Path, seen: list[bool]) -> None:
    mark.unlink()
    if not all(seen):
        blind = ", ".join(str(rank) for rank, sees in enumerate(seen) if not sees)
        raise SeekforgeError(
            f"ranks {blind} do not see this folder",
            where=str(mark.parent),
            mend="Machines that train together need one file system for what they write",
        )
