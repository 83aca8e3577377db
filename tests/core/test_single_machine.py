"""The four-key JSON file of deployment guides."""

import json
from pathlib import Path
from typing import Any

import pytest

from seekforge.core.config.single_machine import MachineSettings, load_single_machine
from seekforge.core.errors import ConfigError

GUIDE = {"device": "cuda:0", "batch_size": 32, "precision": "fp16", "engine_path": "deepseek_trt.engine"}


def written(tmp_path: Path, **changes: Any) -> Path:
    (tmp_path / "model.gguf").touch()
    (tmp_path / "folder").mkdir(exist_ok=True)
    path = tmp_path / "single.json"
    path.write_text(json.dumps({**GUIDE, "engine_path": "model.gguf", **changes}), "utf-8")
    return path


def test_the_guides_file_is_read_and_its_engine_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"'deepseek_trt\.engine' is a TensorRT engine.*\.gguf file.*folder"
    ) as caught:
        load_single_machine(written(tmp_path, **GUIDE))
    assert "\n" not in str(caught.value)


def test_with_a_model_in_the_engines_place_it_is_our_settings(tmp_path: Path) -> None:
    settings = load_single_machine(written(tmp_path))
    assert settings == MachineSettings("cuda", 0, 32, "F16", tmp_path / "model.gguf")
    settings = load_single_machine(written(tmp_path, device="cuda:3", engine_path=str(tmp_path / "folder")))
    assert (settings.device, settings.index, settings.model) == ("cuda", 3, tmp_path / "folder")
    assert load_single_machine(written(tmp_path, device="cpu")).device == "cpu"


@pytest.mark.parametrize(
    ("precision", "expected"), [("fp32", "F32"), ("fp16", "F16"), ("int8", "Q8_0"), ("int4", "Q4_0")]
)
def test_each_precision_is_a_format(tmp_path: Path, precision: str, expected: str) -> None:
    assert load_single_machine(written(tmp_path, precision=precision)).format == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batchsize": 4}, "did you mean 'batch_size'"),
        ({"engine": "x"}, "did you mean 'engine_path'"),
        ({"device": "gpu"}, "device: 'gpu' is no device; write cpu for the processor, cuda for the GPU, cuda:1 for"),
        ({"device": "cuda:x"}, "device: 'cuda:x' is no device"),
        ({"batch_size": 0}, "batch_size"),
        ({"precision": "fp8"}, "precision"),
        ({"engine_path": "none"}, "neither a .gguf file nor a folder"),
        ({"engine_path": ""}, "engine_path"),
        ({"engine_path": "model.plan"}, "TensorRT"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_single_machine(written(tmp_path, **change))
    assert str(tmp_path / "single.json") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\ufeff{}"])
def test_what_is_no_json_object(tmp_path: Path, text: str) -> None:
    path = tmp_path / "single.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError):
        load_single_machine(path)
    with pytest.raises(ConfigError):
        load_single_machine(tmp_path / "none.json")
