"""Every bad input: one line, exit code 2, no traceback, nothing left behind."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Seekforge = Callable[..., Any]
GOOD = {"instruction": "May the card be unblocked?", "output": "Yes, after the check.", "label": "A"}


def lines(*rows: object) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def recipe(work: Path, data: str = "x.jsonl", more: str = "", model: str = "demo") -> Path:
    path = work / "r.yaml"
    path.write_text(f"name: r\nmodel: {model}\ndata:\n  labels: [A, B]\n  sources: [{{path: {data}}}]\n{more}")
    return path


def left_behind(work: Path, runs: Path, before: set[Path]) -> set[Path]:
    return ({*work.rglob("*")} - before) | ({*runs.rglob("*")} if runs.exists() else set())


BAD_DATA = [
    pytest.param("", "x.jsonl: the file has no records", id="empty file"),
    pytest.param(lines(GOOD, '{"instruction": '), "x.jsonl:2: not JSON", id="wrong JSON"),
    pytest.param(
        lines(GOOD, {"messages": []}), "x.jsonl:2: this record is messages, but the file is alpaca", id="mixed"
    ),
    pytest.param(lines(GOOD, GOOD, {"instruction": "q", "label": "A"}), "x.jsonl:3: no answer", id="no answer"),
    pytest.param(lines({**GOOD, "label": "C"}), "x.jsonl:1: label 'C' is not one of A, B", id="label"),
]


@pytest.mark.parametrize(("text", "words"), BAD_DATA)
def test_bad_data_in_a_run(seekforge: Seekforge, work: Path, runs: Path, text: str, words: str) -> None:
    (work / "x.jsonl").write_text(text)
    path, before = recipe(work), {work / "x.jsonl", work / "r.yaml"}
    result = seekforge("run", path, "--until", "data")
    assert (result.code, words in result.error) == (2, True), result.err
    assert left_behind(work, runs, before) == set()


@pytest.mark.parametrize(("text", "words"), BAD_DATA)
def test_bad_data_for_the_data_command(seekforge: Seekforge, work: Path, runs: Path, text: str, words: str) -> None:
    (work / "x.jsonl").write_text(text)
    result = seekforge("data", "x.jsonl", "--out", "clean", "--label", "A", "--label", "B")
    assert (result.code, words in result.error) == (2, True), result.err
    assert left_behind(work, runs, {work / "x.jsonl"}) == set()


def test_a_missing_data_file(seekforge: Seekforge, work: Path, runs: Path) -> None:
    path = recipe(work)
    for arguments in (("run", path), ("data", "x.jsonl", "--out", "clean")):
        result = seekforge(*arguments)
        assert result.code == 2
        assert "x.jsonl: no such data file. Correct the path" in result.error
        assert left_behind(work, runs, {path}) == set()


@pytest.mark.parametrize(
    ("more", "arguments", "words"),
    [
        ("", ["--from", "trian"], "--from: unknown stage 'trian'. did you mean 'train'?"),
        ("", ["--until", "deploy"], "--until: unknown stage 'deploy'"),
        ("", ["--from", "serve", "--until", "data"], "--from serve comes after --until data"),
        ("train:\n  epoch: 2\n", [], "r.yaml:7: train: unknown key 'epoch'; did you mean 'epochs'?"),
        ("train:\n  epochs: two\n", [], "r.yaml:7: train.epochs: Input should be a valid number"),
        ("train:\n  epochs: two\n", [], "parse string as a number, not 'two'"),
        ("train:\n  epochs: 2\n", ["--set", "train.epoch=2"], "--set train.epoch: train: unknown key 'epoch'; did you"),
        ("train:\n  epochs: 2\n", ["--set", "train.epochs=two"], "--set train.epochs: Input should"),
        ("train:\n  epoch: 2\n", ["--set", "train.epochs=2"], "r.yaml:7: train: unknown key 'epoch'"),
        ("", ["--set", "trian.lora.rank=2"], "--set trian.lora.rank: unknown key 'trian'; did you mean 'train'?"),
        ("gates:\n  evalute.f1: '> 0'\n", [], "no stage 'evalute' measures 'evalute.f1'. did you mean 'evaluate'?"),
        ("train: [\n", [], "r.yaml: not YAML"),
        ("gates:\n  a.b: high\n", [], "r.yaml:7: gates: a.b: 'high' is no gate rule"),
        ("", ["--set", "train.epochs"], "--set: 'train.epochs' is no setting"),
        ("", ["--set", "gates.data.leaks=few"], "--set gates.data.leaks: gates: data.leaks: 'few' is no gate rule"),
    ],
)
def test_bad_recipes_and_options(
    seekforge: Seekforge, work: Path, runs: Path, good: Path, more: str, arguments: list[str], words: str
) -> None:
    path = recipe(work, good.name, more)
    result = seekforge("run", path, *arguments)
    assert (result.code, words in result.error) == (2, True), result.err
    assert left_behind(work, runs, {path, good}) == set()


def test_a_missing_recipe(seekforge: Seekforge, work: Path, runs: Path) -> None:
    result = seekforge("run", "none.yaml")
    assert result.code == 2
    assert result.error.startswith("none.yaml: no such recipe file.")
    assert left_behind(work, runs, set()) == set()


def test_a_model_folder_without_weights(seekforge: Seekforge, work: Path, runs: Path, good: Path) -> None:
    (work / "model").mkdir()
    config = work / "model" / "config.json"
    config.write_text('{"model_type": "qwen2"}')
    path = recipe(work, good.name, model=str(work / "model"))
    before = {path, good, config.parent, config}
    for arguments in (
        ("run", path),
        ("train", "--model_name", "model", "--train_data", good, "--output_dir", "tuned"),
        ("compress", "model", "--out", "small"),
        ("chat", "model", "-m", "hello"),
        ("evaluate", "model", good),
        ("serve", "model"),
    ):
        result = seekforge(*arguments)
        assert result.code == 2, arguments
        assert "model: model folder without weights (*.safetensors). Fetch the model again" in result.error
        assert left_behind(work, runs, before) == set(), arguments


def test_a_model_that_is_nowhere(seekforge: Seekforge, work: Path, runs: Path, good: Path) -> None:
    for arguments in (
        ("train", "--model_name", "nosuch", "--train_data", good, "--output_dir", "tuned"),
        ("compress", "nosuch", "--out", "small"),
        ("chat", "nosuch", "-m", "hello"),
    ):
        result = seekforge(*arguments)
        assert (result.code, "nosuch: no such model. Give `demo`," in result.error) == (2, True), arguments
        assert left_behind(work, runs, {good}) == set(), arguments


def test_options_of_single_commands(seekforge: Seekforge, work: Path, runs: Path, good: Path) -> None:
    train = ("train", "--model_name", "demo", "--train_data", good, "--output_dir", "tuned")
    for arguments, words in (
        (("data", good, "--out", "clean", "--threshold", "7"), "--threshold: threshold: Input should be less than"),
        (("data", good, "--out", "clean", "--ops", "exakt"), "--ops: unknown op 'exakt'. did you mean 'exact'?"),
        (("compress", "demo", "--out", "small", "--format", "Q9"), "--format: formats.0: Input should be 'F16'"),
        (("evaluate", "demo", good, "--metric", "f2"), "unknown metric 'f2'. did you mean 'f1'?"),
        (("evaluate", "comapre", good, good), "evaluate: no command and no model 'comapre'. Did you mean 'compare'?"),
        ((*train, "--method", "prefix"), "seekforge train: method: Input should be 'auto', 'lora', 'qlora' or 'full'"),
        ((*train, "--epochs", "0"), "seekforge train: epochs: Input should be greater than 0"),
    ):
        result = seekforge(*arguments)
        assert (result.code, words in result.error) == (2, True), result.err
        assert left_behind(work, runs, {good}) == set(), arguments


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["run"],
        ["run", "x.yaml", "--nosuch"],
        ["data", "x.jsonl"],
        ["data", "x.jsonl", "--out", "clean", "--seed", "-1"],
        ["evaluate", "demo", "x.jsonl", "--limit", "0"],
        ["serve", "demo", "--port", "99999"],
        ["chat", "demo", "--temperature", "9"],
    ],
)
def test_usage_errors_exit_with_2(seekforge: Seekforge, work: Path, arguments: list[str]) -> None:
    result = seekforge(*arguments)
    assert result.code == 2
    assert "Error: " in result.err
    assert "Traceback" not in result.err
    assert list(work.iterdir()) == []


def test_a_failed_run_leaves_latest_where_it_was(seekforge: Seekforge, work: Path, runs: Path, good: Path) -> None:
    for number, name in ((1, "zebra-1"), (2, "apple-1")):  # the later run has the earlier name
        folder = runs / name
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"recipe": str(number), "done": True}))
    (runs / "latest").symlink_to("apple-1")
    (work / "x.jsonl").write_text("{\n")
    result = seekforge("run", recipe(work), "--until", "data")
    assert result.code == 2
    assert sorted(path.name for path in runs.iterdir()) == ["apple-1", "latest", "zebra-1"]
    assert (runs / "latest").readlink() == Path("apple-1")


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("x.jsonl", "a file, not a folder. Name a new folder"),
        ("x.jsonl/clean", "x.jsonl: cannot be written: file exists"),
        ("theirs", "the output folder is not empty. Name a new folder"),
        ("n" * 300, "File name too long. Check the path"),
    ],
)
def test_an_output_that_cannot_be(seekforge: Seekforge, work: Path, good: Path, out: str, words: str) -> None:
    (work / "theirs").mkdir()
    (work / "theirs" / "manifest.json").write_text('{"name": "of another program"}')
    (work / "x.jsonl").write_bytes(good.read_bytes())
    before = {*work.rglob("*")}
    result = seekforge("data", "x.jsonl", "--out", out)
    assert (result.code, words in result.error) == (2, True), result.err
    assert {*work.rglob("*")} == before


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (
            FileNotFoundError(2, "No such file or directory", "/a/b"),
            2,
            "/a/b: No such file or directory. Check the path",
        ),
        (ModuleNotFoundError("x", name="sklearn.svm"), 2, "the package sklearn is not installed. Install it"),
        (KeyError("x"), 1, "unexpected KeyError: 'x'. This is a fault of seekforge"),
    ],
)
def test_what_nobody_foresaw_is_one_line_too(
    seekforge: Seekforge, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, words: str
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr("seekforge.cli.app.app", fail)
    result = seekforge("doctor")
    assert (result.code, result.error.startswith(words)) == (code, True), result.err


def test_the_installed_command_says_one_line_and_debug_shows_the_traceback(work: Path) -> None:
    command = [str(Path(sys.executable).with_name("seekforge")), "run", "none.yaml"]
    short = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (short.returncode, short.stdout) == (2, "")
    assert short.stderr == (
        "seekforge: none.yaml: no such recipe file. `ls recipes/` shows those that come with seekforge\n"
    )
    for arguments in (["--debug", *command[1:]], [*command[1:], "--debug"]):
        long = subprocess.run([command[0], *arguments], capture_output=True, text=True, check=False)
        assert long.returncode != 0
        assert long.stderr.startswith("Traceback (most recent call last)")
        assert "load.py" in long.stderr
        assert "ConfigError: none.yaml: no such recipe file" in long.stderr
