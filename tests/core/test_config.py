"""Recipes: what is read, and the one line that every mistake gets."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import seekforge.core.config as config_package
from seekforge.core.config import Config, Recipe, load_recipe, validate
from seekforge.core.config.environment import environment, worker_environment
from seekforge.core.errors import ConfigError

ROOT = Path(__file__).parents[2]
RECIPE = """\
name: tiny
model: demo
seed: 7
data:
  sources:
    - path: records/a.jsonl
  labels: [PASS, FAIL]
  ops:
    - op: normalise
    - op: minhash
      threshold: 0.7
train:
  epochs: 1
  lora: {rank: 16, alpha: 32}
gates:
  data.leaks: "== 0"
  evaluate.accuracy: ">= 0.9"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def problem(path: Path, old: str = "", new: str = "", *overrides: str) -> str:
    """What the user reads when `old` is written as `new`."""
    assert old in RECIPE
    path.write_text(RECIPE.replace(old, new, 1) if old else RECIPE, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_recipe(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_that_ships_is_valid_and_finds_its_files(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert recipe.gates
    for source in recipe.data.sources:
        assert source.path.is_absolute()
        made_later = source.path.stem.startswith("your_") or (source.path.parent / "make.py").is_file()
        assert source.path.is_file() or made_later


def test_recipe_is_read(file: Path) -> None:
    recipe = load_recipe(file)
    assert recipe.data.sources[0].path == file.parent / "records" / "a.jsonl"
    assert recipe.data.labels == ("PASS", "FAIL")
    assert [op.op for op in recipe.data.ops] == ["normalise", "minhash"]
    assert (recipe.train.epochs, recipe.train.lora.alpha) == (1, 32)
    assert [(gate.name, gate.rule) for gate in recipe.gate_list()] == [
        ("data.leaks", "== 0"),
        ("evaluate.accuracy", ">= 0.9"),
    ]


def test_a_recipe_with_gates_promises_parity_and_may_say_otherwise(file: Path) -> None:
    tree = {"name": "a", "model": "demo", "data": {"sources": [{"path": "a.jsonl"}]}}
    assert [(gate.name, gate.rule) for gate in load_recipe(file).standing_gates()] == [("parity.over_budget", "== 0")]
    assert not Recipe.model_validate({**tree, "gates": {}}).standing_gates()
    assert not Recipe.model_validate({**tree, "gates": {"parity.over_budget": "<= 2"}}).standing_gates()


def test_a_missing_key_is_named_with_what_it_is(file: Path) -> None:
    message = problem(file, "op: minhash\n      threshold: 0.7", "op: facts")
    assert "data.ops.1: the key 'knowledge' is missing. Facts as .jsonl" in message
    assert ": the key 'name' is missing. " in problem(file, "name: tiny\n", "")


@pytest.mark.parametrize(
    ("old", "new", "line", "nearest"),
    [
        ("seed: 7", "sed: 7", 3, "unknown key 'sed'; did you mean 'seed'?"),
        ("  epochs: 1", "  epoch: 1", 13, "train: unknown key 'epoch'; did you mean 'epochs'?"),
        ("rank: 16", "rnk: 16", 14, "train.lora: unknown key 'rnk'; did you mean 'rank'?"),
        ("threshold: 0.7", "treshold: 0.7", 11, "data.ops.1: unknown key 'treshold'; did you mean 'threshold'?"),
        ("- path:", "- pth:", 6, "data.sources.0: unknown key 'pth'; did you mean 'path'?"),
        ("seed: 7", "zzzzzz: 7", 3, "unknown key 'zzzzzz'; known: compress, data,"),
    ],
)
def test_unknown_key_names_itself_the_nearest_and_its_line(
    file: Path, old: str, new: str, line: int, nearest: str
) -> None:
    message = problem(file, old, new)
    assert message.startswith(f"{file}:{line}: ")
    assert nearest in message


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "word"),
    [
        ("epochs: 1", "epochs: many", 13, "train.epochs", "number"),
        ("seed: 7", "seed: -1", 3, "seed", "greater than or equal to 0"),
        ("threshold: 0.7", "threshold: 7", 11, "data.ops.1.threshold", "less than or equal to 1"),
        ("[PASS, FAIL]", "7", 7, "data.labels", "tuple"),
        ("[PASS, FAIL]", "[YES, NO]", 7, "data.labels.0", "Quote it: YAML reads yes, no, on and off as true and false"),
        ("name: tiny", "name: ../up", 1, "name", "pattern"),
        ("op: minhash", "op: simhash", 10, "data.ops.1", "'normalise', 'exact', 'minhash'"),
        ("rank: 16", "rank: 0", 14, "train.lora.rank", "greater than or equal to 1"),
        ('"== 0"', "0", 16, "gates.data.leaks", "string"),
        ('"== 0"', '"=! 0"', 16, "data.leaks: '=! 0' is no gate rule", "such as '>= 0.9'"),
        ('">= 0.9"', '"high"', 17, "evaluate.accuracy: 'high' is no gate rule", "such as '>= 0.9'"),
        ("model: demo\n", "", 1, "model", "is missing"),
    ],
)
def test_wrong_value_names_the_key_and_its_line(file: Path, old: str, new: str, line: int, key: str, word: str) -> None:
    message = problem(file, old, new)
    assert message.startswith(f"{file}:{line}: ")
    assert key in message
    assert word in message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[PASS, FAIL]", "[PASS, FAIL", "on line 8"),
        ("seed: 7", "seed: [7", "on line 4"),
        ('"== 0"', "== 0: 1", "on line 16"),
        ("seed: 7", "seed: 2024-13-45", "month must be in 1..12"),
        ("seed: 7", "seed: " + "[" * 600, "nested too deep"),
        ("name: tiny", "name: !!python/object:os.system {}", "could not determine a constructor"),
        ("name: tiny", "name: \x01", "not YAML"),
    ],
)
def test_bad_yaml_is_one_line(file: Path, old: str, new: str, words: str) -> None:
    message = problem(file, old, new)
    assert message.startswith(f"{file}: not YAML: ")
    assert words in message


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words"])
def test_a_recipe_must_be_a_mapping(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match="a recipe is a mapping of keys"):
        load_recipe(file)


