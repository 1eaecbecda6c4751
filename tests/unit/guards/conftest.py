"""A small portfolio on which nothing is wrong: three units on one channel, one of them on two more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from python_nodes.domain.inputs import (
    AriMatrix,
    FeedMarks,
    GuardInputs,
    HealthState,
    MissingContent,
    RecentDays,
    ReviewState,
    UsualTerms,
)
from python_nodes.domain.portfolio import ListingInfo

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
N, NIGHTS, DAYS = 3, 100, 30
UTC_S = "datetime64[s]"


def listing(key: int, unit: int | None = None, channel: str = "c") -> ListingInfo:
    return ListingInfo(
        listing_id=key, unit_id=unit or key, property_id=key, external_id=f"r{key}", unit_external_id=f"u{key}",
        property_external_id=f"p{key}", channel_property_id=f"p{key}",
        title="", channel=channel, market="m", country="PT", subdivision=None,
        timezone="America/New_York", currency="EUR", priority=0.0, unit_count=3, base_price_minor=10_000,
        floor_price_minor=4_000,
    )  # fmt: skip


def texts(*values: str) -> np.ndarray:
    return np.array(values, dtype=np.str_)


def no_marks() -> FeedMarks:
    none, moments = np.empty(0, np.int64), np.empty(0, UTC_S)
    return FeedMarks(none, texts(), texts(), np.empty(0, "datetime64[D]"), texts(), moments)


def of(rows: int) -> GuardInputs:
    shape = (rows, NIGHTS)
    days = np.datetime64(TODAY, "D") + np.arange(2 - DAYS, 2)
    shown = np.where(days < np.datetime64(TODAY), 300.0 + np.arange(DAYS), np.nan) * np.ones((rows, 1))
    price = np.full(shape, 10_000.0)
    stay_shares = np.zeros((rows, 30))
    stay_shares[:, [0, 1, 3]] = (0.5, 0.3, 0.2)
    return GuardInputs(
        as_of=NOW, as_of_day=TODAY, listings=[listing(11 + row) for row in range(rows)],
        ari=AriMatrix(
            np.datetime64(TODAY, "D") + np.arange(NIGHTS), np.ones(shape, bool), np.ones(shape, bool), price,
            np.full(shape, 2, np.int64), np.ones(shape, np.int64), np.full(shape, 3_000, np.int64),
            np.full(rows, np.datetime64("2026-03-02T11:00:00", "s")),
        ),
        health=HealthState(
            texts(*["bookable"] * rows), np.full(rows, np.datetime64("2026-01-01T00:00:00", "s")), texts(*[""] * rows)
        ),
        operator_known=np.ones(shape, bool), operator_open=np.ones(shape, bool),
        operator_since=np.full(shape, np.datetime64("2026-01-01T00:00:00", "s")),
        usual=UsualTerms(price, np.full(shape, 3_000.0), np.ones(shape)),
        last_performance_day=np.full(rows, np.datetime64("2026-03-01", "D")),
        local_day=np.full(rows, np.datetime64(TODAY, "D")),
        night_demand=np.full(shape, 0.01), stay_shares=stay_shares, booked_units=np.ones(shape, np.int64),
        recent=RecentDays(days, shown, shown / 5, np.where(days <= np.datetime64(TODAY), 9.0, np.nan) + 0 * shown),
        reviews=ReviewState(np.full(rows, 9.0), np.full(rows, 40, np.int64)),
        missing_content=MissingContent(np.empty(0, np.int64), texts(), texts(), np.empty(0, np.int64),
                                       np.empty(0, UTC_S)),
        marks=no_marks(), failing=(),
    )  # fmt: skip


@pytest.fixture
def well() -> GuardInputs:
    return of(N)


@pytest.fixture
def sold_on_three() -> GuardInputs:
    """One unit on three channels."""
    channels = ("booking_com", "vrbo", "airbnb")
    listings = [replace(listing(11 + row, 5), channel=channel) for row, channel in enumerate(channels)]
    return replace(of(N), listings=listings)


def changed(array: np.ndarray, value: object, row: int = 1, nights: slice = slice(10, 20)) -> np.ndarray:
    result = array.copy()
    result[row, nights] = value
    return result


def at_row(array: np.ndarray, value: object, row: int = 1) -> np.ndarray:
    result = array.copy()
    result[row] = value
    return result
