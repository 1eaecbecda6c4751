"""Columnar forms of the records that come by the hundred thousand; row ``i`` of each array is one record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from python_nodes.domain.metrics import DayArray, FloatArray, IntArray

BoolArray = NDArray[np.bool_]
ObjectArray = NDArray[np.object_]
SecondArray = NDArray[np.datetime64]

RawRow = Callable[[int], bytes]
"""Gives back row ``i`` as a document the vendor's mapping reads again; called only for rows that are rejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceColumns:
    """A performance report: counts are float64 with NaN for missing, never zero for missing.

    ``listing_external_id`` and ``currency`` are arrays of str; ``day_date`` datetime64[D], property-local;
    ``revenue_minor`` float64 in ``currency``'s minor units; ``as_of_at`` (n,) datetime64[s] UTC.
    """

    source: str
    raw_id: int | None
    listing_external_id: ObjectArray
    day_date: DayArray
    search_impressions: FloatArray
    listing_views: FloatArray
    bookings: FloatArray
    revenue_minor: FloatArray
    currency: ObjectArray
    as_of_at: SecondArray
    observed_at: datetime
    raw_row: RawRow

    def __len__(self) -> int:
        return len(self.listing_external_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingColumns:
    """Revisions of bookings, as ``domain.records.BookingRecord``; ``_at`` datetime64[s] UTC, NaT where there is none.

    ``rate_plan_external_id`` and ``guest_name`` hold None where the source did not tell.
    """

    source: str
    raw_id: int | None
    external_id: ObjectArray
    source_version: IntArray
    source_updated_at: SecondArray
    listing_external_id: ObjectArray
    rate_plan_external_id: ObjectArray
    check_in_date: DayArray
    check_out_date: DayArray
    booked_at: SecondArray
    cancelled_at: SecondArray
    total_amount_minor: IntArray
    currency: ObjectArray
    status: ObjectArray
    guest_name: ObjectArray
    raw_row: RawRow

    def __len__(self) -> int:
        return len(self.external_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AriColumns:
    """Availability, rates and restrictions as ``domain.records.AriRecord``, all observed at one moment.

    ``price_minor`` is float64, NaN where the channel shows no price; there ``currency`` may be '' until normalized.
    """

    source: str
    raw_id: int | None
    observed_at: datetime
    listing_external_id: ObjectArray
    rate_plan_external_id: ObjectArray
    stay_date: DayArray
    price_minor: FloatArray
    currency: ObjectArray
    is_open: BoolArray
    units_left: IntArray
    min_stay_nights: IntArray
    fees_minor: IntArray
    raw_row: RawRow

    def __len__(self) -> int:
        return len(self.listing_external_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketColumns:
    """What was seen of a listing's market on a day: counts and prices are float64 with NaN for missing.

    ``search_rank`` is 1 for the best place; ``competitor_price_minor`` is in ``currency``'s minor units.
    """

    source: str
    raw_id: int | None
    listing_external_id: ObjectArray
    day_date: DayArray
    search_rank: FloatArray
    competitor_price_minor: FloatArray
    currency: ObjectArray
    observed_at: datetime
    raw_row: RawRow

    def __len__(self) -> int:
        return len(self.listing_external_id)
