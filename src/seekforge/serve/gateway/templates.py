"""Prompt templates: files that say how a system line and the user's last turn are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from seekforge.core.config import TemplateFile, TemplatesConfig, load_file
from seekforge.core.config.access import PLACEHOLDER
from seekforge.core.errors import ConfigError, InputError
from seekforge.core.registry import nearest
from seekforge.serve.gateway.conversation import Conversation, fit
from seekforge.serve.gateway.seams import Message

_LONGEST_DOMAIN = 100
_WHERE = "template"


class PromptTemplates:
    """The shipped templates and those of a folder, as `Templates` has it.

    Args:
        config: The folder, and which model gets which template.

    Raises:
        ConfigError: A file is wrong, two say they are the same, or the config names one that is not there.
    """

    def __init__(self, config: TemplatesConfig) -> None:
        self._config = config
        with as_file(files("seekforge.serve.gateway") / "prompts") as shipped:
            known = _read(shipped)
        if config.folder is not None:
            known |= _read(config.folder)
        self._known = known
        for where, name in {"default": config.default, **config.by_model}.items():
            if name is not None:
                self._check(name, where)

    @property
    def names(self) -> tuple[str, ...]:
        """All there are, as `name@version`."""
        return tuple(f"{name}@{version}" for name in sorted(self._known) for version in sorted(self._known[name]))

    def pick(self, asked: str | None, model: str | None) -> str | None:
        """Which template a request gets: the one it asks for, its model's, the default; None is none."""
        if asked is not None:
            return asked
        return self._config.by_model.get(model or "", self._config.default)

    def apply(self, name: str, messages: Sequence[Message], values: Mapping[str, str]) -> list[dict[str, Any]]:
        """The conversation with the template's system line and the last user turn in its form.

        The client's own system texts follow the template's in the one system message, as many models take only one.
        A conversation over the template's `max_chars` loses its oldest exchanges first, then the system line's
        optional part; never the last user turn, what follows it, or a system text of the client.

        Args:
            name: `name` for the highest version, or `name@2`.
            messages: The conversation; the template's turn is the last one of role `user`.
            values: `domain`, where it shall not be the template's own.

        Raises:
            InputError: There is no such template, a value is missing or wrong, there is no user turn, or what may not
                be left out is over the budget.
        """
        template = self._find(name)
        domain = _domain(template, values)
        conversation = Conversation.of(messages)
        fills = {"domain": domain, "format": template.format}
        conversation = conversation.with_query(fill(template.user, {**fills, "query": conversation.query}))
        required, optional = fill(template.system, fills), fill(template.optional, fills)
        return fit(conversation, required, optional, template.max_chars)

    def _check(self, name: str, where: str) -> None:
        try:
            self._find(name)
        except InputError as error:
            raise ConfigError(f"{where}: {error.what}", where="templates", mend=error.mend) from error

    def _find(self, name: str) -> TemplateFile:
        base, at, version = name.partition("@")
        versions = self._known.get(base)
        if versions is None:
            raise InputError(f"no template '{base}'", where=_WHERE, mend=nearest(base, list(self._known)))
        if not at:
            return versions[max(versions)]
        found = versions.get(int(version)) if version.isascii() and version.isdigit() and len(version) < 9 else None
        if found is None:
            mend = f"there are {', '.join(f'{base}@{number}' for number in sorted(versions))}"
            raise InputError(f"no template '{name}'", where=_WHERE, mend=mend)
        return found


def fill(text: str, values: Mapping[str, str]) -> str:
    """Puts values in place of `{name}`, in one pass: what they hold is never read as a placeholder.

    >>> fill("{domain}: {query} {json}", {"domain": "law", "query": "{domain}"})
    'law: {domain} {json}'
    """
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def _domain(template: TemplateFile, values: Mapping[str, str]) -> str:
    for name in values:
        if name != "domain":
            raise InputError(f"no value '{name}'", where=_WHERE, mend=nearest(name, ["domain"]))
    domain = values.get("domain", template.domain)
    if domain is None:
        raise InputError(f"'{template.name}' needs a domain", where="domain", mend="Say which, in a few words")
    if not domain.strip() or not domain.isprintable() or len(domain) > _LONGEST_DOMAIN:
        what = f"a domain is one line of 1 to {_LONGEST_DOMAIN} characters"
        raise InputError(what, where="domain", mend="Say it in a few words")
    return domain


def _read(folder: Path) -> dict[str, dict[int, TemplateFile]]:
    if not folder.is_dir():
        raise ConfigError("no such folder of templates", where=str(folder), mend="Make it, or leave `folder` out")
    known: dict[str, dict[int, TemplateFile]] = {}
    places: dict[tuple[str, int], Path] = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        template = load_file(TemplateFile, path)
        key = (template.name, template.version)
        if key in places:
            what = f"{template.name}@{template.version} is in {places[key].name} already"
            raise ConfigError(what, where=str(path), mend="Give it the next version")
        places[key] = path
        known.setdefault(template.name, {})[template.version] = template
    return known
