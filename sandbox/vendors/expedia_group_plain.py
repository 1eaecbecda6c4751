"""Completes lists of plain dicts in one go: a page of reservations is thousands of fields, and none has a resolver."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from graphql import (
    Executor,
    GraphQLError,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    Undefined,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_scalar_type,
)

from sandbox.vendors.expedia_group_table import PLAIN, Column, Table, told

Giver = Callable[[Any], Any]
_PLAIN: set[type] = set(PLAIN)
_AS_IT_IS: dict[str, set[type]] = {"ID": {str}, "String": {str}}


class NotPlain(Exception):
    """The value needs the library: it has resolvers, arguments or errors somewhere."""


class Plain:
    """What one request selects of each type, worked out once; ``giver`` completes any value of a type by it."""

    def __init__(self, executor: Executor[Any]) -> None:
        self._executor = executor
        self._known: dict[tuple[GraphQLOutputType, int], Giver] = {}

    def giver(self, kind: GraphQLOutputType, details: Any) -> Giver:
        """Give the function that completes a value of ``kind``; it raises NotPlain where it is not sure."""
        # The executor keeps the details, so that no other ones get their id.
        key = (kind, id(details))
        if key not in self._known:
            self._known[key] = self._made(kind, details)
        return self._known[key]

    def _made(self, kind: GraphQLOutputType, details: Any) -> Giver:
        if is_non_null_type(kind):
            return _required(self.giver(kind.of_type, details))
        if is_list_type(kind):
            return _listed(self.giver(kind.of_type, details))
        if is_leaf_type(kind):
            return _leaf(kind)
        if is_abstract_type(kind):
            return self._of_its_type(kind, details)
        if is_object_type(kind) and kind.is_type_of is None:
            return self._selected(kind, details)
        return _refuse

    def _of_its_type(self, kind: Any, details: Any) -> Giver:
        possible = {one.name: one for one in self._executor.schema.get_possible_types(kind)}

        def give(value: Any) -> Any:
            if value is None:
                return None
            found = possible.get(str(value.get("__typename"))) if type(value) is dict else None
            if found is None:
                raise NotPlain
            return self.giver(found, details)(value)

        return give

    def _selected(self, kind: GraphQLObjectType, details: Any) -> Giver:
        collected = self._executor.collect_subfields(kind, details)
        if collected.new_defer_usages:
            return _refuse
        parts: list[tuple[str, str, Giver]] = []
        for answered, asked in collected.grouped_field_set.items():
            name = asked[0].node.name.value
            field = kind.fields.get(name)
            if field is None or field.args or field.resolve is not None:
                return _refuse
            parts.append((answered, name, self.giver(field.type, asked)))

        def give(value: Any) -> Any:
            if value is None:
                return None
            if type(value) is not dict:
                raise NotPlain
            try:
                return {answered: part(value[name]) for answered, name, part in parts}
            except KeyError:
                raise NotPlain from None

        return give


def _refuse(_: Any) -> Any:
    raise NotPlain


def _required(inner: Giver) -> Giver:
    def give(value: Any) -> Any:
        if value is None:
            raise NotPlain
        return inner(value)

    return give


def _listed(inner: Giver) -> Giver:
    def give(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is Table:
            return told(inner(value.shape), value.size)
        if type(value) is not list:
            raise NotPlain
        return [inner(one) for one in value]

    return give


def _leaf(kind: GraphQLLeafType) -> Giver:
    def coerced(value: Any) -> Any:
        if type(value) not in PLAIN:
            raise NotPlain
        try:
            found = kind.coerce_output_value(value)
        except GraphQLError:
            raise NotPlain from None
        if found is None or found is Undefined:
            raise NotPlain
        return found

    def give(value: Any) -> Any:
        if value is None:
            return None
        return _column(kind, value, coerced) if type(value) is Column else coerced(value)

    return give


def _column(kind: GraphQLLeafType, column: Column, coerced: Giver) -> Column:
    """Coerce each different value once; what a type tells as it is stays as it is."""
    values = column.values
    types = set(map(type, values))
    if types <= _AS_IT_IS.get(kind.name, set()) or (types <= _PLAIN and _is_custom(kind)):
        return column
    if kind.name == "Float" and types == {float} and all(map(isfinite, values)):
        return column
    known = {value: coerced(value) for value in set(values)}
    return Column(lambda: [known[value] for value in values])


def _is_custom(kind: GraphQLLeafType) -> bool:
    """Whether it is a scalar of the schema's own, of which the schema's text tells nothing but its name."""
    return is_scalar_type(kind) and kind.coerce_output_value is GraphQLScalarType.serialize