def test_missing_and_undecodable_files(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ConfigError, match="no such recipe file") as caught:
            load_recipe(path)
        assert caught.value.where == str(path)
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"name: caf\xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [("seed: 1\nname: x\nseed: 2\n", 3, "seed"), ("name: x\ndata:\n  system: a\n  system: b\n", 4, "system")],
)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, text: str, line: int, key: str) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"twice\.yaml:{line}: the key '{key}' stands twice\. Leave one"):
        load_recipe(path)


def test_set_reads_values_as_yaml(file: Path) -> None:
    recipe = load_recipe(
        file,
        [
            "train.epochs=2.5",
            "train.lora.rank=4",
            "data.labels=[A, B, C]",
            "data.leak.drop=false",
            "evaluate.metrics=[f1, rougeL]",
            "description=a = b",
            "seed=8",
            "seed=9",
        ],
    )
    assert (recipe.train.epochs, recipe.train.lora.rank, recipe.train.lora.alpha) == (2.5, 4, 32)
    assert recipe.data.labels == ("A", "B", "C")
    assert recipe.data.leak.drop is False
    assert recipe.evaluate.metrics == ("f1", "rougeL")
    assert (recipe.description, recipe.seed) == ("a = b", 9)


def test_set_reaches_gates_by_the_name_of_their_measurement(file: Path) -> None:
    recipe = load_recipe(
        file, ["gates.evaluate.accuracy=>= 0.5", "gates.data.leaks=> 5", "gates.parity.f16_agreement===1"]
    )
    assert recipe.gates == {"data.leaks": "> 5", "evaluate.accuracy": ">= 0.5", "parity.f16_agreement": "==1"}
    assert load_recipe(file, ["gates={}"]).gates == {}


