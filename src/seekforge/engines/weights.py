"""From a model reference to a Hugging Face folder on disk, whatever it was before."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from seekforge.core.config import Environment
from seekforge.core.config.environment import quiet_libraries
from seekforge.core.errors import ModelError
from seekforge.core.files import disk_errors, read_json, write_json
from seekforge.core.models import ModelRef, fingerprint
from seekforge.core.progress import Progress
from seekforge.engines.pretokenizer import definition

_DONE = ".complete"


def hf_folder(ref: ModelRef, environment: Environment, progress: Progress) -> Path:
    """The model as a Hugging Face folder: itself, fetched from the hub, or converted from GGUF once and kept.

    Raises:
        ModelError: The hub cannot be reached or has no such model, or the GGUF file cannot be read.
    """
    if ref.kind == "folder" and ref.path is not None:
        return ref.path
    if ref.kind == "hub":
        return _from_hub(ref.text)
    assert ref.path is not None
    folder = environment.cache / "models" / f"{ref.path.stem}-{fingerprint(ref)[:12]}"
    if not (folder / _DONE).exists():
        progress.say(f"converting {ref.path.name} to a Hugging Face folder (once)")
        shutil.rmtree(folder, ignore_errors=True)
        with disk_errors(folder):
            folder.mkdir(parents=True)
            _dequantise(ref.path, folder)
            (folder / _DONE).touch()
    return folder


def config_folder(ref: ModelRef, environment: Environment, progress: Progress) -> Path:
    """As `hf_folder`, but of a model on the hub the configuration alone.

    Raises:
        ModelError: As `hf_folder`.
    """
    if ref.kind == "hub":
        return _from_hub(ref.text, ["config.json"])
    return hf_folder(ref, environment, progress)


def _from_hub(hub_id: str, patterns: list[str] | None = None) -> Path:
    quiet_libraries()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    weights = patterns is None
    patterns = patterns or ["*.json", "*.jinja", "*.safetensors", "*.model", "*.spm", "*.txt"]
    try:
        folder = Path(snapshot_download(hub_id, allow_patterns=patterns))
        if weights and next(folder.glob("*.safetensors"), None) is None:  # older models have PyTorch's own format only
            folder = Path(snapshot_download(hub_id, allow_patterns=[*patterns, "pytorch_model*.bin"]))
        return folder
    except LocalEntryNotFoundError as error:
        raise ModelError(
            "not on this machine and the hub cannot be reached",
            where=hub_id,
            mend="Download it elsewhere and give its folder, or set HF_ENDPOINT to a mirror",
        ) from error
    except HfHubHTTPError as error:
        raise ModelError(
            "the hub has no such model for you",
            where=hub_id,
            mend="Check the name; for gated models run `hf auth login`",
        ) from error


def _dequantise(gguf_file: Path, folder: Path) -> None:
    quiet_libraries()
    import torch
    from gguf import GGUFReader
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        reader = GGUFReader(gguf_file)
        source = {"gguf_file": gguf_file.name}
        tokenizer = AutoTokenizer.from_pretrained(gguf_file.parent, **source)
        model = AutoModelForCausalLM.from_pretrained(gguf_file.parent, dtype=torch.bfloat16, **source)
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"cannot be read ({error})",
            where=str(gguf_file),
            mend="Give a Llama, Qwen2 or Qwen3 GGUF, or a model folder",
        ) from error
    # The loader leaves the quantiser attached although the weights are full again; saving would be refused.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _restore_pretokenizer(folder, reader, str(gguf_file))


def _restore_pretokenizer(folder: Path, reader: Any, where: str) -> None:  # noqa: ANN401  gguf has no types
    """The loader always writes GPT-2's pre-tokeniser; SmolLM2 would then meet joined digits that it never saw."""
    field = reader.get_field("tokenizer.ggml.pre")
    path = folder / "tokenizer.json"
    if field is None or not path.exists():
        return
    tree = read_json(path)
    tree["pre_tokenizer"] = definition(str(field.contents()), where)
    write_json(path, tree)
