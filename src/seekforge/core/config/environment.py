"""The only place that reads the environment."""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

GROUP_NAME = "seekforge-"  # begins the names of the groups that `--devices` starts


@dataclass(frozen=True, slots=True)
class Group:
    """Where this process stands among those that train one model together, as `torchrun` and `accelerate` tell it.

    Attributes:
        rank: Of this process, over all machines; rank 0 leads.
        size: Processes in all.
        local_rank: Of this process on its machine: the number of its GPU.
        local_size: Processes on this machine.
        ours: Whether `seekforge --devices` started them, and says itself what became of them.
        sharded: Whether `accelerate launch` was asked for FSDP.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    ours: bool = False
    sharded: bool = False


ALONE = Group()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Ray cluster that trains in this process's stead: the one at `RAY_ADDRESS`, or one of this machine alone.

    Attributes:
        workers: Processes, one a GPU; None for as many as the cluster has GPUs.
    """

    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """Settings that belong to a machine rather than to a recipe.

    Attributes:
        runs: Where runs and their artifacts go (`SEEKFORGE_RUNS`, default `./runs`).
        cache: Where converted models and installed engines are kept (`SEEKFORGE_CACHE`, default `~/.cache/seekforge`).
        tracking_uri: MLflow's tracking URI (`MLFLOW_TRACKING_URI`, default SQLite in `runs`).
        group: The processes that train together with this one.
        cluster: Who trains and cleans data, if not they.
        workers: Processes that clean data; None for one a core, and for one alone where there is little.
    """

    runs: Path
    cache: Path
    tracking_uri: str
    group: Group = ALONE
    cluster: Cluster | None = None
    workers: int | None = None


def environment() -> Environment:
    """Reads the environment now, so that a test may change it."""
    runs = Path(os.environ.get("SEEKFORGE_RUNS", "runs")).absolute()
    cache = Path(os.environ.get("SEEKFORGE_CACHE", "~/.cache/seekforge")).expanduser().absolute()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{runs / 'mlflow.db'}"
    return Environment(runs=runs, cache=cache, tracking_uri=uri, group=_group())


def _group() -> Group:
    """By the variables that `torchrun` sets; `accelerate launch` and Ray Train set the same."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    values = [os.environ.get(name, "") for name in names]
    if not all(value.isdigit() for value in values) or int(values[1]) < 2:
        return ALONE
    ours = os.environ.get("TORCHELASTIC_RUN_ID", "").startswith(GROUP_NAME)
    sharded = os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"
    rank, size, local_rank, local_size = map(int, values)
    return Group(rank, size, local_rank, local_size, ours, sharded)


def shard_ourselves() -> None:
    """Keeps accelerate from sharding, once more and in its own way, what we have sharded."""
    os.environ.pop("ACCELERATE_USE_FSDP", None)


def share_threads(processes: int) -> None:
    """Gives each process that this one starts its part of the cores, where the user has not said how many threads."""
    cores = len(os.sched_getaffinity(0))
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // processes)))


def child_environment(folder: Path, device: int | None = None, **settings: str) -> dict[str, str]:
    """The environment of a program that lives in a virtual environment of its own.

    Ours without what would lead its Python to our packages, and with its `bin` in front.

    Args:
        folder: The virtual environment.
        device: The only GPU that it may see, counted among those that we see; None leaves them all.
        settings: Variables, where the user has not set them.
    """
    ours = {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "__PYVENV_LAUNCHER__"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    if device is not None:
        kept["CUDA_VISIBLE_DEVICES"] = _gpu(device)
    path = os.pathsep.join([str(folder / "bin"), kept.get("PATH", os.defpath)])
    return {**settings, **kept, "VIRTUAL_ENV": str(folder), "PATH": path, "PYTHONNOUSERSITE": "1"}


def worker_environment(index: int, threads: int, devices: int) -> dict[str, str]:
    """The environment of one of several equal processes that compute side by side.

    Args:
        index: Which of them, from 0.
        threads: Of each, where the user has not said otherwise.
        devices: GPUs that we see; each process gets one of them, in turn.
    """
    found = {"OMP_NUM_THREADS": str(threads), **os.environ}
    if devices:
        found["CUDA_VISIBLE_DEVICES"] = _gpu(index % devices)
    return found


def _gpu(number: int) -> str:
    """What CUDA calls a GPU that is counted among those that we see."""
    seen = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return seen[number] if number < len(seen) else str(number)


def quiet_libraries() -> None:
    """Keeps model libraries from drawing their own bars, warning of their own future and calling home.

    Must run before they are imported.
    """
    for name, value in {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "TQDM_DISABLE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "DO_NOT_TRACK": "1",
    }.items():
        os.environ.setdefault(name, value)
    for module in ("transformers", "trl", "peft"):
        warnings.filterwarnings("ignore", category=FutureWarning, module=module)
    # PEFT imports it for whatever is trained; on a processor with bfloat16 it asks for a package that nothing needs.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
