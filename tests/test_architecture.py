"""The rules of the house that a machine can check: arrows, sizes, a quick start, and what must not be in the tree."""

import ast
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "seekforge"
SOURCES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("torch", "transformers", "openvino", "openvino_genai", "mlflow", "datasets", "peft", "trl", "pydantic")
# What each package may import besides itself; a package that is missing here is a stage.
ALLOWED = {
    "core": set[str](),
    "engines": {"core"},
    "learn": {"core", "engines", "data", "train", "evaluate", "compress", "serve", "rag", "learn"},
}
STAGE = {"core", "engines"}


def package_of(path: Path) -> str:
    """`core` for `seekforge/core/gates.py`; empty for `seekforge/__init__.py`."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def imported(source: str, path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports anywhere, functions and TYPE_CHECKING blocks included, as absolute names."""
    here = ["seekforge", *path.relative_to(PACKAGE).with_suffix("").parts]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: -node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def forbidden_arrows(source: str, path: Path) -> list[str]:
    own = "cli" if path == PACKAGE / "__main__.py" else package_of(path)
    allowed = ALLOWED.get(own, STAGE) | {own}
    found = []
    for line, name in imported(source, path):
        parts = name.split(".")
        # `from seekforge import __version__` is no arrow: only packages count.
        target = parts[1] if parts[0] == "seekforge" and len(parts) > 1 and (PACKAGE / parts[1]).is_dir() else own
        if own != "cli" and target not in allowed:
            found.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    return found


def test_the_check_sees_every_way_to_import() -> None:
    path = PACKAGE / "core" / "gates.py"
    for source in (
        "import seekforge.engines.fake",
        "from seekforge import data",
        "from seekforge.cli.app import main",
        "from ..train import stage",
        "def f():\n    from seekforge.engines import fake",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from seekforge.serve import worker",
    ):
        assert forbidden_arrows(source, path), source
    for source in ("from seekforge import __version__", "from seekforge.core.errors import ConfigError", "import json"):
        assert not forbidden_arrows(source, path), source
    engine = PACKAGE / "engines" / "fake.py"
    assert not forbidden_arrows("from seekforge.core import models", engine)
    assert forbidden_arrows("from seekforge.data import stage", engine)
    stage = PACKAGE / "train" / "stage.py"
    assert not forbidden_arrows("from seekforge.engines import weights", stage)
    assert forbidden_arrows("from seekforge.evaluate import predict", stage)


def test_arrows_point_down() -> None:
    assert {"core", "engines", "data", "train", "evaluate", "compress", "serve", "cli"} <= set(map(package_of, SOURCES))
    wrong = [arrow for path in SOURCES for arrow in forbidden_arrows(path.read_text(encoding="utf-8"), path)]
    assert not wrong, "\n".join(wrong)


def test_files_and_functions_are_short() -> None:
    long = []
    for path in SOURCES:
        source = path.read_text(encoding="utf-8")
        if len(source.splitlines()) > 400:
            long.append(f"{path.relative_to(ROOT)}: {len(source.splitlines())} lines")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > 60:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines")
    assert not long, "\n".join(long)


def test_only_the_environment_module_reads_the_environment() -> None:
    readers = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = set[str]()
            if isinstance(node, ast.Attribute):
                names = {node.attr}
            elif isinstance(node, ast.ImportFrom) and node.module == "os":
                names = {alias.name for alias in node.names}
            if names & {"environ", "environb", "getenv", "putenv"}:
                readers.append(path.relative_to(PACKAGE).as_posix())
    assert set(readers) == {"core/config/environment.py"}


def test_help_is_quick() -> None:
    taken, worked, libraries = [], [], []
    for _ in range(3):
        libraries.append(work_of("-c", "import typer, rich.table, pydantic, yaml")[0])
        work = work_of("-m", "seekforge.cli.app", "--help")
        worked.append(work[0])
        taken.append(work[1])
        assert re.search(r"^ +run +Run a recipe", work[2], re.MULTILINE)
    # Where the machine is slow or has other work, the clock says nothing about us. Our own work does: half as much
    # again as to load the four libraries without which no command line of this kind is.
    assert min(taken) < 0.5 or min(worked) < 2.5 * min(libraries), (taken, worked, libraries)


def work_of(*arguments: str) -> tuple[float, float, str]:
    """Seconds of the processor and of the clock that Python takes for it, and what it writes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    taken, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, taken, done.stdout


def test_the_command_line_starts_without_heavy_libraries() -> None:
    code = f"import sys, seekforge.cli.app; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def tracked() -> list[Path]:
    """Files that git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in done.stdout.splitlines() if (path := ROOT / name).is_file()]


# Put together from pieces, so that this file does not hold what it looks for.
OF_THIS_MACHINE = re.compile(
    r"(?<![\w.~:$})-])/(?:root|work|home|Users)/[\w.]|file:/{3}\w"
    r"|https?://[\w.:@-]*(?:" + "|".join(["py" + "pi", "python" + "hosted", "arti" + "factory", "nex" + "us"]) + ")"
    r"|(?:extra-)?index" + "-url",
)


def test_the_look_for_machine_paths_finds_them() -> None:
    for text in ("at /ro" + "ot/x", "'/wo" + "rk/main'", "--index" + "-url x", "https://py" + "pi.org/simple"):
        assert OF_THIS_MACHINE.search(text), text
    for text in ("src/work/x", "https://huggingface.co/root/x", "a/home/b", "~/work/x"):
        assert not OF_THIS_MACHINE.search(text), text


def test_nothing_tracked_names_this_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if OF_THIS_MACHINE.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)
