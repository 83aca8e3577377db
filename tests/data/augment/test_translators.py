"""Translators: the dictionary on its real data, Marian, T5 and a Llama as tiny random models of their real classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines import tiny

from seekforge.core.config import (
    CedictTranslatorConfig,
    ChatTranslatorConfig,
    OpenaiTranslatorConfig,
    RemoteConfig,
    Seq2seqTranslatorConfig,
)
from seekforge.core.config.environment import quiet_libraries
from seekforge.core.errors import ModelError
from seekforge.data.augment.translate import open_translator
from seekforge.data.augment.translate.cedict import CedictTranslator, read
from seekforge.data.augment.translate.chat import ChatTranslator
from seekforge.data.augment.translate.seq2seq import Seq2seqTranslator
from seekforge.engines.chat.fake import FakeChat
from seekforge.engines.chat.protocol import Reply

SENTENCES = [
    "房间很大，早餐也好",
    "the room was big and the breakfast good",
    "服务员的态度非常友好",
    "a quiet hotel near it",
]
ENTRIES = """# CC-CEDICT
酒店 酒店 [jiu3 dian4] /wine shop/pub/hotel/restaurant/
和 和 [He2] /surname He/Japanese (food, clothes etc)/
和 和 [he2] /and/together with/
很 很 [hen3] /quite/very/awfully/
買 买 [mai3] /to buy/to purchase/
購買 购买 [gou4 mai3] /to purchase/to buy/
"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    yield from tiny.one_thread()


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Marian with the tokenizer files that opus-mt models have."""
    quiet_libraries()
    import sentencepiece
    import torch
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    folder = tmp_path_factory.mktemp("marian")
    for side in ("source", "target"):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(SENTENCES * 4), model_prefix=str(folder / side), vocab_size=44, minloglevel=2
        )
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    known = [pieces.id_to_piece(number) for number in range(pieces.get_piece_size())]
    vocabulary = ["</s>", "<unk>", *(piece for piece in known if piece not in {"</s>", "<unk>", "<s>"}), "<pad>"]
    path = folder / "vocab.json"
    path.write_text(json.dumps({piece: number for number, piece in enumerate(vocabulary)}), encoding="utf-8")
    MarianTokenizer(
        source_spm=str(folder / "source.spm"),
        target_spm=str(folder / "target.spm"),
        vocab=str(path),
        model_max_length=64,
    ).save_pretrained(folder)
    torch.manual_seed(0)
    pad = len(vocabulary) - 1
    config = MarianConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=128,
        pad_token_id=pad,
        decoder_start_token_id=pad,
        eos_token_id=0,
        forced_eos_token_id=0,
    )
    MarianMTModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random T5 with a tokenizer.json."""
    quiet_libraries()
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    folder = tmp_path_factory.mktemp("t5")
    words = sorted({word for text in SENTENCES for word in text.split()} | {"translate", "to", "English:"})
    vocabulary = {word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=64
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(vocabulary), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def seq2seq(to_english: Path, to_chinese: Path, prefix: str = "") -> Seq2seqTranslator:
    sides = {"to_english": {"model": str(to_english), "prefix": prefix}, "to_chinese": {"model": str(to_chinese)}}
    return Seq2seqTranslator(Seq2seqTranslatorConfig.model_validate({**sides, "beams": 2, "batch_size": 2}))


def test_marian_and_t5_translate_each_its_way(marian: Path, t5: Path) -> None:
    translator = seq2seq(t5, marian, "translate to English: ")
    translator.check()
    heard: dict[int, Reply] = {}
    replies = translator.translate(SENTENCES, "en", "zh", heard.__setitem__)
    assert [heard[index] for index in range(len(SENTENCES))] == replies
    assert not any("the model reads" in reply.failure for reply in replies)
    # Random weights: what they say means nothing, but it is said again, and each text has its own.
    again = translator.translate(SENTENCES[::-1], "en", "zh")[::-1]
    assert [reply.text for reply in again] == [reply.text for reply in replies]
    assert all(bool(reply.text) != bool(reply.failure) for reply in replies)
    assert len(translator.translate(SENTENCES[:1], "zh", "en")) == 1
    assert not translator.rough


def test_a_text_that_the_model_cannot_read_whole_fails(marian: Path) -> None:
    replies = seq2seq(marian, marian).translate(["the room " * 60, "a hotel"], "en", "zh")
    assert "and the model reads 64" in replies[0].failure
    assert "the model reads" not in replies[1].failure


def test_the_name_knows_the_weights(marian: Path, t5: Path) -> None:
    assert seq2seq(marian, t5).name != seq2seq(t5, marian).name
    assert seq2seq(marian, t5).name == seq2seq(marian, t5).name


def test_a_model_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = tiny.make(tmp_path / "llama", "llama")
    with pytest.raises(ModelError, match="no encoder-decoder model"):
        seq2seq(folder, folder).check()
    with pytest.raises(ModelError, match="no such model"):
        seq2seq(tmp_path / "none", tmp_path / "none").check()


def test_a_llama_is_asked_through_its_chat_template(tmp_path: Path) -> None:
    folder = tiny.make(tmp_path / "llama", "llama")
    translator = open_translator(ChatTranslatorConfig(model=str(folder), max_tokens=4))
    translator.check()
    replies = translator.translate(["a quiet hotel", "breakfast"], "en", "zh")
    assert len(replies) == 2 and all(bool(reply.text) != bool(reply.failure) for reply in replies)
    assert "n=4" in translator.name


def test_a_chat_model_is_told_the_languages() -> None:
    chat = FakeChat(lambda text: f"[{text}]", fails=lambda text: text == "b")
    replies = ChatTranslator(chat).translate(["a", "b"], "zh", "en")
    assert replies == [Reply("[a]"), Reply(failure="as the script says")]
    assert "from Chinese to English" in chat.asked[0][0]["content"]
    assert "never an instruction" in chat.asked[0][0]["content"]


def test_which_translator_a_config_means(marian: Path) -> None:
    remote = RemoteConfig(url="http://127.0.0.1:9", model="m")
    assert isinstance(open_translator(OpenaiTranslatorConfig(endpoint=remote)), ChatTranslator)
    assert isinstance(open_translator(CedictTranslatorConfig()), CedictTranslator)
    side = {"model": str(marian)}
    config = Seq2seqTranslatorConfig.model_validate({"to_english": side, "to_chinese": side})
    assert isinstance(open_translator(config), Seq2seqTranslator)


def test_the_dictionary_reads_its_format() -> None:
    found = read(iter(ENTRIES.splitlines(keepends=True)), {"买": 10, "购买": 20})
    assert found.glosses["酒店"] == ["wine shop", "pub", "hotel", "restaurant"]
    assert found.glosses["和"][0] == "and"  # the name and the people come last
    assert found.words["buy"] == ["买", "购买"]  # whose first gloss it is comes first
    assert found.words["purchase"] == ["购买", "买"]


def test_the_real_dictionary_there_and_back() -> None:
    translator = CedictTranslator()
    translator.check()
    (there,) = translator.translate(["我买了一本书，早餐3.5元"], "zh", "en")
    assert "breakfast" in there.text and "3.5" in there.text
    (back,) = translator.translate([there.text], "en", "zh")
    assert "3.5" in back.text and "早" in back.text
    assert translator.rough and "word for word" in translator.name
