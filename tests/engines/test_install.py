"""Engines in environments of their own: real environments and real pip, with tiny wheels from a folder."""

import hashlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.patience import LONG, wait_for
from typer.testing import CliRunner

from seekforge.cli.app import app
from seekforge.core.config import Environment, environment
from seekforge.core.errors import ConfigError, EngineError, ResourceError
from seekforge.core.progress import Silent
from seekforge.engines import install, releases
from seekforge.engines.releases import RELEASES, Release, release

ROOT = Path(__file__).parents[2]


def wheel(folder: Path, name: str, version: str, code: str, needs: str = "") -> None:
    """Format: https://packaging.python.org/en/latest/specifications/binary-distribution-format/."""
    info = f"{name}-{version}.dist-info"
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={hashlib.sha256(text.encode()).hexdigest()},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*(row.split(",")[0] + ",," for row in rows), f"{info}/RECORD,,"]) + "\n"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that pip can reach."""
    folder = tmp_path / "wheels"
    wheel(folder, "tinyengine", "1.0", "import tinyhelp", needs="brokenthing")
    wheel(folder, "tinyhelp", "2.0", "")
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SEEKFORGE_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def env(wheels: Path) -> Environment:
    return environment()


def tiny(tmp_path: Path, *lines: str, check: str = "import tinyengine") -> Release:
    lock = tmp_path / "lock.txt"
    lock.write_text("\n".join(["# a comment", *(lines or ("tinyengine==1.0", "tinyhelp==2.0"))]), encoding="utf-8")
    return Release("tiny", "cpu", "tinyengine", lock, check, disk_gib=0.01)


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    made = tiny(tmp_path)
    for module in (install, releases):
        monkeypatch.setattr(module, "RELEASES", (made,))
    return made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links our own pip into new environments: `venv` unpacks and compiles another, longer than all the rest takes."""
    make, pip = install._run, importlib.util.find_spec("pip")
    if pip is None or not pip.submodule_search_locations:
        return
    ours = pip.submodule_search_locations[0]

    def run(command: Sequence[str], folder: Path, failure: str) -> None:
        if "venv" not in command:
            return make(command, folder, failure)
        make([*command, "--without-pip"], folder, failure)
        (packages,) = (folder / "lib").glob("python3*/site-packages")
        return (packages / "pip").symlink_to(ours)

    monkeypatch.setattr(install, "_run", run)


def test_install_find_again_and_remove(known: Release, env: Environment) -> None:
    """What the lock leaves out stays out: `brokenthing` exists nowhere, a resolver would look for it and fail."""
    said = Silent()
    made = install.install(known, env, said)
    assert made.whole
    assert subprocess.run([made.executable("python"), "-c", "import tinyengine"], check=False).returncode == 0
    done = subprocess.run([made.executable("pip"), "list"], capture_output=True, text=True, check=True)
    assert "tinyhelp" in done.stdout
    assert "brokenthing" not in done.stdout
    assert install.installed(env) == [made]
    assert install.find("tiny", env, "cpu") == made
    assert made.versions == {"tinyengine": "1.0", "tinyhelp": "2.0"}
    before = made.executable("python").lstat().st_mtime_ns
    assert install.install(known, env, said) == made
    assert said.lines[-1].startswith("tiny-cpu 1.0 is installed")
    assert made.executable("python").lstat().st_mtime_ns == before
    assert install.remove("tiny", env) == [made]
    assert not made.folder.exists()
    assert install.installed(env) == install.remove("tiny", env) == []


@pytest.mark.usefixtures("quick")
def test_other_pins_are_another_installation(known: Release, env: Environment, wheels: Path) -> None:
    install.install(known, env, Silent())
    wheel(wheels, "tinyhelp", "2.1", "")
    known.lock.write_text("tinyengine==1.0\ntinyhelp==2.1\n", encoding="utf-8")
    assert not install.installed(env)[0].whole
    with pytest.raises(ResourceError, match="seekforge engine install tiny"):
        install.find("tiny", env, "cpu")
    assert install.install(known, env, Silent()).versions["tinyhelp"] == "2.1"


@pytest.mark.usefixtures("quick")
def test_an_installation_that_does_not_start_does_not_count(tmp_path: Path, env: Environment) -> None:
    broken = tiny(tmp_path, check="import tinyengine, notthere")
    with pytest.raises(EngineError, match=r"does not start.*No module named 'notthere'") as caught:
        install.install(broken, env, Silent())
    assert "\n" not in str(caught.value)
    assert not (env.cache / "engines" / "tiny-cpu" / "engine.json").exists()


