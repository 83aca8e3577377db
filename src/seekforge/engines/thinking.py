"""How a model's thoughts are to be found, from its chat template."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from seekforge.core.errors import SeekforgeError
from seekforge.core.files import read_json
from seekforge.engines.chat_template import ChatTemplate, from_metadata
from seekforge.engines.reasoning import opens

_ASKED = [{"role": "user", "content": "Hi"}]


def reasoning_of(model: Path) -> Literal["auto", "deepseek"]:
    """`deepseek` where the template has written the opening tag already, as that of R1 and its distillations does.

    Then the answer begins within the thoughts. Everywhere else a model writes its own tag, if it thinks at all (the
    family table has the tags): `auto` finds it, and leaves an answer without one alone.

    Args:
        model: A .gguf file or a Hugging Face folder; of anything else nothing is known.
    """
    try:
        template = _template(model)
        prompt = "" if template is None else template.render(_ASKED)
    except (SeekforgeError, OSError, ValueError, TypeError, KeyError):
        return "auto"  # the engine says what is wrong with the model
    return "deepseek" if opens(prompt) else "auto"


def _template(model: Path) -> ChatTemplate | None:
    if model.suffix == ".gguf":
        from seekforge.engines.gguf_header import read_metadata

        return from_metadata(read_metadata(model), str(model))
    if not model.is_dir():
        return None
    config: dict[str, Any] = read_json(model / "tokenizer_config.json")
    beside = model / "chat_template.jinja"
    source = beside.read_text(encoding="utf-8") if beside.is_file() else config.get("chat_template")
    names = ("bos_token", "eos_token", "unk_token", "pad_token")
    tokens = {name: _text(config[name]) for name in names if config.get(name)}
    return ChatTemplate(source, tokens, str(model)) if isinstance(source, str) else None


def _text(token: Any) -> str:  # noqa: ANN401  a text, or an object that holds one
    return str(token["content"]) if isinstance(token, dict) else str(token)
