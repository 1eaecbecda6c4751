"""Findings as guards and scoring would hand them over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from python_nodes.domain.findings import Anomaly, Impact
from python_nodes.domain.portfolio import ListingInfo

AS_OF = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def make_listing() -> Callable[..., ListingInfo]:
    def make(listing_id: int, property_id: int = 1, **changes: Any) -> ListingInfo:
        values: dict[str, Any] = {
            "listing_id": listing_id, "unit_id": listing_id, "property_id": property_id,
            "external_id": f"room-{listing_id}", "unit_external_id": f"unit-{listing_id}",
            "property_external_id": f"hotel-{property_id}", "channel_property_id": f"hotel-{property_id}",
        "title": f"Harbour View Room {listing_id}",
            "channel": "booking_com", "market": "lisbon", "country": "PT", "subdivision": None,
            "timezone": "Europe/Lisbon", "currency": "EUR", "priority": 0.0, "unit_count": 1,
            "base_price_minor": 10_000, "floor_price_minor": 5_000,
        }  # fmt: skip
        return ListingInfo(**(values | changes))

    return make


@pytest.fixture
def make_anomaly() -> Callable[..., Anomaly]:
    def make(listing_id: int, kind: str, **changes: Any) -> Anomaly:
        values: dict[str, Any] = {
            "listing_id": listing_id, "kind": kind, "metric": "availability", "onset_date": date(2026, 3, 4),
            "observed": None, "expected": None, "lower": None, "upper": None, "p_value": None, "share_lost": 0.5,
            "confidence": 0.9, "cause": "calendar_closed", "evidence": {"nights": 12},
        }  # fmt: skip
        return Anomaly(**(values | changes))

    return make


@pytest.fixture
def make_impact() -> Callable[..., Impact]:
    def make(category: str = "high", score: float = 70.0, **changes: Any) -> Impact:
        values: dict[str, Any] = {
            "loss_per_day_minor": 10_000, "days_to_resolution": 2.0, "impact_minor": 20_000,
            "lost_so_far_minor": 5_000, "score": score, "category": category, "parts": {"revenue": 0.4},
        }  # fmt: skip
        return Impact(**(values | changes))

    return make