@pytest.mark.usefixtures("quick")
def test_a_version_that_the_index_lacks_is_taken_from_where_the_user_says(
    tmp_path: Path, env: Environment, wheels: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    wheel(elsewhere, "tinyengine", "3.0+cpu", "")
    wanted = tiny(tmp_path, "tinyengine==3.0+cpu")
    with pytest.raises(EngineError, match=r"pip failed.*tinyengine==3\.0\+cpu.*--find-links"):
        install.install(wanted, env, Silent())
    assert install.install(wanted, env, Silent(), [str(elsewhere)]).version == "3.0+cpu"


def test_too_little_disk_is_said_before(tmp_path: Path, env: Environment) -> None:
    lock = tiny(tmp_path).lock
    large = Release("tiny", "cpu", "tinyengine", lock, "", disk_gib=1 << 40)
    with pytest.raises(ResourceError, match="SEEKFORGE_CACHE"):
        install.install(large, env, Silent())


INSTALL = """
import sys, time
from pathlib import Path
from seekforge.core.config import environment
from seekforge.core.progress import Plain
from seekforge.engines.install import install
from seekforge.engines.releases import Release
lock, stall = Path(sys.argv[1]), sys.argv[2]
check = f"import os, time; print(os.getpid(), file=open({stall!r}, 'w'), flush=True); time.sleep(600)"
install(Release("tiny", "cpu", "tinyengine", lock, check, disk_gib=0.01), environment(), Plain(sys.stdout))
"""


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_broken_off_it_leaves_no_process_and_starts_over(
    known: Release, env: Environment, tmp_path: Path, number: signal.Signals
) -> None:
    stall = tmp_path / "stall"
    parent = subprocess.Popen(
        [sys.executable, "-c", INSTALL, str(known.lock), str(stall)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    wait_for(lambda: stall.exists() and stall.read_text().endswith("\n"), 600)
    with pytest.raises(ResourceError, match="another command"):
        install.install(known, env, Silent())
    child = int(stall.read_text())
    parent.send_signal(number)
    assert parent.wait(LONG) != 0
    parent.stdout.close()
    wait_for(lambda: not alive(child))
    assert not install.installed(env)[0].whole
    said = Silent()
    assert install.install(known, env, said).whole
    assert said.lines[0].startswith("starting over")


def alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.usefixtures("quick")
def test_the_command_line(known: Release, env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner()
    assert run.invoke(app, ["engine", "list"]).stdout == "no engine is installed\n"
    done = run.invoke(app, ["engine", "install", "tiny", "--cpu"])
    assert done.exit_code == 0, done.output
    assert re.search(r"tiny +cpu +1\.0 .*ready", run.invoke(app, ["engine", "list"]).stdout)
    assert isinstance(run.invoke(app, ["engine", "install", "tinny"]).exception, ConfigError)
    (env.cache / "engines" / "tiny-cpu" / "engine.json").unlink()
    assert "seekforge engine install tiny" in run.invoke(app, ["engine", "list"]).stdout
    assert "removed tiny" in run.invoke(app, ["engine", "remove", "tiny"]).stderr
    assert "is not installed" in run.invoke(app, ["engine", "remove", "tiny"]).stderr


@pytest.mark.parametrize("made", RELEASES, ids=lambda made: made.title)
def test_the_locks_pin_everything_once(made: Release) -> None:
    lines = [line for line in made.lock.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    names = [line.partition("==")[0] for line in lines]
    assert len(set(names)) == len(names) == len(made.versions) > 50
    assert names == sorted(names)
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][\w.+]*(; platform_machine == \"x86_64\")?", line) for line in lines)
    assert {made.package, "torch", "transformers"} <= set(names)


@pytest.mark.parametrize("engine", sorted({made.engine for made in RELEASES}))
def test_the_cpu_lock_has_no_cuda_builds(engine: str) -> None:
    versions = release(engine, "cpu").versions
    assert versions["torch"].endswith("+cpu")
    assert not {"torchvision", "torchaudio", "torchcodec"} & set(versions)
    assert not [name for name in versions if name.startswith("nvidia-")]


def test_the_harness_is_one_build_for_every_machine_with_the_versions_that_we_are_tested_with(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against an endpoint it computes nothing; a model that it loads must be computed as ours is."""
    made = release("lm-eval", "cuda")
    assert made.device == "cpu"
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    ours = dict(line.split("==") for line in lines if "==" in line)
    shared = ("torch", "transformers", "tokenizers", "safetensors", "numpy")
    assert [made.versions[name].partition("+")[0] for name in shared] == [ours[name] for name in shared]
    monkeypatch.setattr(install, "this_device", lambda: "cuda")
    with pytest.raises(ResourceError, match=r"Run `seekforge engine install lm-eval`$"):
        install.find("lm-eval", env)
    with pytest.raises(ResourceError, match=r"Run `seekforge engine install vllm --cpu`$"):
        install.find("vllm", env, "cpu")
