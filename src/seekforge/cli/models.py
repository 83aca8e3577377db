"""From what a user calls a model to the GGUF file that our engine serves."""

from __future__ import annotations

from pathlib import Path

from seekforge.core.config import Environment
from seekforge.core.models import fingerprint, resolve
from seekforge.core.progress import Progress
from seekforge.core.tracking import is_alias, resolve_alias

_DEFAULT_FORMAT = "Q8_0"


def servable(model: str, environment: Environment, progress: Progress) -> Path:
    """The GGUF file of a model; a folder is exported to INT8 once and kept in the cache.

    Raises:
        ModelError: There is no such model, or it has no GGUF form.
    """
    from seekforge.compress.gguf import export
    from seekforge.compress.stage import gguf_file
    from seekforge.engines.weights import hf_folder

    if is_alias(model):
        folder, tags = resolve_alias(model, environment)
        return gguf_file(folder, tags.get("format", _DEFAULT_FORMAT))
    ref = resolve(model)
    if ref.kind == "gguf" and ref.path is not None:
        return ref.path
    source = hf_folder(ref, environment, progress)
    target = (
        environment.cache
        / "gguf"
        / f"{source.name}-{fingerprint(resolve(str(source)))[:12]}-{_DEFAULT_FORMAT.lower()}.gguf"
    )
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        export(source, target, _DEFAULT_FORMAT, progress)
    return target
