"""Maps the Property Health API's JSON; a property that cannot be read is rejected, the rest goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes.domain.records import HealthRecord, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.booking_com.by_property import each_property
from python_nodes.vendors.booking_com.ota import read_moment

# The documents name the first three; what Booking.com itself closes, as for want of rates, has a word of its own.
HEALTH_STATUSES = ("bookable", "closed", "suspended", "auto_closed", "hard_closed")


def map_health(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[HealthRecord], list[Rejected]]:
    """One record a room; a property that is not bookable overrides its rooms."""
    return each_property(
        content, lambda told: _health(told, source, observed_at, raw_id), source=source, operation="health",
        raw_id=raw_id,
    )  # fmt: skip


def _health(told: Any, source: str, observed_at: datetime, raw_id: int | None) -> list[HealthRecord]:
    if not isinstance(told, dict) or not isinstance(told.get("rooms"), list):
        raise RejectedRecord("rooms: missing", field="rooms")
    overall = _status(told.get("status"), "status")
    changed_at = read_moment(str(told.get("status_changed_at", "")), "status_changed_at")
    records = []
    for room in told["rooms"]:
        if not isinstance(room, dict) or not room.get("room_id"):
            raise RejectedRecord("rooms.room_id: missing", field="rooms.room_id")
        status = _status(room.get("status"), "rooms.status")
        own_change = room.get("status_changed_at")
        records.append(
            HealthRecord(
                source=source,
                listing_external_id=str(room["room_id"]),
                status=status if overall == "bookable" else overall,
                changed_at=changed_at
                if own_change is None or overall != "bookable"
                else read_moment(str(own_change), "rooms.status_changed_at"),
                observed_at=observed_at,
                detail=str(room.get("detail") or ""),
                raw_id=raw_id,
            )
        )
    return records


def _status(told: Any, field: str) -> str:
    if not isinstance(told, str) or told not in HEALTH_STATUSES:
        known = ", ".join(HEALTH_STATUSES)
        raise RejectedRecord(f"{field}: {str(told)[:20]!r} is not one of {known}", field=field)
    return told
