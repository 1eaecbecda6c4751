"""Worlds drawn from negative binomials with a week and a season, for the tests beside this file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from python_nodes.domain.metrics import FloatArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo


def make_listing(key: int, market: str = "lisbon", priority: float = 0.0) -> ListingInfo:
    return ListingInfo(
        listing_id=key, unit_id=key, property_id=key, external_id=f"room-{key}", unit_external_id=f"unit-{key}",
        property_external_id=f"hotel-{key}", channel_property_id=f"hotel-{key}",
        title=f"Room {key}", channel="booking_com", market=market, country="PT",
        subdivision=None, timezone="Europe/Lisbon", currency="EUR", priority=priority, unit_count=20,
        base_price_minor=10_000, floor_price_minor=5_000,
    )  # fmt: skip


def draw_world(
    seed: int, bookings_per_day: FloatArray, days: int = 400, dispersion: float = 1.3, kept: float = 1.0,
    drop_days: int = 0, impressions_kept: float = 1.0,
) -> MetricMatrix:  # fmt: skip
    """Demand → impressions → views → bookings; on the last ``drop_days`` listing 0 keeps the given shares."""
    rng = np.random.default_rng(seed)
    n = bookings_per_day.size
    index = np.datetime64("2025-01-27") + np.arange(days)
    week = rng.uniform(0.75, 1.3, 7)[(index.astype(np.int64) + 3) % 7]
    season = 1 + rng.uniform(0.1, 0.5) * np.sin(2 * np.pi * (np.arange(days) / 365 + rng.uniform()))
    mean = rng.uniform(200, 2_000, n)[:, None] * week * season
    touched = np.ones((n, days))
    conversion = np.broadcast_to((bookings_per_day / (mean.mean(axis=1) * 0.2))[:, None], (n, days)).copy()
    if drop_days:
        touched[0, -drop_days:] = impressions_kept
        conversion[0, -drop_days:] *= kept
    impressions = rng.negative_binomial(mean * touched / 2.0, 1 / 3.0).astype(np.float64)
    views = rng.binomial(impressions.astype(np.int64), 0.2).astype(np.float64)
    wanted = np.maximum(views * conversion, 1e-9)
    bookings = rng.negative_binomial(wanted / (dispersion - 1), 1 / dispersion).astype(np.float64)
    return MetricMatrix(
        np.arange(1, n + 1), index,
        {"search_impressions": impressions, "listing_views": views, "booking_velocity": bookings},
    )  # fmt: skip


@pytest.fixture
def world() -> Callable[..., MetricMatrix]:
    """``draw_world``, since tests are no package to import from."""
    return draw_world


@pytest.fixture
def listing() -> Callable[..., ListingInfo]:
    """``make_listing``, likewise."""
    return make_listing
