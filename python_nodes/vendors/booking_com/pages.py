"""Maps review scores and what pages show (JSON); a property that cannot be read is rejected, the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from python_nodes.domain.records import ContentRecord, Rejected, ReviewRecord
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.booking_com.by_property import each_property

T = TypeVar("T")
MAX_REVIEWS = 10**9


def map_reviews(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[ReviewRecord], list[Rejected]]:
    """One record a room with reviews."""

    def read(room: Mapping[str, Any]) -> ReviewRecord | None:
        count = room.get("review_count")
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count < MAX_REVIEWS:
            raise RejectedRecord(f"rooms.review_count: {str(count)[:20]!r} is not a count", field="rooms.review_count")
        # Without a review there is no average.
        if not count:
            return None
        return ReviewRecord(
            source=source,
            listing_external_id=_room_id(room),
            observed_at=observed_at,
            score_10=_score(room.get("review_score")),
            review_count=count,
        )

    found, bad = _each_room(content, read, source=source, operation="reviews", raw_id=raw_id)
    return [one for one in found if one is not None], bad


def map_content(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[ContentRecord], list[Rejected]]:
    """One record a room."""

    def read(room: Mapping[str, Any]) -> ContentRecord:
        return ContentRecord(
            source=source,
            listing_external_id=_room_id(room),
            observed_at=observed_at,
            amenities=_names(room, "amenities"),
            rate_plans=_names(room, "rate_plans"),
        )

    return _each_room(content, read, source=source, operation="content", raw_id=raw_id)


def _each_room(
    content: bytes, read: Callable[[Mapping[str, Any]], T], *, source: str, operation: str, raw_id: int | None
) -> tuple[list[T], list[Rejected]]:
    def rooms_of(told: Any) -> list[T]:
        rooms = told.get("rooms") if isinstance(told, dict) else None
        if not isinstance(rooms, list) or not all(isinstance(room, dict) for room in rooms):
            raise RejectedRecord("rooms: missing", field="rooms")
        return [read(room) for room in rooms]

    return each_property(content, rooms_of, source=source, operation=operation, raw_id=raw_id)


def _room_id(room: Mapping[str, Any]) -> str:
    told = room.get("room_id")
    if not isinstance(told, str) or not told:
        raise RejectedRecord("rooms.room_id: missing", field="rooms.room_id")
    return told


def _score(told: Any) -> float:
    is_number = isinstance(told, int | float) and not isinstance(told, bool)
    if not is_number or not 0 <= told <= 10:
        raise RejectedRecord(f"rooms.review_score: {str(told)[:20]!r} is not from 0 to 10", field="rooms.review_score")
    return float(told)


def _names(room: Mapping[str, Any], name: str) -> frozenset[str]:
    """A list that is there: an empty one says that there is none, a missing one says nothing."""
    told = room.get(name)
    if not isinstance(told, list) or not all(isinstance(one, str) and one for one in told):
        raise RejectedRecord(f"rooms.{name}: not a list of names", field=f"rooms.{name}")
    return frozenset(told)
