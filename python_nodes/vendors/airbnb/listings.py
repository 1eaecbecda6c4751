"""Maps what our assumed API tells of listings: status, rating, amenities and rate plans."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from python_nodes.domain.records import ContentRecord, HealthRecord, Rejected, ReviewRecord
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.airbnb.document import count, moment, read_items, text, texts, told

STATUSES = {"listed": "bookable", "unlisted": "closed", "snoozed": "closed", "suspended": "suspended"}
LOWEST, HIGHEST = 1.0, 5.0


def map_health(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[HealthRecord], list[Rejected]]:
    """One record a listing, in the words that all channels share."""

    def read(item: Any) -> HealthRecord:
        status = text(item, "status")
        if status not in STATUSES:
            raise RejectedRecord(f"status: {status[:20]!r} is not one of {', '.join(STATUSES)}", field="status")
        return HealthRecord(
            source=source,
            listing_external_id=text(item, "listing_id"),
            status=STATUSES[status],
            changed_at=moment(item, "status_changed_at"),
            observed_at=observed_at,
            detail=text(item, "status_reason") if item.get("status_reason") else "",
            raw_id=raw_id,
        )

    return read_items(content, "listings", read, source=source, operation="health", raw_id=raw_id)


def map_reviews(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[ReviewRecord], list[Rejected]]:
    """One record a listing with reviews; five stars are ten of ten."""

    def read(item: Any) -> ReviewRecord | None:
        listing, reviews = text(item, "listing_id"), count(item, "review_count")
        # Without a review there is no average.
        if not reviews:
            return None
        return ReviewRecord(
            source=source,
            listing_external_id=listing,
            observed_at=observed_at,
            score_10=round(2 * _rating(item), 4),
            review_count=reviews,
        )

    found, bad = read_items(content, "summaries", read, source=source, operation="reviews", raw_id=raw_id)
    return [one for one in found if one is not None], bad


def map_content(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[ContentRecord], list[Rejected]]:
    """One record a listing."""

    def read(item: Any) -> ContentRecord:
        return ContentRecord(
            source=source,
            listing_external_id=text(item, "listing_id"),
            observed_at=observed_at,
            amenities=frozenset(texts(item, "amenities")),
            rate_plans=frozenset(texts(item, "rate_plans")),
        )

    return read_items(content, "listings", read, source=source, operation="content", raw_id=raw_id)


def _rating(item: Any) -> float:
    value = told(item, "rating")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not LOWEST <= value <= HIGHEST:
        raise RejectedRecord(f"rating: {str(value)[:20]!r} does not lie between 1 and 5", field="rating")
    return float(value)
