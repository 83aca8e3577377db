"""JSON schemas that clients send along: those that contain themselves are refused before an engine compiles them."""

from __future__ import annotations

from typing import Any

from seekforge.serve.errors import ApiError


def check_schemas(tree: dict[str, Any]) -> None:
    """Looks at the answer's format and at the tools of a request.

    Raises:
        ApiError: A schema is recursive, or refers to something outside itself.
    """
    form = tree.get("response_format")
    if isinstance(form, dict) and isinstance(form.get("json_schema"), dict):
        _check(form["json_schema"].get("schema"), "response_format")
    tools = tree.get("tools")
    for number, tool in enumerate(tools if isinstance(tools, list) else []):
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict):
            _check(function.get("parameters"), f"tools.{number}")


def is_recursive(schema: Any) -> bool:  # noqa: ANN401  whatever the client calls a schema
    """Whether following `$ref`s from the root ever comes back to where it has been.

    Raises:
        LookupError: A `$ref` leads nowhere, or out of the schema.
    """
    done: set[int] = set()
    path: set[int] = set()
    # Depth first without recursion; a node stands on the path until everything below it is done.
    stack: list[tuple[Any, bool]] = [(schema, False)]
    while stack:
        node, is_left = stack.pop()
        if is_left:
            path.discard(id(node))
            done.add(id(node))
            continue
        if not isinstance(node, dict | list) or id(node) in done:
            continue
        if id(node) in path:
            return True
        path.add(id(node))
        stack.append((node, True))
        stack += ((child, False) for child in _children(node, schema))
    return False


def _children(node: dict[str, Any] | list[Any], root: Any) -> list[Any]:  # noqa: ANN401
    if isinstance(node, list):
        return node
    children = list(node.values())
    if isinstance(reference := node.get("$ref"), str):
        children.append(_resolve(reference, root))
    return children


def _resolve(reference: str, root: Any) -> Any:  # noqa: ANN401
    """A JSON pointer within the schema (RFC 6901)."""
    if not reference.startswith("#"):
        raise LookupError(f"$ref '{reference[:80]}' leads out of the schema")
    node = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            node = node[int(key)] if isinstance(node, list) else node[key]
        except (LookupError, TypeError, ValueError) as error:
            raise LookupError(f"$ref '{reference[:80]}' leads nowhere") from error
    return node


def _check(schema: Any, param: str) -> None:  # noqa: ANN401
    try:
        recursive = is_recursive(schema)
    except LookupError as error:
        raise ApiError(400, f"{param}: {error.args[0]}", param=param, code="invalid_schema") from error
    if recursive:
        raise ApiError(400, f"{param}: the schema contains itself", param=param, code="invalid_schema")
