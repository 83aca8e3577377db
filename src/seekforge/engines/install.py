"""Engines in virtual environments of their own: installed, listed, found, removed.

Their libraries need other versions than ours, so they never come into our environment. An installation counts once its
`engine.json` is written, which is done last; one that was broken off starts over, and pip takes what it had downloaded
from its own cache.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seekforge.core.command import lines
from seekforge.core.config.environment import Environment, child_environment
from seekforge.core.errors import EngineError, ResourceError
from seekforge.core.files import disk_errors, read_json, write_json
from seekforge.core.locks import held
from seekforge.core.progress import Progress
from seekforge.engines.releases import RELEASES, Device, Release, release

_MARK = "engine.json"
_STARTED = re.compile(r"(?:Collecting|Processing|Requirement already satisfied:) (?:\S*/)?([A-Za-z0-9_.-]+)")
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Installed:
    """An installation on this machine.

    Attributes:
        engine: The engine's name.
        device: What it computes on.
        version: The engine's version.
        versions: The version of each package that was installed.
        folder: The virtual environment.
        whole: It was installed to the end, from the versions that this release of ours pins.
    """

    engine: str
    device: Device
    version: str
    versions: Mapping[str, str]
    folder: Path
    whole: bool

    def executable(self, name: str) -> Path:
        """A command of the environment."""
        return self.folder / "bin" / name


def this_device() -> Device:
    """`cuda` where there is an NVIDIA GPU, else `cpu`."""
    from seekforge.core import hardware

    return "cuda" if hardware.describe()["gpu"] else "cpu"


def install(wanted: Release, environment: Environment, progress: Progress, links: Sequence[str] = ()) -> Installed:
    """Installs a release, unless it is there; what was broken off or has other versions is made anew.

    Args:
        wanted: What to install.
        environment: Knows the cache, where it goes.
        progress: Is told how far it is.
        links: Pages or folders with wheels that the usual package index does not have.

    Raises:
        ResourceError: No disk, no rights, Python without `venv`, or another installation is at it.
        EngineError: pip failed or the engine does not import; the message has the end of what was said.
    """
    folder = _folder(wanted, environment)
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        found = _look(wanted, environment)
        if found is not None and found.whole:
            progress.say(f"{wanted.title} {found.version} is installed: {folder}")
            return found
        _check_disk(wanted, folder)
        if folder.exists():
            progress.say(f"starting over in {folder}")
        with disk_errors(folder):
            shutil.rmtree(folder, ignore_errors=True)
            _make(wanted, folder, progress, links)
            write_json(
                folder / _MARK,
                {"version": wanted.version, "lock": wanted.identity, "packages": wanted.versions},
            )
    progress.say(f"installed {wanted.title} {wanted.version}: {folder}")
    return Installed(wanted.engine, wanted.device, wanted.version, wanted.versions, folder, whole=True)


def installed(environment: Environment) -> list[Installed]:
    """All that is there, also what was broken off."""
    return [found for known in RELEASES if (found := _look(known, environment)) is not None]


def find(engine: str, environment: Environment, device: Device | None = None) -> Installed:
    """The installation that serves: for the device, or else for the best one of this machine.

    Raises:
        ResourceError: It is not installed, or not to the end.
    """
    device = release(engine, device or this_device()).device
    there = {found.device: found for found in installed(environment) if found.engine == engine and found.whole}
    if device not in there:
        flag = " --cpu" if device != release(engine, this_device()).device else ""
        raise ResourceError(
            f"the engine {engine} for {device} is not installed",
            where=str(environment.cache / "engines"),
            mend=f"Run `seekforge engine install {engine}{flag}`",
        )
    return there[device]


def remove(engine: str, environment: Environment) -> list[Installed]:
    """Removes an engine for all devices; returns what was removed.

    Raises:
        ResourceError: It is being installed, or may not be removed.
    """
    gone = [found for found in installed(environment) if found.engine == engine]
    for found in gone:
        with _alone(found.folder), disk_errors(found.folder):
            (found.folder / _MARK).unlink(missing_ok=True)  # half removed is not installed
            shutil.rmtree(found.folder)
    return gone


def _folder(wanted: Release, environment: Environment) -> Path:
    return environment.cache / "engines" / wanted.title


def _look(known: Release, environment: Environment) -> Installed | None:
    folder = _folder(known, environment)
    if not folder.is_dir():
        return None
    try:
        mark = read_json(folder / _MARK)
        version, lock, versions = str(mark["version"]), mark["lock"], dict(mark["packages"])
    except (OSError, ValueError, TypeError, KeyError):
        return Installed(known.engine, known.device, known.version, {}, folder, whole=False)
    return Installed(known.engine, known.device, version, versions, folder, whole=lock == known.identity)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps a second installation out. The lock ends with the process, however that ends."""
    busy = ResourceError("another command installs or removes it now", where=str(folder), mend="Wait until it is done")
    with held(folder.with_name(f".{folder.name}.lock"), busy):
        yield


def _check_disk(wanted: Release, folder: Path) -> None:
    free = shutil.disk_usage(folder.parent).free / _GIB
    if free < wanted.disk_gib:
        raise ResourceError(
            f"{wanted.title} needs {wanted.disk_gib:g} GiB while it is installed and {free:.1f} are free",
            where=str(folder.parent),
            mend="Free some, or set SEEKFORGE_CACHE to another disk",
        )


def _make(wanted: Release, folder: Path, progress: Progress, links: Sequence[str]) -> None:
    progress.say(f"installing {wanted.title} {wanted.version} with {len(wanted.versions)} packages into {folder}")
    _run([sys.executable, "-m", "venv", str(folder)], folder, "making the virtual environment failed")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--no-input"]
    # The lock is whole, and what it leaves out must not come in again as somebody's dependency.
    locked = ["--no-deps", "-r", str(wanted.lock)]
    pages = [part for link in links for part in ("--find-links", link)]
    try:
        _pip([*pip, *pages, *locked], folder, wanted, progress)
    except EngineError as error:
        if "No matching distribution" in error.what and "+cpu" in error.what:
            error.mend = "Add --find-links with PyTorch's page of CPU wheels, or a folder that has the wheel"
        raise
    progress.say("checking that it starts")
    check = [str(folder / "bin" / "python"), "-c", wanted.check]
    _run(check, folder, "it was installed and does not start")


def _pip(command: Sequence[str], folder: Path, wanted: Release, progress: Progress) -> None:
    """Runs pip and counts the packages that it takes up."""
    with progress.task("packages", len(wanted.versions)) as task:
        for line in _lines(command, folder, "pip failed"):
            if (found := _STARTED.match(line)) is not None:
                task.advance(note=found[1].partition("-")[0] if found[1].endswith(".whl") else found[1])
            elif line.startswith("Installing collected packages"):
                progress.say("  unpacking, which takes a minute or two")


def _run(command: Sequence[str], folder: Path, failure: str) -> None:
    for _ in _lines(command, folder, failure):
        pass


def _lines(command: Sequence[str], folder: Path, failure: str) -> Iterator[str]:
    return lines(command, child_environment(folder), str(folder), failure)
