"""Series drawn without servers, and listings they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from python_nodes.domain.metrics import FloatArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.rootcause import case, model, patterns, rank
from python_nodes.scoring.rootcause.case import Asked, LoggedChange

LAST = date(2026, 5, 31)
ONE = ListingInfo(
    listing_id=0, unit_id=0, property_id=0, external_id="r0", unit_external_id="u0", property_external_id="p0",
    channel_property_id="p0", title="", channel="booking_com", market="Lisbon", country="PT", subdivision=None,
    timezone="Europe/Lisbon", currency="EUR", priority=0.0, unit_count=1, base_price_minor=10_000,
    floor_price_minor=5_000,
)  # fmt: skip


@dataclass
class Scene:
    """Thirty listings of a market; listing 0 and 1 are a unit on two channels. Factors change what is drawn."""

    listings: list[ListingInfo]
    values: dict[str, FloatArray]
    days: np.ndarray
    changes: list[LoggedChange] = field(default_factory=list)

    def fall(self, row: int, since: int, **kept: float) -> None:
        """From ``since`` days ago keep so much of impressions, click-through and conversion, on a listing."""
        part = slice(self.days.size - since, None)
        shown, opened, booked = (kept.get(name, 1.0) for name in ("impressions", "click_through", "conversion"))
        for name, factor in zip(case.COUNTS, np.cumprod([shown, opened, booked]), strict=True):
            self.values[name][row, part] = np.round(self.values[name][row, part] * factor)

    def log(self, field_name: str, old: str, new: str, days_ago: int, listing_id: int | None = 0) -> None:
        """Write a line into the change log."""
        day = self.days[-days_ago].astype(date)
        at = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
        self.changes.append(
            LoggedChange(changed_at=at, channel="booking_com", listing_id=listing_id, property_id=0, field=field_name,
                         old=old, new=new, actor="ana")
        )  # fmt: skip

    def causes(
        self, *asked: Asked, confirmed: Mapping[str, Mapping[str, int]] | None = None
    ) -> list[list[dict[str, Any]]]:
        """Rank the causes by the shipped patterns and weights."""
        places = case.places(asked, self.listings)
        matrix = MetricMatrix(np.arange(len(self.listings)), self.days, self.values)
        return rank.causes(asked, places, matrix, self.changes, self.listings, patterns.shipped(), model.shipped(),
                           confirmed)  # fmt: skip


@pytest.fixture
def scene() -> Scene:
    rng = np.random.default_rng(7)
    n, days = 30, np.datetime64(LAST, "D") - np.arange(case.SPAN_DAYS - 1, -1, -1)
    shown = rng.poisson(2000, (n, days.size)).astype(np.float64)
    viewed = rng.binomial(shown.astype(int), 0.2).astype(np.float64)
    booked = rng.binomial(viewed.astype(int), 0.02).astype(np.float64)
    listings = [
        replace(ONE, listing_id=at, unit_id=max(at, 1), property_id=max(at, 1) - 1, external_id=f"r{at}",
                channel="expedia" if at == 1 else "booking_com")
        for at in range(n)
    ]  # fmt: skip
    values = {
        "search_impressions": shown, "listing_views": viewed, "booking_velocity": booked,
        "search_rank": np.full(shown.shape, 10.0), "competitor_price": np.full(shown.shape, 100.0),
    }  # fmt: skip
    return Scene(listings, values, days)
