"""Files that a config names: their content, not their place, is what a stage's output depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seekforge.core.artifacts import content_hash
from seekforge.core.config import Config
from seekforge.core.errors import DataError
from seekforge.core.files import sha256_file


def by_content(config: Config, key: str = "data") -> dict[str, Any]:
    """The config as JSON, with name and hash for every path; a folder counts by all its files, a key not at all.

    Args:
        config: Any config model.
        key: Its place in the recipe, for the error.

    Raises:
        DataError: A path leads to nothing.
    """
    dump = config.model_dump(mode="json")
    found = {}
    for name, value in config:
        if _marked(config, name, "secret"):
            continue
        if isinstance(value, Path) and name not in config.model_fields_set and not value.exists():
            found[name] = {"name": value.name, "sha256": None}  # a default; the op says whether it needs the file
        else:
            if isinstance(value, Path) and value.is_dir() and not _marked(config, name, "folder"):
                raise _no_file(value, f"{key}.{name}")
            found[name] = _shown(value, dump[name], f"{key}.{name}")
    return found


def _marked(config: Config, name: str, mark: str) -> bool:
    """Whether a field is `secret`, so that its content must leave no trace, or takes a `folder`."""
    extra = type(config).model_fields[name].json_schema_extra
    return isinstance(extra, dict) and extra.get(mark) is True


def _no_file(path: Path, key: str) -> DataError:
    """A folder in a file's place is not hashed: it might be a whole disk."""
    return DataError("a folder, not a file", where=str(path), mend=f"Correct the path in {key}")


def _shown(value: object, dumped: object, key: str) -> Any:  # noqa: ANN401  JSON is any of its types
    if isinstance(value, Config):
        return by_content(value, key)
    if isinstance(value, Path):
        return _content(value, key)
    if isinstance(value, tuple) and isinstance(dumped, list):
        if (folder := next((item for item in value if isinstance(item, Path) and item.is_dir()), None)) is not None:
            raise _no_file(folder, key)
        pairs = zip(value, dumped, strict=True)
        return [_shown(item, there, f"{key}.{place}") for place, (item, there) in enumerate(pairs)]
    return dumped


def _content(path: Path, key: str) -> dict[str, str]:
    if path.is_dir():
        return {"name": path.name, "sha256": content_hash(path)}
    if not path.is_file():
        raise DataError("no such file", where=str(path), mend=f"Correct the path in {key}")
    return {"name": path.name, "sha256": sha256_file(path)}
