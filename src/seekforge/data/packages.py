"""Data files inside installed packages, found without importing the package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from seekforge.core.errors import ResourceError


def packaged(module: str, file: str, package: str) -> Path:
    """The path of a package's file.

    Args:
        module: The package as it is imported.
        file: The file within it.
        package: As it is installed, with its version.

    Raises:
        ResourceError: It is not installed, or has no such file.
    """
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / file
        if path.is_file():
            return path
    raise ResourceError(
        f"the file {Path(file).name} of the package {package} is missing",
        where="data.augment",
        mend=f"pip install {package}, or 'seekforge[data]'",
    )
