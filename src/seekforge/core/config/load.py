"""From a YAML file to a `Recipe`, or to one line that says what is wrong and on which line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from seekforge.core.config.augment import GROW_NAMES, KIND_NAMES
from seekforge.core.config.base import Config
from seekforge.core.config.endpoint import EndpointConfig
from seekforge.core.config.ops import OP_NAMES
from seekforge.core.config.recipe import Recipe
from seekforge.core.errors import ConfigError

Model = TypeVar("Model", bound=Config)
# Besides its own errors PyYAML lets through what a date that is none raises, and what too deep a nesting does.
_UNREADABLE = (yaml.YAMLError, ValueError, RecursionError)
_NO_KEYS = "not a mapping of keys"
_OWN = frozenset({"value_error", "unknown_key", "missing_key"})  # our validators name the value where it helps
_SHOWN = 60  # characters of a wrong value


def load_recipe(path: Path, overrides: Iterable[str] = (), layers: Iterable[Path] = ()) -> Recipe:
    """Reads a recipe; paths in it become absolute, taken from the recipe's folder.

    Args:
        path: The YAML file.
        overrides: `a.b=value` texts, the value read as YAML; they go before everything.
        layers: Files with keys of a recipe that go before the recipe's own, such as a search's best.yaml.

    Raises:
        ConfigError: A file is missing, is no YAML mapping, or a key or value is wrong.
    """
    text = _read(path, "recipe", "`ls recipes/` shows those that come with seekforge")
    tree, node = _mapping(text, path, "a recipe is a mapping of keys", "Start from a file in recipes/")
    for layer in layers:
        keys = "keys of a recipe"
        above, _ = _mapping(_read(layer, "YAML", f"Name a file with {keys}"), layer, _NO_KEYS, f"Write {keys}")
        _lay(tree, above)
    told = [_apply(tree, override) for override in overrides]
    return _with_absolute_paths(validate(Recipe, tree, str(path), node, told), path.absolute().parent)


def load_endpoint(path: Path) -> EndpointConfig:
    """Reads an endpoint's file; paths in it become absolute, taken from the file's folder.

    Raises:
        ConfigError: The file is missing, is no YAML mapping, or a key or value is wrong.
    """
    mend = "docs/serving.md shows one"
    tree, node = _mapping(_read(path, "endpoint", mend), path, "an endpoint is a mapping of keys", mend)
    folder = path.absolute().parent
    config = _with_absolute_paths(validate(EndpointConfig, tree, str(path), node), folder)
    if config.model is not None and _is_path(config.model):
        config = config.model_copy(update={"model": str(folder / Path(config.model).expanduser())})
    if config.embed is not None and _is_path(config.embed.model):
        there = str(folder / Path(config.embed.model).expanduser())
        config = config.model_copy(update={"embed": config.embed.model_copy(update={"model": there})})
    return config


def load_file(model: type[Model], path: Path) -> Model:
    """Reads one config model from a YAML file of its own.

    Raises:
        ConfigError: The file is not UTF-8, is no YAML mapping, or a key or value is wrong.
    """
    tree, node = _mapping(_text(path), path, _NO_KEYS, "Write `key: value` lines")
    return validate(model, tree, str(path), node)


def validate(
    model: type[Model], tree: dict[str, Any], where: str, node: yaml.Node | None = None, told: Sequence[str] = ()
) -> Model:
    """Validates a mapping; the first problem becomes one line with the key's place.

    Args:
        model: What it is to be.
        tree: The mapping.
        where: What to call the place that it is from.
        node: Knows the lines of that place.
        told: Keys, as `a.b`, that `--set` has set: what is wrong with them is not in the file.

    Raises:
        ConfigError: A key is unknown or a value does not fit.
    """
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        loc = tuple(part for part in first["loc"] if not _is_union_tag(part))
        named = first.get("ctx", {}).get("key")  # our own validators name the key inside `loc` that is wrong
        line = _line_of(node, loc if named is None else (*loc, named))
        message = first["msg"].removeprefix("Value error, ")
        key = ".".join(map(str, loc))
        setting = _setting(told, (*loc, *([] if named is None else [named])), whole=named is None)
        place = f"--set {setting}" if setting else f"{where}:{line}" if line else where
        is_switch = first["type"] == "string_type" and isinstance(first["input"], bool)
        mend = "Quote it: YAML reads yes, no, on and off as true and false" if is_switch else ""
        message += _given(first)
        raise ConfigError(message if key in {"", setting} else f"{key}: {message}", where=place, mend=mend) from error


def _setting(told: Sequence[str], loc: Sequence[object], *, whole: bool) -> str:
    """Which setting set the key at `loc`, if one did; a key that is wrong in name may be the parent of what was set."""
    key = ".".join(map(str, loc))
    return next((s for s in told if f"{key}.".startswith(f"{s}.") or (not whole and s.startswith(f"{key}."))), "")


def _given(problem: ErrorDetails) -> str:
    """What stood there, where pydantic says only what should."""
    shown = repr(problem["input"])
    is_plain = isinstance(problem["input"], str | int | float) and len(shown) <= _SHOWN
    return f", not {shown}" if is_plain and problem["type"] not in _OWN else ""


def _read(path: Path, noun: str, mend: str) -> str:
    if not path.is_file():
        raise ConfigError(f"no such {noun} file", where=str(path), mend=mend)
    return _text(path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8 text", where=str(path), mend="Save the file as UTF-8") from error


def _mapping(text: str, path: Path, otherwise: str, mend: str) -> tuple[dict[str, Any], yaml.Node | None]:
    """The values, and the nodes that know their lines.

    Raises:
        ConfigError: It is no YAML; or it is something else than a mapping, which is told in the caller's words.
    """
    try:
        tree, node = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except _UNREADABLE as error:
        raise ConfigError(
            f"not YAML: {_yaml_problem(error)}", where=str(path), mend="Mend the file's syntax"
        ) from error
    if not isinstance(tree, dict):
        raise ConfigError(otherwise, where=str(path), mend=mend)
    if (again := _repeated(node)) is not None:
        what, where = f"the key '{again.value}' stands twice", f"{path}:{again.start_mark.line + 1}"
        raise ConfigError(what, where=where, mend="Leave one of them: YAML would take the last in silence")
    return tree, node


def _repeated(root: yaml.Node | None) -> yaml.ScalarNode | None:
    """The first key found that its mapping has already; anchors may lead back to where they are."""
    left, seen = [root], set[int]()
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += node.value
        elif isinstance(node, yaml.MappingNode):
            left += [value for _, value in node.value]
            keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            for place, key in enumerate(keys):
                if any((key.tag, key.value) == (before.tag, before.value) for before in keys[:place]):
                    return key
    return None


def _lay(below: dict[str, Any], above: dict[str, Any]) -> None:
    """Puts the values of one tree over those of another, in place, mapping by mapping."""
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay(below[key], value)
        else:
            below[key] = value


def _apply(tree: dict[str, Any], override: str) -> str:
    """Sets one `a.b=value` in place; returns the key, `a.b`."""
    path, sign, raw = override.partition("=")
    if not sign or not path:
        raise ConfigError(f"'{override}' is no setting", where="--set", mend="Write --set train.epochs=1")
    # A gate is named by its measurement, dots included, and its rule is text: `>` would begin a block in YAML.
    is_gate = path.startswith("gates.")
    *parents, last = path.split(".", 1) if is_gate else path.split(".")
    here = tree
    for name in parents:
        if here.get(name) is None:
            here[name] = {}
        here = here[name]
        if not isinstance(here, dict):
            raise ConfigError(f"'{name}' in '{path}' has no keys of its own", where="--set", mend="Set the whole value")
    try:
        here[last] = raw.strip() if is_gate else yaml.safe_load(raw)
    except _UNREADABLE as error:
        raise ConfigError(f"'{raw}' is not YAML", where=f"--set {path}", mend="Quote the value") from error
    return path


def _is_path(model: str) -> bool:
    return model.startswith((".", "~", "/")) or model.endswith((".gguf", ".json"))


def _with_absolute_paths(config: Model, folder: Path) -> Model:
    """Every path that stands in the file; one that does not is left to its default."""
    changed: dict[str, Any] = {}
    for name in config.model_fields_set:
        value = getattr(config, name)
        if isinstance(value, Path):
            changed[name] = folder / value.expanduser()
        elif isinstance(value, Config):
            changed[name] = _with_absolute_paths(value, folder)
        elif isinstance(value, tuple) and value and isinstance(value[0], Config):
            changed[name] = tuple(_with_absolute_paths(item, folder) for item in value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Path):
            changed[name] = tuple(folder / item.expanduser() for item in value)
    return config.model_copy(update=changed)


def _is_union_tag(part: object) -> bool:
    """Pydantic puts a discriminated union's tag into the place; it is no key of the file."""
    return part in OP_NAMES | GROW_NAMES | KIND_NAMES


def _line_of(node: yaml.Node | None, loc: tuple[int | str, ...]) -> int | None:
    """The 1-based line of the deepest part of `loc` that stands in the file."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    for part in loc:
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            child = next((value for key, value in node.value if key.value == part), None)
            line = next((key.start_mark.line + 1 for key, _ in node.value if key.value == part), line)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            line = child.start_mark.line + 1
        if child is None:
            break
        node = child
    return line


def _yaml_problem(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or (str(error) if isinstance(error, ValueError) else "cannot be read")
    return f"{problem} on line {mark.line + 1}" if mark else str(problem)
