"""From any reference to a Hugging Face folder: a GGUF file comes back as what it was made from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engines import tiny

from seekforge.compress.gguf import export
from seekforge.core.config import Environment
from seekforge.core.errors import ModelError
from seekforge.core.models import ModelRef, resolve
from seekforge.core.progress import Silent
from seekforge.engines.weights import hf_folder
from seekforge.evaluate.parity import PROBES

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)


def machine(folder: Path) -> Environment:
    return Environment(folder / "runs", folder / "cache", "")


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_a_gguf_file_comes_back_as_the_folder_it_was(kind: str, tmp_path: Path) -> None:
    import torch

    from seekforge.engines.transformers import TransformersEngine

    # transformers does not read the head size of a Qwen3 file; all that are published have 128, its default.
    folder = tiny.make(tmp_path / "model", kind, **({"head_dim": 128} if kind == "qwen3" else {}))
    export(folder, tmp_path / "m.gguf", "F16", Silent())
    back = hf_folder(resolve(str(tmp_path / "m.gguf")), machine(tmp_path), Silent())
    before, after = TransformersEngine(folder, "float32"), TransformersEngine(back, "float32")
    assert [before.encode(text) for text in PROBES] == [after.encode(text) for text in PROBES]
    chat = [{"role": "user", "content": PROBES[0]}]
    assert before.render(chat) == after.render(chat)
    assert before.end_token == after.end_token
    ids = before.encode(before.render(chat))
    # bfloat16 weights fit into float16 but for those that are nearly nothing.
    torch.testing.assert_close(before.logits(ids[:4], ids[4:]), after.logits(ids[:4], ids[4:]), atol=1e-2, rtol=1e-2)


def test_it_is_converted_once_and_again_after_a_kill(tmp_path: Path) -> None:
    export(tiny.make(tmp_path / "model", "qwen2"), tmp_path / "m.gguf", "F16", Silent())
    ref, progress = resolve(str(tmp_path / "m.gguf")), Silent()
    folder = hf_folder(ref, machine(tmp_path), progress)
    assert hf_folder(ref, machine(tmp_path), progress) == folder
    assert len(progress.lines) == 1
    (folder / ".complete").unlink()  # what a kill in the middle leaves
    (folder / "model.safetensors").write_bytes(b"half")
    assert hf_folder(ref, machine(tmp_path), progress) == folder
    assert len(progress.lines) == 2
    assert (folder / "model.safetensors").stat().st_size > 1000


def test_another_file_of_the_same_name_is_another_folder(tmp_path: Path) -> None:
    folders = set()
    for kind in ("qwen2", "smollm"):
        export(tiny.make(tmp_path / kind / "model", kind), tmp_path / kind / "m.gguf", "F16", Silent())
        folders.add(hf_folder(resolve(str(tmp_path / kind / "m.gguf")), machine(tmp_path), Silent()))
    assert len(folders) == 2


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = tiny.make(tmp_path / "model", "llama")
    assert hf_folder(resolve(str(folder)), machine(tmp_path), Silent()) == folder
    assert not (tmp_path / "cache").exists()


def test_a_file_that_is_no_gguf_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + bytes(40))
    with pytest.raises(ModelError) as caught:
        hf_folder(ModelRef(str(path), "gguf", path), machine(tmp_path), Silent())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_transformers_reads_wrongly_is_one_line(tmp_path: Path) -> None:
    export(tiny.make(tmp_path / "model", "qwen3", head_dim=32), tmp_path / "m.gguf", "F16", Silent())
    with pytest.raises(ModelError, match="cannot be read"):
        hf_folder(resolve(str(tmp_path / "m.gguf")), machine(tmp_path), Silent())


def test_a_hub_model_without_network_is_one_line(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from seekforge.core.config import Environment\n"
        "from seekforge.core.errors import ModelError\n"
        "from seekforge.core.models import resolve\n"
        "from seekforge.core.progress import Silent\n"
        "from seekforge.engines.weights import hf_folder\n"
        "try:\n"
        "    hf_folder(resolve('deepseek-ai/DeepSeek-V2-Lite-Chat'), Environment(Path('.'), Path('.'), ''), Silent())\n"
        "except ModelError as error:\n"
        "    print(error)\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "deepseek-ai/DeepSeek-V2-Lite-Chat: not on this machine and the hub cannot be reached. "
        "Download it elsewhere and give its folder, or set HF_ENDPOINT to a mirror"
    ]
