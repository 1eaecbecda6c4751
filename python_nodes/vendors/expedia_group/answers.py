"""Reads GraphQL answers field by field: what cannot be used is refused by its name, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

from python_nodes.domain.records import Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.expedia_group.graphql import code
from python_nodes.vendors.json_text import read_json, write_json

T = TypeVar("T")


def read_data(content: bytes) -> Mapping[str, Any]:
    """The ``data`` of an answer."""
    return data_of(read_answer(content))


def read_answer(content: bytes) -> Any:
    """An answer as it came."""
    try:
        return read_json(content)
    except ValueError:
        _refuse("document", "is not JSON")


def data_of(answer: Any) -> Mapping[str, Any]:
    """The ``data`` of an answer that is read already."""
    if not isinstance(answer, dict):
        _refuse("document", "is no GraphQL answer")
    errors = answer.get("errors")
    told = f", error {code(errors)}" if isinstance(errors, list) and errors else ""
    data = answer.get("data")
    if not isinstance(data, dict):
        _refuse("data", f"is missing{told}")
    if data and all(value is None for value in data.values()):
        _refuse(f"data.{next(iter(data))}", f"is null{told}")
    return data


def table(holder: Any, name: str) -> Mapping[str, Any]:
    """``holder[name]``, an object."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else _refuse(name, "is missing")


def rows(holder: Any, name: str) -> list[Any]:
    """``holder[name]``, a list."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else _refuse(name, "is not a list")


def text(holder: Any, name: str) -> str:
    """``holder[name]``, a text that is not empty."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, str) and value else _refuse(name, "is missing")


def flag(holder: Any, name: str) -> bool:
    """``holder[name]``, true or false."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, bool) else _refuse(name, "is neither true nor false")


def day(holder: Any, name: str) -> date:
    """``holder[name]``, an ISO date."""
    return _day(text(holder, name), name)


# Stays of thousands begin and end on the same few hundred days.
@lru_cache(maxsize=8_192)
def _day(told: str, name: str) -> date:
    try:
        return date.fromisoformat(told[:10])
    except ValueError:
        _refuse(name, f"{told[:40]!r} is not a date")


def moment(holder: Any, name: str) -> datetime:
    """``holder[name]``, an ISO moment in UTC; the documents promise a zone."""
    told = text(holder, name)
    try:
        found = datetime.fromisoformat(told)
        if found.tzinfo is UTC:
            return found
        return found.astimezone(UTC) if found.tzinfo else _refuse(name, f"{told[:40]!r} has no zone")
    except (ValueError, OverflowError):
        _refuse(name, f"{told[:40]!r} is not a moment")


def part_each(
    parts: list[Any],
    read: Callable[[Any], list[T]],
    wrap: Callable[[Any], object],
    *,
    source: str,
    operation: str,
    raw_id: int | None,
) -> tuple[list[T], list[Rejected]]:
    """Read part by part: a bad one costs only itself, and is kept in a wrapping that maps again."""
    good: list[T] = []
    bad: list[Rejected] = []
    for part in parts:
        try:
            good.extend(read(part))
        except RejectedRecord as error:
            bad.append(rejected(error, document(wrap(part)), source, operation, raw_id))
    return good, bad


def document(data: object) -> bytes:
    """``data`` as an answer of its own."""
    return write_json({"data": data})


def rejected(error: RejectedRecord, raw: bytes, source: str, operation: str, raw_id: int | None) -> Rejected:
    """Build the quarantine's entry of what could not be read."""
    return Rejected(source=source, operation=operation, reason=error.reason, field=error.field, raw=raw, raw_id=raw_id)


def _refuse(field: str, why: str) -> NoReturn:
    raise RejectedRecord(f"{field}: {why}", field=field)
