"""A Hugging Face folder to a GGUF file, through the `gguf` library.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Block formats (Q8_0: 32 weights share one float16
scale, 8.5 bits a weight; Q4_0: 4.5 bits) are the library's; what is ours is reading the model right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seekforge import __version__
from seekforge.core.errors import ModelError
from seekforge.core.families import Family
from seekforge.core.files import disk_errors, read_json
from seekforge.core.models import family_of_folder, read_config
from seekforge.core.progress import Progress
from seekforge.engines.int8_inputs import STEP_KEY
from seekforge.engines.pretokenizer import gguf_name
from seekforge.engines.tokenizer import NORMALISER_KEY

Array = NDArray[np.float32]
_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5  # gguf's token types
_BLOCK = 32


def export(
    folder: Path, target: Path, file_format: str, progress: Progress, steps: Mapping[str, Array] | None = None
) -> None:
    """Writes `target` from a model folder.

    Args:
        folder: A Hugging Face folder with safetensors and tokenizer.json.
        target: The file to write; it appears only when it is complete.
        file_format: `F16`, `Q8_0` or `Q4_0`.
        progress: Where to say how far it is.
        steps: Of activations, as `activation_steps` has them, for engines that know what to do with them.

    Raises:
        ModelError: The architecture, the tokenizer or a layer's width has no GGUF form.
    """
    import gguf

    family, config = family_of_folder(folder), read_config(folder)
    check_exportable(family, str(folder))
    scratch = target.with_name(f".{target.name}")
    try:
        with disk_errors(target):
            writer = gguf.GGUFWriter(scratch, family.gguf_arch)
            _add_architecture(writer, config, file_format)
            _add_tokenizer(writer, folder, int(config["vocab_size"]))
            for layer, step in (steps or {}).items():
                writer.add_array(STEP_KEY + layer, step.tolist())
            _add_tensors(writer, folder, family, config, file_format, progress)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
            scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)  # half a file, where something failed


def tensor_names(folder: Path) -> Callable[[str], str]:
    """What gives the name in GGUF of a tensor, or of a layer, of a model folder.

    Raises:
        ModelError: When called, the tensor has none.
    """
    import gguf

    family = family_of_folder(folder)
    arch = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == family.gguf_arch)
    names = gguf.get_tensor_name_map(arch, read_config(folder)["num_hidden_layers"])

    def name_of(name: str) -> str:
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise ModelError(f"tensor '{name}' has no name in GGUF", where=str(folder), mend="Serve by vLLM")
        return str(found)

    return name_of


def check_exportable(family: Family, where: str) -> None:
    """Whether a family has a GGUF form that our engines load.

    Raises:
        ModelError: It has none.
    """
    if family.gguf_arch is None:
        raise ModelError(
            f"{family.title} cannot be written as GGUF for our engines",
            where=where,
            mend="Run with --until evaluate, and serve the trained weights by vLLM",
        )


def _add_architecture(writer: Any, config: dict[str, Any], file_format: str) -> None:  # noqa: ANN401
    import gguf

    heads = config["num_attention_heads"]
    head_dim = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_name(Path(str(config.get("_name_or_path") or "model")).name)
    writer.add_description(f"written by seekforge {__version__}")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(_rope_base(config))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{file_format}"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _rope_base(config: dict[str, Any]) -> float:
    """Rotary base; scaled variants (YaRN, Llama 3) are refused: written wrongly they change every answer a little."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind != "default":
        raise ModelError(f"rope scaling '{kind}' is not written to GGUF yet", mend="Serve the merged folder by vLLM")
    return float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0)


def _add_tokenizer(writer: Any, folder: Path, vocabulary: int) -> None:  # noqa: ANN401
    path = folder / "tokenizer.json"
    if not path.exists():
        raise ModelError("no tokenizer.json", where=str(folder), mend="Save the tokenizer with transformers first")
    tree, settings = read_json(path), _tokenizer_settings(folder)
    if tree["model"]["type"] != "BPE" or tree["model"].get("byte_fallback"):
        raise ModelError("only byte-level BPE tokenizers are written to GGUF", where=str(path), mend="Serve by vLLM")
    tokens, types = _tokens(tree, vocabulary)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(gguf_name(tree.get("pre_tokenizer"), str(path)))
    writer.add_string(NORMALISER_KEY, _normaliser(tree.get("normalizer"), str(path)))
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in tree["model"]["merges"]])
    numbers = {token: i for i, token in enumerate(tokens)}
    for add, key in (
        (writer.add_bos_token_id, "bos_token"),
        (writer.add_eos_token_id, "eos_token"),
        (writer.add_pad_token_id, "pad_token"),
        (writer.add_unk_token_id, "unk_token"),
    ):
        if settings.get(key) in numbers:
            add(numbers[settings[key]])
    writer.add_add_bos_token(False)  # the chat template writes it where the model wants one
    writer.add_add_space_prefix(False)
    writer.add_chat_template(settings["chat_template"])


