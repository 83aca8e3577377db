"""The reference engine: what it answers must not depend on its batch, and what it loads must be whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.core.errors import ModelError
from seekforge.engines.protocol import Sampling
from seekforge.engines.transformers import TransformersEngine, load_model, load_tokenizer, load_trained

one_thread = pytest.fixture(scope="module", autouse=True)(tiny.one_thread)
QUESTIONS = ("hello", "Card 0042 was lost abroad on 5 January; block it.", "转账到账户", "x", "a b c d e f g " * 5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("model"), "qwen2")


@pytest.fixture(scope="module")
def engine(folder: Path) -> TransformersEngine:
    return TransformersEngine(folder, "float32", batch_size=3)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "copy")


def prompts(engine: TransformersEngine) -> list[list[int]]:
    return [engine.encode(engine.render([{"role": "user", "content": text}])) for text in QUESTIONS]


def change(path: Path, **fields: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **fields}), "utf-8")


def test_a_batch_answers_as_one_by_one(engine: TransformersEngine) -> None:
    asked, sampling = prompts(engine), Sampling(max_new_tokens=24)
    alone = [engine.generate([prompt], sampling)[0] for prompt in asked]
    assert engine.generate(asked, sampling) == alone
    assert [answer.prompt_tokens for answer in alone] == [len(prompt) for prompt in asked]
    assert len({answer.token_ids for answer in alone}) > 1


def test_padding_is_on_the_left_and_masked(engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    generate = engine.model.generate

    def spy(ids: Any, **options: Any) -> Any:
        seen.update(options, ids=ids)
        return generate(ids, **options)

    monkeypatch.setattr(engine.model, "generate", spy)
    engine.generate([[5, 6, 7], [8]], Sampling(max_new_tokens=1))
    pad = engine.tokenizer.pad_token_id
    assert seen["ids"].tolist() == [[pad, pad, 8], [5, 6, 7]]
    assert seen["attention_mask"].tolist() == [[0, 0, 1], [1, 1, 1]]


def test_greedy_is_the_highest_logit(engine: TransformersEngine) -> None:
    prompt = prompts(engine)[1]
    answer = engine.generate([prompt], Sampling(max_new_tokens=8, ignore_eos=True))[0]
    assert engine.logits(prompt, answer.token_ids).argmax(dim=-1).tolist() == list(answer.token_ids)
    assert answer.finish_reason == "length"


def test_logits_are_of_the_answer_positions(engine: TransformersEngine) -> None:
    import torch

    prompt, answer = prompts(engine)[0], [7, 8, 9]
    with torch.inference_mode():
        whole = engine.model(torch.tensor([[*prompt, *answer]])).logits[0].float()
    wanted = whole[len(prompt) - 1 : len(prompt) + 2]
    torch.testing.assert_close(engine.logits(prompt, answer), wanted, atol=1e-5, rtol=1e-5)


def test_a_stop_text_is_cut_off_with_its_tokens(engine: TransformersEngine) -> None:
    prompt = prompts(engine)[0]
    free = engine.generate([prompt], Sampling(max_new_tokens=24))[0]
    stop = engine.decode(free.token_ids[3:5])
    answer = engine.generate([prompt], Sampling(max_new_tokens=24, stop=("never said", stop)))[0]
    assert answer.text == free.text[: free.text.index(stop)]
    assert answer.finish_reason == "stop"
    assert answer.token_ids == free.token_ids[: len(answer.token_ids)]
    assert len(answer.token_ids) <= 3
    assert engine.decode(answer.token_ids) == answer.text


def with_ends(folder: Path, token_ids: list[int]) -> TransformersEngine:
    change(folder / "generation_config.json", eos_token_id=token_ids)
    return TransformersEngine(folder, "float32")


def test_every_end_token_ends_and_ignore_eos_goes_on(engine: TransformersEngine, copy: Path) -> None:
    prompt = prompts(engine)[0]
    free = engine.generate([prompt], Sampling(max_new_tokens=12))[0]
    assert free.finish_reason == "length"
    ends = with_ends(copy, [2, free.token_ids[4]])
    first = free.token_ids.index(free.token_ids[4])
    # The longer prompt beside it goes on, so that the short one's row is filled up with padding.
    answer = ends.generate([prompt, [9] * 40], Sampling(max_new_tokens=12))[0]
    assert (answer.token_ids, answer.finish_reason) == (free.token_ids[:first], "stop")
    on = ends.generate([prompt], Sampling(max_new_tokens=12, ignore_eos=True))[0]
    assert (len(on.token_ids), on.finish_reason) == (12, "length")


def test_the_folders_own_penalties_do_not_change_answers(engine: TransformersEngine, copy: Path) -> None:
    penalties = {"repetition_penalty": 5.0, "do_sample": True, "temperature": 0.7, "top_k": 20, "top_p": 0.8}
    change(copy / "generation_config.json", **penalties)
    other, sampling = TransformersEngine(copy, "float32"), Sampling(max_new_tokens=24)
    assert other.generate(prompts(engine), sampling) == engine.generate(prompts(engine), sampling)


def test_a_seed_repeats_what_was_sampled(engine: TransformersEngine) -> None:
    asked = prompts(engine)
    first, again, other = (
        engine.generate(asked, Sampling(max_new_tokens=12, temperature=1.5, seed=seed)) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def drop_a_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.self_attn.q_proj.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def cut_off(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


BROKEN_MODELS: dict[str, Callable[[Path], object]] = {
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "cut off": cut_off,
    "a tensor missing": drop_a_tensor,
    "other shapes": lambda folder: change(folder / "config.json", intermediate_size=128),
    "no such architecture": lambda folder: change(folder / "config.json", model_type="nope"),
    "config is no JSON": lambda folder: (folder / "config.json").write_text("{"),
}
BROKEN_TOKENIZERS: dict[str, Callable[[Path], object]] = {
    "no tokenizer": lambda folder: (folder / "tokenizer.json").unlink(),
    "no JSON": lambda folder: (folder / "tokenizer.json").write_text("{"),
    "other JSON": lambda folder: (folder / "tokenizer.json").write_text('{"version": "1.0"}'),
    "no chat template": lambda folder: (folder / "chat_template.jinja").unlink(),
}


@pytest.mark.parametrize("case", sorted(BROKEN_MODELS))
def test_weights_that_are_not_whole_are_one_line(case: str, copy: Path) -> None:
    BROKEN_MODELS[case](copy)
    with pytest.raises(ModelError) as caught:
        load_model(copy)
    assert str(caught.value).startswith(str(copy))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", sorted(BROKEN_TOKENIZERS))
def test_a_tokenizer_that_is_not_whole_is_one_line(case: str, copy: Path) -> None:
    BROKEN_TOKENIZERS[case](copy)
    with pytest.raises(ModelError) as caught:
        load_tokenizer(copy)
    assert str(caught.value).startswith(str(copy))
    assert "\n" not in str(caught.value)


def test_a_train_artifact_without_weights_is_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"neither adapter/ nor model/"):
        load_trained(folder, tmp_path)


def test_names(engine: TransformersEngine, folder: Path) -> None:
    assert engine.name == "transformers FP32"
    assert TransformersEngine(folder, "bfloat16").name == "transformers BF16"


def test_the_demo_answers(demo_folder: Path) -> None:
    engine = TransformersEngine(demo_folder)
    prompt = engine.encode(engine.render([{"role": "user", "content": "What is the capital of France?"}]))
    answer = engine.generate([prompt], Sampling(max_new_tokens=24))[0]
    assert "Paris" in answer.text
    assert answer.finish_reason == "stop"
