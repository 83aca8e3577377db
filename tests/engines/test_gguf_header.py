from pathlib import Path

import gguf
import numpy as np
import pytest

from seekforge.core.errors import ModelError
from seekforge.engines.gguf_header import read_header


def write(path: Path, arch: str = "llama", kind: str = "Q8_0", **skip: bool) -> Path:
    """A GGUF file with one matrix and one vector; it is no model."""
    writer = gguf.GGUFWriter(path, arch)
    writer.add_context_length(64)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["<end>", "a", "b"])
    writer.add_token_types([3, 1, 1])
    writer.add_eos_token_id(0)
    quantised = gguf.GGMLQuantizationType[kind]
    matrix = gguf.quantize(np.ones((32, 256), dtype=np.float32), quantised)
    writer.add_tensor("output_norm.weight", np.ones(64, dtype=np.float32))
    writer.add_tensor("token_embd.weight", matrix, raw_dtype=quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "F16"])
def test_it_says_what_the_file_is(tmp_path: Path, kind: str) -> None:
    header = read_header(write(tmp_path / "m.gguf", kind=kind))
    assert (header.architecture, header.context_length, header.vocabulary) == ("llama", 64, 3)
    assert (header.quantisation, header.types) == (kind, frozenset({kind, "F32"}))
    assert (header.end_tokens, header.control_tokens, header.tokenizer) == (frozenset({0}), frozenset({0}), "gpt2")


def test_it_agrees_with_the_library_on_a_real_file(demo_gguf_q8: Path) -> None:
    header, fields = read_header(demo_gguf_q8), gguf.GGUFReader(demo_gguf_q8).fields
    assert header.context_length == fields["llama.context_length"].contents()
    assert header.vocabulary == len(fields["tokenizer.ggml.tokens"].contents())
    assert header.quantisation == "Q8_0"


@pytest.mark.parametrize("left", [0, 3, 10, 23, 24, 60, 200, -1])
def test_a_file_that_was_cut_off_is_one_line(tmp_path: Path, left: int) -> None:
    whole = write(tmp_path / "m.gguf").read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[:left])
    with pytest.raises(ModelError) as caught:
        read_header(cut)
    assert "cut.gguf" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(ModelError, match="not a GGUF file"):
        read_header(other)
    with pytest.raises(ModelError, match="no such GGUF file"):
        read_header(tmp_path / "none.gguf")


def test_lengths_that_lie_are_refused(tmp_path: Path) -> None:
    lying = tmp_path / "lying.gguf"
    lying.write_bytes(
        b"GGUF" + (3).to_bytes(4, "little") + (1).to_bytes(8, "little") + (2**63).to_bytes(8, "little") * 3
    )
    with pytest.raises(ModelError, match="broken"):
        read_header(lying)
