"""A model's chat template, rendered as `transformers` renders it, without `transformers`.

Reference: https://huggingface.co/docs/transformers/chat_templating. A template is code from the model: it runs in
Jinja's sandbox and sees plain JSON values only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2
import jinja2.ext
import jinja2.meta
import jinja2.nodes
import jinja2.parser
import jinja2.utils
from jinja2.sandbox import ImmutableSandboxedEnvironment

from seekforge.core.errors import InputError, ModelError
from seekforge.engines.protocol import Messages

# What a template can raise on a conversation that it does not expect (`None + "x"`, a list too short ...).
_REFUSALS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
)
_NAMED = ("bos", "eos", "unknown", "padding")
_VARIABLES = {"bos": "bos_token", "eos": "eos_token", "unknown": "unk_token", "padding": "pad_token"}


class ChatTemplate:
    """Writes conversations as a model wants them.

    Args:
        source: The Jinja template.
        special_tokens: `bos_token`, `eos_token` ... as the template may name them.
        where: The file, for messages.

    Attributes:
        takes_tools: Whether the template writes tools.

    Raises:
        ModelError: The template is no Jinja.
    """

    def __init__(self, source: str, special_tokens: Mapping[str, str], where: str) -> None:
        environment = _environment()
        try:
            names = jinja2.meta.find_undeclared_variables(environment.parse(source))
            self._template = environment.from_string(source)
        except jinja2.TemplateError as error:
            raise ModelError(
                f"its chat template is broken ({error})", where=where, mend="Give another file of the model"
            ) from error
        self.takes_tools = "tools" in names
        self._special_tokens = dict(special_tokens)

    def render(self, messages: Messages, tools: Sequence[Mapping[str, Any]] = ()) -> str:
        """The conversation, ready for the answer.

        Raises:
            InputError: The template refuses the conversation, or takes no tools.
        """
        if tools and not self.takes_tools:
            raise InputError("the model's chat template takes no tools", where="tools", mend="Ask without them")
        try:
            return self._template.render(
                messages=[dict(message) for message in messages],
                tools=[dict(tool) for tool in tools] or None,
                documents=None,
                add_generation_prompt=True,
                **self._special_tokens,
            )
        except _REFUSALS as error:
            raise InputError(f"the chat template refuses these messages ({error})", where="messages") from error


def from_metadata(metadata: Mapping[str, Any], where: str) -> ChatTemplate | None:
    """The template in a GGUF file's metadata; None where the file has none.

    Raises:
        ModelError: The template is no Jinja.
    """
    source = metadata.get("tokenizer.chat_template")
    if not source:
        return None
    tokens: list[str] = metadata["tokenizer.ggml.tokens"]
    ids = {name: metadata.get(f"tokenizer.ggml.{name}_token_id") for name in _NAMED}
    named = {_VARIABLES[name]: tokens[i] for name, i in ids.items() if i is not None and 0 <= i < len(tokens)}
    return ChatTemplate(source, named, where)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _now
    environment.globals["dict"] = _make_dict
    environment.globals["namespace"] = _Namespace
    return environment


class _Namespace(jinja2.utils.Namespace):
    """Jinja's own takes any name, and an attribute with an underscore in front is a way out of the sandbox."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401  so that a template may write `self=`
        for name in dict(*args[1:], **kwargs):
            _check_name(name)
        jinja2.utils.Namespace.__init__(*args, **kwargs)

    def __setitem__(self, name: str, value: object) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: object) -> None:
    if str(name).startswith("_"):
        raise jinja2.TemplateError(f"a namespace has no '{name}'")


def _make_dict(*args: Any, **kwargs: Any) -> dict[Any, Any]:  # noqa: ANN401  whatever a template writes
    """A plain function: the class itself would hand its methods to the template."""
    return dict(*args, **kwargs)


class _Generation(jinja2.ext.Extension):
    """`{% generation %}` marks the answer for training; here it only has to be read."""

    tags = {"generation"}  # noqa: RUF012  Jinja's own declaration

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        """The block's inside."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Jinja's own filter escapes HTML's characters."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise(message: str) -> str:
    raise jinja2.TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().strftime(form)
