"""Which day and which rates the sweep looks at."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.steps import snapshot


def listing(timezone: str) -> ListingInfo:
    return ListingInfo(
        listing_id=1, unit_id=1, property_id=1, external_id="r", unit_external_id="u", property_external_id="p",
        channel_property_id="p", title="t", channel="booking_com", market="m", country="PT", subdivision=None,
        timezone=timezone, currency="EUR", priority=0.5, unit_count=1, base_price_minor=1, floor_price_minor=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "zones", "day"),
    [
        (datetime(2026, 3, 2, 12, tzinfo=UTC), ["Europe/Lisbon"], date(2026, 3, 2)),
        # 05:00 UTC is still yesterday in Honolulu: yesterday is not over everywhere.
        (datetime(2026, 3, 2, 5, tzinfo=UTC), ["Europe/Lisbon", "Pacific/Honolulu"], date(2026, 3, 1)),
        (datetime(2026, 3, 2, 11, tzinfo=UTC), ["Pacific/Auckland", "Pacific/Honolulu"], date(2026, 3, 2)),
        (datetime(2026, 3, 2, 11, tzinfo=UTC), ["Pacific/Auckland"], date(2026, 3, 3)),
        (datetime(2026, 3, 2, 5, tzinfo=UTC), [], date(2026, 3, 2)),
    ],
)
def test_the_day_is_the_one_that_has_begun_everywhere(at: datetime, zones: list[str], day: date) -> None:
    assert snapshot.local_day(at, [listing(zone) for zone in zones]) == day


def test_rates_turn_minor_units_into_minor_units() -> None:
    rates = snapshot.minor_rates("EUR")
    assert rates["EUR"] == 1.0
    # A yen has no minor unit: one yen is about half a cent, not half of a hundredth of one.
    assert 0.3 < rates["JPY"] < 1.2
    back = snapshot.minor_rates("JPY")
    assert back["EUR"] * rates["JPY"] == pytest.approx(1.0)


def test_scoring_reads_what_is_over() -> None:
    assert snapshot.window(date(2026, 3, 2), 7) == (date(2026, 2, 23), date(2026, 3, 1))


def test_a_series_counts_once_it_has_any_value() -> None:
    values = np.full((3, 5), np.nan)
    values[1, 4] = 0.0
    matrix = MetricMatrix(
        listing_ids=np.arange(3), days=np.arange(5).astype("datetime64[D]"),
        values={"bookings": values, "listing_views": np.full((3, 5), np.nan)},
    )  # fmt: skip
    assert snapshot.told(matrix) == 1
