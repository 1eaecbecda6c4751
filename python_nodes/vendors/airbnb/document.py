"""Reads the parts of our assumed JSON documents; what does not fit raises RejectedRecord naming the field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from python_nodes.domain.columns import ObjectArray
from python_nodes.domain.money import to_minor
from python_nodes.domain.records import Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.json_text import read_json

T = TypeVar("T")
MAX_COUNT = 1_000_000


def read_items(
    content: bytes, name: str, read: Callable[[Any], T], *, source: str, operation: str, raw_id: int | None
) -> tuple[list[T], list[Rejected]]:
    """Read each item of the list ``name``; one that cannot be read is kept in its wrapping, to be mapped again."""

    def rejected(error: RejectedRecord, raw: bytes) -> Rejected:
        return Rejected(
            source=source, operation=operation, reason=error.reason, field=error.field, raw=raw, raw_id=raw_id
        )

    good: list[T] = []
    bad: list[Rejected] = []
    try:
        items = _items(content, name)
    except RejectedRecord as error:
        return [], [rejected(error, content)]
    for item in items:
        try:
            good.append(read(item))
        except RejectedRecord as error:
            bad.append(rejected(error, wrapped(name, item)))
    return good, bad


def wrapped(name: str, item: Any) -> bytes:
    """One item as a document of its own."""
    return json.dumps({name: [item], "next_cursor": None}).encode()


def _items(content: bytes, name: str) -> list[Any]:
    try:
        found = read_json(content)[name]
    except (ValueError, KeyError, TypeError):
        raise RejectedRecord(f"{name}: missing, or the document is not JSON", field=name) from None
    if not isinstance(found, list):
        raise RejectedRecord(f"{name}: not a list", field=name)
    return found


def told(item: Any, field: str) -> Any:
    """Any value that must be there."""
    if not isinstance(item, dict) or item.get(field) is None:
        raise RejectedRecord(f"{field}: missing", field=field)
    return item[field]


def column(items: list[Any], field: str, read: Callable[[Any, str], T]) -> list[T]:
    """One field of many items; a value that stands in many is read once."""
    try:
        values = [item.get(field) for item in items]
        known = {value: read({field: value}, field) for value in set(values)}
    except (AttributeError, TypeError):
        raise RejectedRecord(f"{field}: not a plain value everywhere", field=field) from None
    return [known[value] for value in values]


def text(item: Any, field: str) -> str:
    """A text that is not empty."""
    value = told(item, field)
    if not isinstance(value, str) or not value or len(value) > 500:
        raise RejectedRecord(f"{field}: {str(value)[:40]!r} is not a text", field=field)
    return value


def texts(item: Any, field: str) -> list[str]:
    """A list of texts."""
    value = told(item, field)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise RejectedRecord(f"{field}: not a list of texts", field=field)
    return value


def count(item: Any, field: str) -> int:
    """A whole number, not negative."""
    value = told(item, field)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_COUNT:
        raise RejectedRecord(f"{field}: {str(value)[:20]!r} is not a count", field=field)
    return value


def day(item: Any, field: str) -> date:
    """A property-local date."""
    return _day(text(item, field), field)


# The same nights stand in every listing's calendar.
@lru_cache(maxsize=4_096)
def _day(value: str, field: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise RejectedRecord(f"{field}: {value[:20]!r} is not a date", field=field) from None


def moment(item: Any, field: str) -> datetime:
    """A moment with its zone, in UTC."""
    value = text(item, field)
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            raise RejectedRecord(f"{field}: {value[:40]!r} has no zone", field=field)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RejectedRecord(f"{field}: {value[:40]!r} is not a moment", field=field) from None


def amount(item: Any, field: str, currency: str) -> int:
    """Minor units of a decimal text."""
    return _minor(text(item, field), field, currency)


# The same few prices stand on many nights, and an exact decimal is dear to read.
@lru_cache(maxsize=16_384)
def _minor(value: str, field: str, currency: str) -> int:
    try:
        return to_minor(value, currency)
    except RejectedRecord as error:
        name = "currency" if error.field == "currency" else field
        raise RejectedRecord(f"{name}: {error.reason}", field=name) from None


def objects(values: Iterable[str | None]) -> ObjectArray:
    """An object array of texts, one-dimensional also where it is empty."""
    listed = list(values)
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array
