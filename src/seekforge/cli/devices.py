"""More than one device: what each process of a group does with the command that all of them were started with."""

from __future__ import annotations

import logging
import signal
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from seekforge.core.errors import TRY_AGAIN, ConfigError, ResourceError, SeekforgeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seekforge.core.config import Environment

DEVICES = "Processes that train together, one a GPU; torchrun starts them."
CLUSTER = "Train on the Ray cluster at RAY_ADDRESS, or on this machine by Ray; --devices says how many workers."
_INTERRUPTED = 130


def followed() -> bool:
    """Whether this process is a rank above 0; then its work, the trainings of rank 0, is done when this returns."""
    from seekforge.core.config import environment

    group = environment().group
    if group.rank:
        from seekforge.train.team import follow

        follow(group)
    return group.rank > 0


def refuse_group(what: str, mend: str) -> None:
    """For a command that is not for several processes; rank 0 says so.

    Raises:
        ConfigError: It was started as one of several.
    """
    from seekforge.core.config import environment

    group = environment().group
    if group.rank:
        sys.exit(ConfigError.exit_code)
    if group.size > 1:
        raise ConfigError(what, where=f"{group.size} processes", mend=mend)


@contextmanager
def crew(devices: int | None, cluster: bool) -> Iterator[Environment | None]:
    """The machine's settings for the process that runs the command, rank 0.

    None for the process that has started the ranks itself: its work is done.

    Raises:
        ConfigError: The group was started from outside with another size.
        ResourceError: There are fewer GPUs than processes.
        SeekforgeError: A rank has died.
    """
    from seekforge.core.config import Cluster, environment

    machine = environment()
    group = machine.group
    if group.size > 1:
        if not group.ours and devices not in (None, group.size):
            raise ConfigError(f"{group.size} processes run already", where="--devices", mend="Leave it out")
        from seekforge.train.team import leading

        with leading(group):
            yield machine
    elif cluster:
        yield replace(machine, cluster=Cluster(devices))
    elif devices is not None and devices > 1:
        _spawn(devices)
        yield None
    else:
        yield machine


def _spawn(devices: int) -> None:
    """Starts this very command once a device, as `torchrun --standalone` does, and waits.

    Raises:
        ResourceError: There are fewer GPUs.
        SeekforgeError: A rank died. What a rank has said itself is not said again.
    """
    import torch
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    from seekforge.core.config.environment import GROUP_NAME, share_threads

    gpus = torch.cuda.device_count()
    if 0 < gpus < devices:
        raise ResourceError(f"torch sees {gpus} GPUs", where=f"--devices {devices}", mend=f"Set --devices {gpus}")
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)
    share_threads(devices)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=devices,
        run_id=GROUP_NAME + uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "seekforge", *sys.argv[1:])
    except ChildFailedError as error:
        _report(error.failures, devices)
    except SignalException:
        sys.exit(_INTERRUPTED)


def _report(failures: Mapping[int, Any], devices: int) -> NoReturn:
    """Ends with the exit code of the rank that failed by itself, and says what nobody has said yet.

    Raises:
        SeekforgeError: It was killed.
    """
    rank, code = min(((rank, failure.exitcode) for rank, failure in failures.items()), key=lambda one: _order(one[1]))
    if code > 0:
        sys.exit(code)
    name = signal.Signals(-code).name
    raise SeekforgeError(f"rank {rank} of {devices} was ended by {name}", mend=TRY_AGAIN)


def _order(exit_code: int) -> int:
    """The cause before what it caused: killed ranks, then those with an error, then those that lost the others."""
    if exit_code < 0 and exit_code != -signal.SIGTERM:
        return 0
    return 1 if 0 < exit_code < 4 else 2
