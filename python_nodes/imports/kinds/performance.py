"""A channel's performance report: impressions, views, bookings and revenue by listing and day."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.columns import PerformanceColumns
from python_nodes.imports.columns import days, floats, stamps_of, texts
from python_nodes.imports.fields import CHANNEL, CURRENCY, LISTING, Field, Kind, Rows


def build(rows: Rows) -> PerformanceColumns:
    """Build columns; what no column tells is missing, not zero."""
    frame = rows.frame
    return PerformanceColumns(
        source=rows.source,
        raw_id=rows.raw_id,
        listing_external_id=texts(frame, "listing_id"),
        day_date=days(frame, "date"),
        search_impressions=floats(frame, "search_impressions"),
        listing_views=floats(frame, "listing_views"),
        bookings=floats(frame, "bookings"),
        revenue_minor=floats(frame, "revenue"),
        currency=texts(frame, "currency"),
        as_of_at=np.asarray(stamps_of(rows.observed_at, frame.height)),
        observed_at=rows.observed_at,
        raw_row=rows.raw_row,
    )


KIND = Kind(
    name="performance",
    operation="performance",
    fields=(
        LISTING,
        Field(name="date", type="day", required=True, aliases=("date", "ds", "day", "stattime", "reportdate")),
        Field(
            name="search_impressions", type="count",
            aliases=("searchimpressions", "impressions", "firstpagesearchimpressions", "searchviews", "appearances"),
        ),
        Field(
            name="listing_views", type="count",
            aliases=("listingviews", "pageviews", "propertyviews", "views", "detailviews"),
        ),
        Field(name="bookings", type="count", aliases=("bookings", "reservations", "bookingrequests", "booked")),
        Field(
            name="revenue", type="money",
            aliases=("revenue", "bookedrevenue", "grossbookingamount", "grossearnings", "grossbookingvalue"),
        ),
        CURRENCY,
        CHANNEL,
    ),
    key=("listing_id", "date"),
    dated="date",
    measures=("search_impressions", "listing_views", "bookings"),
    build=build,
)  # fmt: skip
