"""Artifacts: folders with a manifest. A folder is an artifact only once its manifest stands and it has its final name.

Work goes on in `<name>.partial`, which a killed run leaves behind and the next one takes up again; sealing hashes
the files, writes the manifest and renames the folder, so nobody ever sees half of an artifact.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seekforge import __version__
from seekforge.core.errors import InputError, SeekforgeError
from seekforge.core.files import disk_errors, read_json, sha256_file, sha256_json, write_json
from seekforge.core.gates import Measurement
from seekforge.core.locks import held

MANIFEST = "manifest.json"
DETAILS = "details.json"
SCRATCH = "scratch"
_NOT_CONTENT = {MANIFEST, DETAILS}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished folder and what its manifest says.

    Attributes:
        folder: Where it lies.
        kind: `dataset`, `adapter`, `evaluation`, `gguf`, `parity` or `endpoint`.
        key: Hash of all that it was made from; equal keys need no second making.
        content_hash: Hash of its files, manifest and timings aside.
        parents: Content hashes of the artifacts that it was made from.
        config: The part of the recipe that made it.
        measurements: Every figure taken on the way.
        summary: One line for people.
        seconds: How long the making took, over all attempts that count.
    """

    folder: Path
    kind: str
    key: str
    content_hash: str
    parents: tuple[str, ...]
    config: Mapping[str, Any]
    measurements: tuple[Measurement, ...]
    summary: str
    seconds: float

    def file(self, name: str) -> Path:
        """Path of one of its files.

        Raises:
            InputError: The artifact has no such file.
        """
        path = self.folder / name
        if not path.exists():
            raise InputError(f"the {self.kind} artifact has no {name}", where=str(self.folder), mend="Make it again")
        return path

    @property
    def details(self) -> dict[str, Any]:
        """What the report shows beside the figures."""
        path = self.folder / DETAILS
        return dict(read_json(path)) if path.exists() else {}


@dataclass(frozen=True, slots=True)
class Origin:
    """What an artifact is made of: its kind, its key, its parents and the config in force."""

    kind: str
    key: str
    parents: tuple[str, ...]
    config: Mapping[str, Any]


def load(folder: Path) -> Artifact:
    """Reads an artifact's manifest; the files are not hashed (see `verify`).

    Raises:
        InputError: The folder is no artifact.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise InputError(
            "not an artifact: it has no manifest.json", where=str(folder), mend="Give a folder that a stage made"
        )
    try:
        raw = read_json(manifest)
        return Artifact(
            folder=folder,
            kind=raw["kind"],
            key=raw["key"],
            content_hash=raw["content_hash"],
            parents=tuple(raw["parents"]),
            config=raw["config"],
            measurements=tuple(Measurement(**m) for m in raw["measurements"]),
            summary=raw["summary"],
            seconds=raw["seconds"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "not an artifact: its manifest.json is none of ours, or broken",
            where=str(folder),
            mend="Give a folder that a stage made",
        ) from error


def verify(artifact: Artifact) -> bool:
    """Whether the files still are what the manifest says."""
    return content_hash(artifact.folder) == artifact.content_hash


def content_hash(folder: Path) -> str:
    """Hash over the relative names and contents of all files, manifest, details and scratch aside."""
    files = {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in _NOT_CONTENT and SCRATCH not in path.relative_to(folder).parts
    }
    return sha256_json(files)


def partial_folder(final: Path) -> Path:
    """Where an artifact is worked on before it has its final name."""
    return final.with_name(final.name + ".partial")


@contextmanager
def exclusive(final: Path) -> Iterator[Path]:
    """The partial folder, locked against a second process that would make the same artifact.

    Raises:
        SeekforgeError: Another process is making it right now.
    """
    partial = partial_folder(final)
    lock_path = final.with_name(f".{final.name}.lock")
    with disk_errors(partial):
        (partial / SCRATCH).mkdir(parents=True, exist_ok=True)
    what, mend = "another seekforge process is making this artifact", "Wait for it, then run again"
    with held(lock_path, SeekforgeError(what, where=str(final), mend=mend)):
        yield partial


def discard_empty(final: Path) -> None:
    """Takes back a partial folder that holds no file: a stage that refused its input leaves nothing behind."""
    partial = partial_folder(final)
    if not any(path.is_file() for path in partial.rglob("*")):
        shutil.rmtree(partial, ignore_errors=True)
        final.with_name(f".{final.name}.lock").unlink(missing_ok=True)


def seal(
    final: Path,
    origin: Origin,
    *,
    summary: str,
    measurements: tuple[Measurement, ...],
    details: Mapping[str, Any],
    seconds: float,
) -> Artifact:
    """Turns the partial folder into the artifact; the scratch folder goes."""
    partial = partial_folder(final)
    shutil.rmtree(partial / SCRATCH, ignore_errors=True)
    artifact = Artifact(
        folder=final,
        kind=origin.kind,
        key=origin.key,
        content_hash=content_hash(partial),
        parents=origin.parents,
        config=origin.config,
        measurements=measurements,
        summary=summary,
        seconds=round(seconds, 3),
    )
    write_json(partial / DETAILS, details)
    write_json(partial / MANIFEST, _manifest(artifact, partial))
    if final.exists():
        shutil.rmtree(final)
    partial.rename(final)
    return artifact


def _manifest(artifact: Artifact, folder: Path) -> dict[str, Any]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        "schema": 1,
        "kind": artifact.kind,
        "key": artifact.key,
        "content_hash": artifact.content_hash,
        "parents": list(artifact.parents),
        "config": artifact.config,
        "measurements": [m.to_dict() for m in artifact.measurements],
        "summary": artifact.summary,
        "seconds": artifact.seconds,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seekforge": __version__,
        "files": {path.relative_to(folder).as_posix(): path.stat().st_size for path in files},
    }
