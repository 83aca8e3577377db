"""What all tests share: a runs folder of their own, and the demo model, converted once and kept in the user's cache."""

import functools
import gc
import os
import signal
import sys
from pathlib import Path

import pytest
import typer.main
import typer.testing
from hypothesis import HealthCheck, settings

# The same examples every time, however slow the machine; `--hypothesis-profile=default` draws others.
settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("steady")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's `&`: what tests start would have it ignored too
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Containers like to forbid bytecode: then each of the hundred processes that tests start would compile torch anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Building the commands takes longer than most of them do here, and a process of the user's builds them once.
typer.main.get_command = typer.testing._get_command = functools.cache(typer.main.get_command)  # type: ignore[attr-defined]

# With `--no-loadscope-reorder` the longest files come first, and no process waits for the other at the end.
_LONG_FIRST = ("train", "serve", "evaluate", "engines", "compress", "cli", "data")
_settled = 0  # modules


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        area = item.path.relative_to(Path(__file__).parent).parts[0]
        return _LONG_FIRST.index(area) if area in _LONG_FIRST else len(_LONG_FIRST)

    items.sort(key=place)


def pytest_runtest_setup() -> None:
    """What was imported so far is no garbage: else the `gc.collect()` after each stage goes through all of it."""
    global _settled
    if len(sys.modules) > _settled + 50:
        gc.collect()
        gc.freeze()
        _settled = len(sys.modules)


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's runs go; nobody's real runs, registry or tracking server is touched."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("SEEKFORGE_RUNS", str(folder))
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="session")
def demo_folder() -> Path:
    """The demo model as a Hugging Face folder (in `SEEKFORGE_CACHE`; the first session ever converts it)."""
    from seekforge.core.config import environment
    from seekforge.core.models import resolve
    from seekforge.core.progress import Silent
    from seekforge.engines.weights import hf_folder

    return hf_folder(resolve("demo"), environment(), Silent())


@pytest.fixture(scope="session")
def demo_gguf_q8(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model as an INT8 file."""
    return _export(demo_folder, tmp_path_factory.mktemp("demo-q8"), "Q8_0")


@pytest.fixture(scope="session")
def demo_gguf_f16(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model as a float16 file."""
    return _export(demo_folder, tmp_path_factory.mktemp("demo-f16"), "F16")


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's empty tables, to be copied to `runs / "mlflow.db"`: making them takes MLflow many seconds."""
    from seekforge.core.config.environment import quiet_libraries

    quiet_libraries()
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}", registry_uri=f"sqlite:///{path}").search_registered_models()
    return path


def _export(folder: Path, target: Path, file_format: str) -> Path:
    from seekforge.compress.gguf import export
    from seekforge.core.progress import Silent

    path = target / f"model-{file_format.lower()}.gguf"
    export(folder, path, file_format, Silent())
    return path
