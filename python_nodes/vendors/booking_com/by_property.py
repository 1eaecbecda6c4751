"""Answers that tell a list of properties (JSON): one that cannot be read is rejected by itself, the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from python_nodes.domain.records import Rejected
from python_nodes.errors import RejectedRecord

T = TypeVar("T")


def each_property(
    content: bytes, read: Callable[[Any], Sequence[T]], *, source: str, operation: str, raw_id: int | None
) -> tuple[list[T], list[Rejected]]:
    """Return what ``read`` makes of each property, and what it refuses."""

    def rejected(error: RejectedRecord, raw: bytes) -> Rejected:
        return Rejected(
            source=source, operation=operation, reason=error.reason, field=error.field, raw=raw, raw_id=raw_id
        )

    try:
        properties = _properties(content)
    except RejectedRecord as error:
        return [], [rejected(error, content)]
    good: list[T] = []
    bad: list[Rejected] = []
    for told in properties:
        try:
            good.extend(read(told))
        except RejectedRecord as error:
            # In its wrapping, so that the quarantined record can be mapped again by itself.
            bad.append(rejected(error, json.dumps({"data": {"properties": [told]}}).encode()))
    return good, bad


def _properties(content: bytes) -> list[Any]:
    try:
        found = json.loads(content)["data"]["properties"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RejectedRecord("data.properties: missing or not JSON", field="data.properties") from None
    if not isinstance(found, list):
        raise RejectedRecord("data.properties: not a list", field="data.properties")
    return found
