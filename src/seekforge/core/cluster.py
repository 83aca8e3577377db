"""The Ray cluster at `RAY_ADDRESS`, or one of this machine alone."""

from __future__ import annotations

from typing import Any

from seekforge.core.errors import ResourceError


def connect() -> Any:  # noqa: ANN401  Ray ships no types that we follow
    """Connects and returns the module `ray`.

    Raises:
        ResourceError: Ray is not installed, or no cluster answers.
    """
    try:
        import ray
    except ImportError as error:
        raise ResourceError("--cluster needs Ray", mend="pip install 'seekforge[cluster]'") from error
    if not ray.is_initialized():
        try:
            ray.init(log_to_driver=False, logging_level="error", include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            first = (str(error).splitlines() or [""])[0]
            raise ResourceError(f"no Ray cluster answers: {first}", mend="Check RAY_ADDRESS") from error
    return ray
