"""Our tokenizer and chat template against those of `tokenizers` and `transformers`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.engines import tiny

from seekforge.core.errors import InputError, ModelError
from seekforge.engines.chat_template import ChatTemplate, from_metadata
from seekforge.engines.pretokenizer import DEFINITIONS
from seekforge.engines.protocol import Messages, Tools
from seekforge.engines.tokenizer import NORMALISER_KEY, GgufTokenizer
from seekforge.evaluate.parity import PROBES

SPECIAL_TEXTS = (
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    "a<|im_end|>b <|im_end|> c",
    "<|im_start|><|im_start|>",
    "not one: <|im_star|> <| im_start |>",
    "<note>kept as text</note>",
)
TEXTS = (*PROBES, *SPECIAL_TEXTS, "", " ", "\n\n  x", "1 12 123 1234 12345", "foo--bar!!!", "Ωмега ｆｕｌｌ 가나다")
MESSAGES = [
    {"role": "system", "content": "Be brief & <kind>."},
    {"role": "user", "content": "  转账 12,345 元?\n"},
    {"role": "assistant", "content": ""},
    {"role": "user", "content": "it's é"},
]


def trained(definition: dict[str, Any], normaliser: dict[str, Any] | None = None) -> Any:
    """A small `tokenizers.Tokenizer` with the given cuts, special tokens, and an added token that is text."""
    from tokenizers import AddedToken, Tokenizer, trainers
    from tokenizers.pre_tokenizers import ByteLevel

    shell = {**json.loads(tiny.EMPTY), "pre_tokenizer": definition, "normalizer": normaliser}
    tokenizer = Tokenizer.from_str(json.dumps(shell))
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=[AddedToken(token, special=True) for token in tiny.SPECIALS],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(tiny.corpus(40), trainer)
    tokenizer.add_tokens([AddedToken("<note>"), AddedToken("</note>")])
    return tokenizer


def metadata(tokenizer: Any, pre: str, **more: object) -> dict[str, Any]:
    """What the GGUF file of such a tokenizer holds; three numbers have no token."""
    tree = json.loads(tokenizer.to_str())
    size = tokenizer.get_vocab_size() + 3
    tokens, types = [f"[unused{i}]" for i in range(size)], [5] * size
    for token, number in tree["model"]["vocab"].items():
        tokens[number], types[number] = token, 1
    for added in tree["added_tokens"]:
        tokens[added["id"]], types[added["id"]] = added["content"], 3 if added["special"] else 4
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in tree["model"]["merges"]]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": merges,
        NORMALISER_KEY: "none",
        **more,
    }


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_ids_and_text_are_those_of_the_original(name: str) -> None:
    original = trained(DEFINITIONS[name])
    ours = GgufTokenizer(metadata(original, name), "m.gguf")
    for text in TEXTS:
        ids = ours.encode(text)
        assert ids == original.encode(text, add_special_tokens=False).ids, text
        assert ours.decode(ids) == original.decode(ids, skip_special_tokens=True), text


def test_every_token_decodes_as_in_the_original() -> None:
    original = trained(DEFINITIONS["qwen2"])
    ours = GgufTokenizer(metadata(original, "qwen2"), "m.gguf")
    for token_id in range(original.get_vocab_size() + 3):
        assert ours.decode([token_id]) == original.decode([token_id], skip_special_tokens=True)
    half = original.encode("好").ids[:1]
    assert ours.decode(half) == original.decode(half) == "\ufffd"


def test_an_added_token_is_text_and_a_control_token_is_none() -> None:
    ours = GgufTokenizer(metadata(trained(DEFINITIONS["qwen2"]), "qwen2"), "m.gguf")
    ids = ours.encode("<|im_start|><note>x")
    assert len(ids) == 3
    assert ours.decode(ids) == "<note>x"


def test_characters_are_composed_where_the_model_learnt_them_so() -> None:
    apart = "e\u0301te\u0301"
    original = trained(DEFINITIONS["qwen2"], {"type": "NFC"})
    told = GgufTokenizer(metadata(original, "qwen2", **{NORMALISER_KEY: "NFC"}), "m.gguf")
    assert told.encode(apart) == original.encode(apart).ids == told.encode("\u00e9t\u00e9")
    foreign = metadata(original, "qwen2")
    del foreign[NORMALISER_KEY]  # every Qwen composes, and no GGUF file of others says so
    assert GgufTokenizer(foreign, "m.gguf").encode(apart) == told.encode(apart)
    plain = GgufTokenizer(metadata(trained(DEFINITIONS["qwen2"]), "qwen2"), "m.gguf")
    assert plain.encode(apart) != plain.encode("\u00e9t\u00e9")


def test_llama_takes_a_word_that_is_a_token_whole() -> None:
    """Its vocabulary has words that no row of merges leads to."""
    held = metadata(trained(DEFINITIONS["llama-bpe"]), "llama-bpe")
    held["tokenizer.ggml.tokens"][-1], held["tokenizer.ggml.token_type"][-1] = "zqzqzq", 1
    last = len(held["tokenizer.ggml.tokens"]) - 1
    assert GgufTokenizer(held, "m.gguf").encode("zqzqzq") == [last]
    assert GgufTokenizer({**held, "tokenizer.ggml.pre": "qwen2"}, "m.gguf").encode("zqzqzq") != [last]


def test_a_number_without_a_token_is_never_met() -> None:
    held = metadata(trained(DEFINITIONS["llama-bpe"]), "llama-bpe")
    ours = GgufTokenizer(held, "m.gguf")
    name = held["tokenizer.ggml.tokens"][-1]
    assert len(held["tokenizer.ggml.tokens"]) - 1 not in ours.encode(name)
    assert ours.decode(ours.encode(name)) == name


@pytest.mark.parametrize(
    ("change", "message"),
    [({"tokenizer.ggml.pre": "tekken"}, "'tekken' is not supported"), ({"tokenizer.ggml.merges": ["ß ü"]}, "built")],
)
def test_a_tokenizer_that_cannot_be_made_is_one_line(change: dict[str, Any], message: str) -> None:
    held = metadata(trained(DEFINITIONS["qwen2"]), "qwen2", **change)
    with pytest.raises(ModelError, match=message) as caught:
        GgufTokenizer(held, "m.gguf")
    assert "\n" not in str(caught.value)


TEMPLATES = {
    "plain": tiny.TEMPLATE,
    "blocks": (
        "{% for m in messages %}\n    {%- if loop.first %}\n    {{ bos_token }}\n    {% endif %}\n"
        "  {% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}\n"
        "  {% else %}[{{ m.role | upper }}] {{ m.content | trim }}\n  {% endif %}\n{% endfor %}\n{{ 'A:' }}"
    ),
    "loop controls": "{% for m in messages %}{% if loop.index > 2 %}{% break %}{% endif %}{{ m.content }}|{% endfor %}",
    "json": "{% for m in messages %}{{ m | tojson }}{{ m | tojson(indent=2) }}{% endfor %}",
    "namespace": (
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}"
        "{% if tools is none %} no tools{% endif %}{% if documents is defined %} documents{% endif %}"
    ),
    "dict": "{% set d = dict(a=1, b='x') %}{{ d | tojson }}{% set n = namespace({'k': 2}, m=3) %}{{ n.k + n.m }}",
    "date": "{{ strftime_now('%Y') }} {{ messages[0]['content'][:2] }}",
    "tools": (
        "{%- if tools %}{%- for tool in tools %}\n{{- tool | tojson }}\n{%- endfor %}{%- endif %}"
        "{%- for m in messages %}<{{ m.role }}>{{ m.content }}"
        "{%- for c in m.tool_calls or [] %}\n<tool_call>{{ c.function.arguments | tojson }}{%- endfor %}{%- endfor %}"
    ),
}
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
]
CALLING: list[dict[str, Any]] = [
    {"role": "user", "content": "look it up"},
    {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "look", "arguments": {"q": "é<"}}}]},
    {"role": "tool", "content": "found"},
]


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_render_as_in_transformers(name: str) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    special = {"bos_token": "<s>", "eos_token": "</s>"}
    ours = ChatTemplate(TEMPLATES[name], special, "m.gguf")
    cases: list[tuple[Messages, Tools]] = [(MESSAGES, []), (MESSAGES[:1], [])]
    cases.append((CALLING, TOOLS if name == "tools" else []))
    for messages, tools in cases:
        [[expected], _] = render_jinja_template(
            [messages], tools or None, chat_template=TEMPLATES[name], add_generation_prompt=True, **special
        )
        assert ours.render(messages, tools).encode() == expected.encode()
    assert ours.takes_tools == (name in ("tools", "namespace"))


def test_what_a_template_refuses_is_the_clients_fault() -> None:
    for source in ("{{ raise_exception('roles must alternate') }}", "{{ messages[9].content }}", "{{ 1 + 'x' }}"):
        with pytest.raises(InputError) as caught:
            ChatTemplate(source, {}, "m.gguf").render(MESSAGES)
        assert caught.value.where == "messages"
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="takes no tools"):
        ChatTemplate(tiny.TEMPLATE, {}, "m.gguf").render(MESSAGES, TOOLS)


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{% set x = messages.append(1) %}",
        "{{ cycler.__init__.__globals__ }}",
        "{% set n = namespace(__class__=1) %}",
        "{% set n = namespace() %}{% set n.__class__ = 1 %}",
        "{{ dict.mro() }}",
    ],
)
def test_a_template_cannot_leave_the_sandbox(source: str) -> None:
    with pytest.raises(InputError):
        ChatTemplate(source, {}, "m.gguf").render(MESSAGES)


def test_a_broken_template_is_the_files_fault() -> None:
    with pytest.raises(ModelError, match="chat template is broken"):
        ChatTemplate("{% for %}", {}, "m.gguf")


def test_the_files_own_special_tokens_are_named() -> None:
    held = metadata(
        trained(DEFINITIONS["qwen2"]), "qwen2", **{"tokenizer.chat_template": "{{ bos_token }}|{{ eos_token }}"}
    )
    held |= {
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.padding_token_id": 10**6,
    }
    template = from_metadata(held, "m.gguf")
    assert template is not None
    assert template.render(MESSAGES) == f"{tiny.SPECIALS[0]}|{tiny.SPECIALS[2]}"
    assert from_metadata({}, "m.gguf") is None


def test_a_large_vocabulary_is_built_soon() -> None:
    tokens = [*metadata(trained(DEFINITIONS["qwen2"]), "qwen2")["tokenizer.ggml.tokens"][3:259]]
    merges = []
    for left in tokens[:256]:
        for right in tokens[:256]:
            tokens.append(left + right)
            merges.append(f"{left} {right}")
    held = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": [1] * len(tokens)}
    started = time.process_time()
    ours = GgufTokenizer({**held, "tokenizer.ggml.pre": "qwen2", "tokenizer.ggml.merges": merges}, "m.gguf")
    assert time.process_time() - started < 30, "a second or two is usual"
    assert ours.decode(ours.encode("你好, world")) == "你好, world"


def test_the_worker_needs_neither_transformers_nor_torch() -> None:
    code = (
        "import sys, seekforge.serve.worker, seekforge.serve.main, seekforge.engines.openvino\n"
        "from seekforge.engines.tokenizer import GgufTokenizer\n"
        "GgufTokenizer({'tokenizer.ggml.tokens': ['a'], 'tokenizer.ggml.token_type': [1]}, '')\n"
        "print(*[m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.split() == []