def _normaliser(normaliser: dict[str, Any] | None, where: str) -> str:
    """`NFC` or `none`; GGUF has no word for it, and Qwen's tokenizers compose characters before they cut."""
    kind = (normaliser or {"type": "Sequence", "normalizers": []})["type"]
    if kind == "Sequence" and normaliser is not None and len(normaliser["normalizers"]) == 1:
        return _normaliser(normaliser["normalizers"][0], where)
    if kind == "NFC":
        return "NFC"
    if kind == "Sequence" and not (normaliser or {}).get("normalizers"):
        return "none"
    raise ModelError(f"its normaliser '{kind}' has no form in GGUF", where=where, mend="Serve by vLLM")


def _tokenizer_settings(folder: Path) -> dict[str, Any]:
    settings = read_json(folder / "tokenizer_config.json")
    plain = {k: v["content"] if isinstance(v, dict) and "content" in v else v for k, v in settings.items()}
    template = folder / "chat_template.jinja"
    if template.exists():
        plain["chat_template"] = template.read_text(encoding="utf-8")
    if not plain.get("chat_template"):
        raise ModelError("the tokenizer has no chat template", where=str(folder), mend="Use an instruct model")
    return plain


def _tokens(tree: dict[str, Any], vocabulary: int) -> tuple[list[str], list[int]]:
    """Tokens by number and their types; numbers that the embedding has but no token uses are filled."""
    tokens = [f"[unused{i}]" for i in range(vocabulary)]
    types = [_UNUSED] * vocabulary
    for token, number in tree["model"]["vocab"].items():
        tokens[number], types[number] = token, _NORMAL
    for added in tree.get("added_tokens", []):
        tokens[added["id"]] = added["content"]
        types[added["id"]] = _CONTROL if added["special"] else _USER_DEFINED
    return tokens, types


def _add_tensors(
    writer: Any,  # noqa: ANN401
    folder: Path,
    family: Family,
    config: dict[str, Any],
    file_format: str,
    progress: Progress,
) -> None:
    import gguf

    gguf_name_of = tensor_names(folder)
    wanted = gguf.GGMLQuantizationType[file_format]
    tensors = list(_tensor_names(folder, tied=bool(config.get("tie_word_embeddings"))))
    with progress.task(f"writing {file_format}", len(tensors)) as task:
        for path, name in tensors:
            target = gguf_name_of(name)
            array = _interleaved(_read(path, name), name, family, config)
            # Vectors (norms, biases) are small and touchy: always float32, as llama.cpp keeps them.
            kind = gguf.GGMLQuantizationType.F32 if array.ndim == 1 else _fitting(array, wanted)
            writer.add_tensor(target, gguf.quantize(array, kind), raw_dtype=kind)
            task.advance()


def _fitting(array: Array, wanted: Any) -> Any:  # noqa: ANN401
    """Block formats need rows of a multiple of 32 weights; a narrower layer stays F16."""
    import gguf

    return wanted if array.shape[-1] % _BLOCK == 0 else gguf.GGMLQuantizationType.F16


def _tensor_names(folder: Path, *, tied: bool) -> Iterator[tuple[Path, str]]:
    from safetensors import safe_open

    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118  safe_open is no mapping
                if not (tied and name == "lm_head.weight"):
                    yield path, name


def _read(path: Path, name: str) -> Array:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        array: Array = file.get_tensor(name).float().numpy()
    return array


def _interleaved(array: Array, name: str, family: Family, config: dict[str, Any]) -> Array:
    """Llama's rotary pairs are halves in Hugging Face weights and neighbours in GGUF's."""
    if not family.permute_qk or not name.endswith((".q_proj.weight", ".k_proj.weight")):
        return array
    heads = config["num_attention_heads"]
    if name.endswith(".k_proj.weight"):
        heads = config.get("num_key_value_heads") or heads
    return array.reshape(heads, 2, -1, array.shape[-1]).swapaxes(1, 2).reshape(array.shape)
