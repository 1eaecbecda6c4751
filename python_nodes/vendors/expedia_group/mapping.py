"""Maps Expedia Group's answers to domain records; pure, and never raises: what cannot be read is a Rejected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from python_nodes.domain.records import ContentRecord, HealthRecord, Rejected, ReviewRecord
from python_nodes.vendors.expedia_group import batches, content, health, reviews
from python_nodes.vendors.expedia_group.ari import map_ari, map_ari_columns
from python_nodes.vendors.expedia_group.reservations import (
    guest_spans,
    map_reservation_history,
    map_reservation_history_columns,
    map_reservations,
    raw_reservation,
)

__all__ = [
    "guest_spans",
    "map_ari",
    "map_ari_columns",
    "map_content",
    "map_health",
    "map_reservation_history",
    "map_reservation_history_columns",
    "map_reservations",
    "map_reviews",
    "raw_reservation",
]
T = TypeVar("T")
Mapped = tuple[list[T], list[Rejected]]


def _each(one: Callable[..., Mapped[T]]) -> Callable[..., Mapped[T]]:
    """Map each of the answers that one answer holds."""

    def mapped(content: bytes, *, source: str, observed_at: datetime, raw_id: int | None) -> Mapped[T]:
        good: list[T] = []
        bad: list[Rejected] = []
        for part in batches.parts(content):
            some, refused = one(part, source=source, observed_at=observed_at, raw_id=raw_id)
            good += some
            bad += refused
        return good, bad

    return mapped


map_health: Callable[..., Mapped[HealthRecord]] = _each(health.map_health)
map_reviews: Callable[..., Mapped[ReviewRecord]] = _each(reviews.map_reviews)
map_content: Callable[..., Mapped[ContentRecord]] = _each(content.map_content)
