"""Asks for several properties in one GraphQL call, and takes the answer apart into one answer a property."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from graphql import (
    FieldNode,
    NameNode,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from python_nodes.vendors.expedia_group import graphql
from python_nodes.vendors.json_text import read_json, write_json

FIRST = frozenset({"property_0", "unit_0"})
"""How an answer about several begins: each root field has the number of what it is about behind its name."""
MARKS = tuple(f'"{name}"'.encode() for name in sorted(FIRST))


class _Numbered(Visitor):
    """Gives each variable that differs from one to the next its number."""

    def __init__(self, number: int, own: Sequence[str]) -> None:
        super().__init__()
        self._number, self._own = number, own

    def enter_variable(self, node: VariableNode, *_: Any) -> VariableNode | None:
        """Rename those, and leave what is the same for all."""
        name = node.name.value
        return VariableNode(name=NameNode(value=f"{name}_{self._number}")) if name in self._own else None


@cache
def document(name: str, count: int, own: tuple[str, ...]) -> str:
    """One query that asks ``count`` times what ``name`` asks once; ``own`` are the variables that differ."""
    held = parse(graphql.document(name))
    operation = next(one for one in held.definitions if isinstance(one, OperationDefinitionNode))
    fields: list[FieldNode] = []
    told = operation.variable_definitions or ()
    variables = [one for one in told if one.variable.name.value not in own]
    differing = [one for one in told if one.variable.name.value in own]
    for number in range(count):
        numbered = _Numbered(number, own)
        for field in operation.selection_set.selections:
            again: FieldNode = visit(field, numbered)
            fields.append(_with(again, alias=NameNode(value=f"{again.name.value}_{number}")))
        variables += [visit(one, numbered) for one in differing]
    body = _with(operation.selection_set, selections=tuple(fields))
    asked = _with(operation, variable_definitions=tuple[VariableDefinitionNode, ...](variables), selection_set=body)
    return "\n\n".join(print_ast(asked if one is operation else one) for one in held.definitions)


def _with(node: Any, **changes: Any) -> Any:
    return type(node)(**{**{key: getattr(node, key, None) for key in node.keys}, **changes})


def variables(each: Sequence[Mapping[str, Any]], same: Mapping[str, Any]) -> dict[str, Any]:
    """What the variables of such a query are."""
    return {**same, **{f"{name}_{number}": value for number, one in enumerate(each) for name, value in one.items()}}


def parts(content: bytes) -> list[bytes]:
    """The answers that one answer holds, each as if it had been asked for alone; itself where it holds but one."""
    if not any(mark in content for mark in MARKS):
        return [content]
    try:
        answer = read_json(content)
    except ValueError:
        return [content]
    found = split(answer)
    return [content] if found == [answer] else [write_json(one) for one in found]


def split(answer: Any) -> list[Any]:
    """The same of an answer that is read already."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or FIRST.isdisjoint(data):
        return [answer]
    found: dict[str, dict[str, Any]] = {}
    for alias, value in data.items():
        field, _, number = alias.rpartition("_")
        found.setdefault(number, {"data": {}})["data"][field] = value
    errors = answer.get("errors")
    for error in errors if isinstance(errors, list) else []:
        path = error.get("path") if isinstance(error, dict) else None
        number = str(path[0]).rpartition("_")[2] if isinstance(path, list) and path else ""
        if number in found:
            found[number].setdefault("errors", []).append(error)
    return list(found.values())