def test_set_fills_a_section_that_is_empty_in_the_file(file: Path) -> None:
    file.write_text(RECIPE.replace("  epochs: 1\n  lora: {rank: 16, alpha: 32}\n", ""))
    assert load_recipe(file, ["train.epochs=2"]).train.epochs == 2


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.epochs", "'train.epochs' is no setting"),
        ("=1", "'=1' is no setting"),
        ("seed.x=1", "'seed' in 'seed.x' has no keys of its own"),
        ("data.sources.0.path=x", "'sources' in 'data.sources.0.path' has no keys of its own"),
        ("seed=[1", "'[1' is not YAML"),
        ("seed=2024-13-45", "'2024-13-45' is not YAML"),
        ("train.epoch=1", "train: unknown key 'epoch'; did you mean 'epochs'?"),
        ("gates.data.leaks=many", "data.leaks: 'many' is no gate rule"),
    ],
)
def test_wrong_set_is_one_line(file: Path, override: str, words: str) -> None:
    assert words in problem(file, "", "", override)


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@, \n0?.", max_size=60) | st.text(max_size=30))
def test_no_text_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises(ConfigError) as caught:
        load_recipe(path)
    assert "\n" not in str(caught.value)


def test_recipes_are_frozen(file: Path) -> None:
    recipe = load_recipe(file)
    for model, name in ((recipe, "seed"), (recipe.train, "epochs"), (recipe.data.sources[0], "path")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, name, 1)


def models(model: type[Config] = Config) -> Iterator[type[Config]]:
    for child in model.__subclasses__():
        yield child
        yield from models(child)


def test_every_field_of_every_config_is_described() -> None:
    found = set(models())
    assert {Recipe, config_package.TrainConfig, config_package.MinhashConfig} <= found
    bare = [f"{m.__name__}.{name}" for m in found for name, field in m.model_fields.items() if not field.description]
    assert not bare
    for model in found:
        assert model.model_config["frozen"] and model.model_config["extra"] == "forbid", model
        assert model.__bases__ == (Config,), f"{model} inherits; compose it"


def test_learning_rate_follows_the_method() -> None:
    rates = [validate(config_package.TrainConfig, {"method": m}, "x").rate for m in ("lora", "qlora", "full")]
    assert rates == [3e-4, 3e-4, pytest.approx(3e-5)]
    assert validate(config_package.TrainConfig, {"learning_rate": 0.5}, "x").rate == 0.5


def test_layers_go_before_the_file_key_by_key_and_set_before_both(file: Path, tmp_path: Path) -> None:
    layer = tmp_path / "best.yaml"
    layer.write_text("train: {epochs: 9, lora: {rank: 3}}\nsearch: {trials: 5}\n", encoding="utf-8")
    before, after = load_recipe(file, ["train.lora.alpha=7"]), load_recipe(file, ["train.lora.alpha=7"], [layer])
    assert (after.train.epochs, after.train.lora.rank, after.train.lora.alpha, after.search.trials) == (9, 3, 7, 5)
    changed = {"epochs": 9, "lora": after.train.lora}
    assert after.train == before.train.model_copy(update=changed), "what the layer does not name stays"
    assert load_recipe(file, ["train.epochs=2"], [layer]).train.epochs == 2
    layer.write_text("train: {epoch: 9}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown key 'epoch'; did you mean 'epochs'"):
        load_recipe(file, [], [layer])


def test_workers_have_a_device_each_and_a_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert "CUDA_VISIBLE_DEVICES" not in worker_environment(0, threads=1, devices=0)
    assert [worker_environment(n, 1, 2)["CUDA_VISIBLE_DEVICES"] for n in range(3)] == ["0", "1", "0"]
    assert worker_environment(0, threads=3, devices=0)["OMP_NUM_THREADS"] == "3"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 6")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert worker_environment(1, 1, 2)["CUDA_VISIBLE_DEVICES"] == "6"
    assert worker_environment(1, 1, 2)["OMP_NUM_THREADS"] == "2", "what the user has set stays"


def test_environment_is_read_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEEKFORGE_RUNS", str(tmp_path / "r"))
    monkeypatch.setenv("SEEKFORGE_CACHE", "~/somewhere")
    found = environment()
    assert found.runs == tmp_path / "r"
    assert found.cache == Path.home() / "somewhere"
    assert found.tracking_uri == f"sqlite:///{tmp_path / 'r' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracker:5000")
    monkeypatch.delenv("SEEKFORGE_RUNS")
    monkeypatch.chdir(tmp_path)
    assert environment().tracking_uri == "http://tracker:5000"
    assert environment().runs == tmp_path / "runs"
