"""Runs GraphQL on the public schema: request errors are told by status 400, execution errors by 200."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    Executor,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    build_schema,
    execute_sync,
    get_nullable_type,
    is_leaf_type,
    parse,
    validate,
)

from sandbox.lazy import Lazy
from sandbox.vendors.expedia_group_plain import NotPlain, Plain
from sandbox.vendors.expedia_group_table import Table

SCHEMA = Path(__file__).parents[1] / "data" / "expedia_supply.graphqls"
MAX_TOKENS = 5_000
# By the field of a property or of the root that asks for it, the dearest first.
_CAPABILITIES = {
    "reservations": "reservations", "aggregatedReviews": "reviews", "unit": "content", "ratePlansByUnitId": "content",
    "activeStatus": "health", "units": "content",
}  # fmt: skip


class RequestError(Exception):
    """A request that is no GraphQL of this schema; ``errors`` are as GraphQL formats them."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("the request is not valid")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Request:
    """A valid query with its variables."""

    document: DocumentNode
    variables: Mapping[str, Any]
    operation_name: str | None

    @property
    def capability(self) -> str:
        """Which of the API's capabilities it asks for; each has a rate limit of its own."""
        asked = _fields(self.document)
        return next((name for field, name in _CAPABILITIES.items() if field in asked), "property")

    def run(self, root: Mapping[str, Any]) -> dict[str, Any]:
        """Execute it; the answer holds ``errors`` beside what could be found, and is for ``table.dumps`` to write."""
        done = execute_sync(
            schema(), self.document, root_value=root, variable_values=dict(self.variables),
            operation_name=self.operation_name, field_resolver=_resolve, executor_class=_Executor,
        )  # fmt: skip
        return dict(done.formatted)


@cache
def schema() -> GraphQLSchema:
    """The public schema, read once."""
    return build_schema(SCHEMA.read_text(encoding="utf-8"))


def read_request(body: object) -> Request:
    """Check a request's body; raises RequestError."""
    query = body.get("query") if isinstance(body, dict) else None
    variables = body.get("variables") if isinstance(body, dict) else None
    name = body.get("operationName") if isinstance(body, dict) else None
    if not isinstance(query, str) or not isinstance(variables or {}, dict) or not isinstance(name, str | None):
        raise RequestError([GraphQLError("a JSON body with query, variables and operationName is required")])
    document = _document(query)
    if any(one.operation is not OperationType.QUERY for one in _operations(document)):
        raise RequestError([GraphQLError("mutations and subscriptions are not simulated")])
    return Request(document, variables or {}, name)


# The same few queries come thousands of times.
@lru_cache(maxsize=256)
def _document(query: str) -> DocumentNode:
    try:
        document = parse(query, max_tokens=MAX_TOKENS)
    except GraphQLError as error:
        raise RequestError([error]) from None
    errors = validate(schema(), document)
    if errors:
        raise RequestError(errors)
    return document


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]


def _fields(document: DocumentNode) -> set[str]:
    """Names of the root's fields and of those right beneath them, fragments included."""
    held = [*_operations(document), *(one for one in document.definitions if isinstance(one, FragmentDefinitionNode))]
    top = [part for one in held for part in one.selection_set.selections if isinstance(part, FieldNode)]
    beneath = (part.selection_set.selections for part in top if part.selection_set)
    return {
        part.name.value for part in [*top, *(one for parts in beneath for one in parts)] if isinstance(part, FieldNode)
    }


class _Executor(Executor[Any]):
    """Takes plain values of leaf types the short way: a page of reservations is thousands of them."""

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: Any,
        path: Any,
        position_context: Any,
    ) -> Any:
        """Give the value as its type coerces it; whatever is not so simple, errors included, is left to the library."""
        name = field_details_list[0].node.name.value
        value = source.get(name) if type(source) is dict else None
        leaf = _leaf(parent_type, name) if type(value) in (str, int, float, bool) else None
        if leaf is not None:
            with suppress(GraphQLError):
                coerced = leaf.coerce_output_value(value)
                if coerced is not None and coerced is not Undefined:
                    return coerced
        return super().execute_field(parent_type, source, field_details_list, path, position_context)

    def complete_list_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Give a table or a list of plain dicts in one go, and any other to the library, object by object."""
        try:
            return self._plain.giver(return_type, field_details_list)(result)
        except NotPlain:
            each = result.rows() if type(result) is Table else result
            return super().complete_list_value(return_type, field_details_list, info, path, each, position_context)

    @Lazy
    def _plain(self) -> Plain:
        return Plain(self)


@cache
def _leaf(parent_type: GraphQLObjectType, name: str) -> GraphQLLeafType | None:
    field = parent_type.fields.get(name)
    held = get_nullable_type(field.type) if field is not None else None
    return held if is_leaf_type(held) else None


def _resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """A field of a dict: its value, or what its function gives for the arguments."""
    if info.field_name not in source:
        message = f"{info.parent_type.name}.{info.field_name} is not simulated"
        raise GraphQLError(message, extensions={"code": "NOT_SIMULATED"})
    value = source[info.field_name]
    return value(**arguments) if callable(value) else value
