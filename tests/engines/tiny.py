"""Tiny random models of the real architectures, saved as the Hugging Face folders that users have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seekforge.core.config import TrainConfig
from seekforge.core.config.environment import quiet_libraries
from seekforge.core.families import FAMILIES
from seekforge.core.records import Message, Record
from seekforge.engines.pretokenizer import DEFINITIONS
from seekforge.engines.protocol import Generator, Sampling
from seekforge.evaluate.parity import PROBES
from seekforge.train.examples import encode
from seekforge.train.sft import Job

RISK_DESK = Path(__file__).parents[2] / "examples" / "risk_desk" / "raw.jsonl"
VOCABULARY = 640  # more than the tokenizer has, as real models pad their embeddings
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# What DeepSeek-V3 and R1 ship in tokenizer.json.
DEEPSEEK_V3 = {
    "type": "Sequence",
    "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}
        for expression in (
            r"\p{N}{1,3}",
            "[一-龥぀-ゟ゠-ヿ]+",
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
        )
    ]
    + [{"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}],
}
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
    "initializer_range": 0.15,  # far from the usual 0.02, so that choices are clear
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
_MLA = {
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 16,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_shared_experts": 1,
    "moe_intermediate_size": 32,
    "first_k_dense_replace": 1,
    "num_key_value_heads": 4,
}
# Name: config class, its own settings, pre-tokeniser.
KINDS: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, Any]]] = {
    "llama": ("LlamaConfig", {"num_key_value_heads": 2, "tie_word_embeddings": False}, DEFINITIONS["llama-bpe"]),
    "smollm": ("LlamaConfig", {"num_key_value_heads": 2, "tie_word_embeddings": True}, DEFINITIONS["smollm"]),
    "qwen2": ("Qwen2Config", {"num_key_value_heads": 2, "tie_word_embeddings": True}, DEFINITIONS["qwen2"]),
    "qwen3": (
        "Qwen3Config",
        {"num_key_value_heads": 2, "tie_word_embeddings": False, "head_dim": 32},
        DEFINITIONS["qwen2"],
    ),
    "deepseek_v2_lite": ("DeepseekV2Config", {**_MLA, "q_lora_rank": None}, DEEPSEEK_V3),
    "deepseek_v2": ("DeepseekV2Config", {**_MLA, "q_lora_rank": 24}, DEEPSEEK_V3),
    "deepseek_v3": ("DeepseekV3Config", {**_MLA, "q_lora_rank": 24, "n_group": 2, "topk_group": 1}, DEEPSEEK_V3),
}


def one_thread() -> Iterator[None]:
    """For a module's autouse fixture: tiny matrices on two busy cores are ten times slower with two threads."""
    quiet_libraries()
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make(folder: Path, kind: str, **settings: object) -> Path:
    """A model folder of one kind; `settings` go over the config's."""
    quiet_libraries()
    import torch
    import transformers

    name, own, pre_tokenizer = KINDS[kind]
    config = getattr(transformers, name)(**{**SHAPE, **own, **settings})
    torch.manual_seed(sum(map(ord, kind)))
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for path, weights in model.named_parameters():
            if weights.ndim == 1:  # norms are ones and biases zeros at first: a file without them would do as well
                weights.add_(torch.randn_like(weights) * (0.5 if path.endswith("bias") else 0.2))
    model.to(torch.bfloat16).save_pretrained(folder)
    save_tokenizer(folder, pre_tokenizer)
    return folder


def save_tokenizer(folder: Path, pre_tokenizer: Mapping[str, Any], template: str | None = TEMPLATE) -> None:
    """A small byte-level BPE tokenizer with the given cuts."""
    from tokenizers import AddedToken, Tokenizer, trainers
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import PreTrainedTokenizerFast

    empty = json.loads(Tokenizer.from_str(EMPTY).to_str())
    tokenizer = Tokenizer.from_str(json.dumps({**empty, "pre_tokenizer": pre_tokenizer}))
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 16,
        special_tokens=[AddedToken(token, special=True) for token in SPECIALS],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=SPECIALS[0],
        eos_token=SPECIALS[2],
        pad_token=SPECIALS[0],
        chat_template=template,
    )
    wrapped.save_pretrained(folder)


def corpus(lines: int = 120) -> list[str]:
    """English notes, digits and some Chinese."""
    with RISK_DESK.open(encoding="utf-8") as file:
        texts = [str(json.loads(line)["instruction"]) for line, _ in zip(file, range(lines), strict=False)]
    return [*texts, *(f"{n} {n * n} {n**5}" for n in range(200)), *PROBES, "转账到账户，日期是今天。" * 3]


def records(count: int, start: int = 0) -> list[Record]:
    """A task that a tiny model can learn: the colour's name decides the answer."""
    words = {"red": "stop", "green": "go", "blue": "wait", "black": "ask"}
    found = []
    for n in range(start, start + count):
        colour = sorted(words)[n % 4]
        turns = (Message("user", f"case {n}: {colour}"), Message("assistant", words[colour]))
        found.append(Record(f"r{n}", turns, label=words[colour]))
    return found


def job(
    folder: Path,
    tokenizer: Any,
    family: str,
    train: Sequence[Record],
    validation: Sequence[Record] | None = None,
    **settings: Any,
) -> Job:
    """A training job with checkpoints in `folder/scratch` and its result in `folder/out`."""
    config = TrainConfig.model_validate({"batch_size": 4, "learning_rate": 5e-3, **settings})
    held_out = records(8, start=10_000) if validation is None else validation
    return Job(
        config,
        [example for record in train for example in encode(record, tokenizer, config.think)],
        [example for record in held_out for example in encode(record, tokenizer, config.think)],
        FAMILIES[family],
        seed=7,
        output=folder / "out",
        scratch=folder / "scratch",
    )


# A tokenizer.json with nothing in it.
EMPTY = json.dumps(
    {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {},
            "merges": [],
        },
    }
)


def same_choices(one: Generator, other: Generator, count: int) -> int:
    """How many of so many prompts two engines continue by the same token; closes both."""
    prompts = [one.encode(text) for text in corpus(count)[:count]]
    sampling = Sampling(max_new_tokens=1, ignore_eos=True)
    answers = zip(one.generate(prompts, sampling), other.generate(prompts, sampling), strict=True)
    same = sum(a.token_ids == b.token_ids for a, b in answers)
    for engine in (one, other):
        engine.close()
    return same
