"""Maps what a unit's page shows: amenities that are there, and rate plans on sale."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes.domain.records import ContentRecord, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.expedia_group.answers import flag, read_data, rejected, rows, table, text


def map_content(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[ContentRecord], list[Rejected]]:
    """One record of an answer about a unit; none of a property's list of units, which only leads there."""
    try:
        data = read_data(content)
        if "unit" not in data and isinstance(data.get("property"), dict | None):
            return [], []
        return [_content(data, source, observed_at)], []
    except RejectedRecord as error:
        return [], [rejected(error, content, source, "content", raw_id)]


def _content(data: Any, source: str, observed_at: datetime) -> ContentRecord:
    unit = table(data, "unit")
    # Null stands for a part that failed: an empty list says that there is none, null must not.
    amenities = (
        text(amenity, "key") for amenity in rows(unit, "amenities") if flag(table(amenity, "value"), "available")
    )
    plans = (text(plan, "id") for plan in rows(data, "ratePlansByUnitId") if text(plan, "status") == "ACTIVE")
    return ContentRecord(
        source=source,
        listing_external_id=text(unit, "id"),
        observed_at=observed_at,
        amenities=frozenset(amenities),
        rate_plans=frozenset(plans),
    )
