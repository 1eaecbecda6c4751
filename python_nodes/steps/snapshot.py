"""What guards, scoring and impact look at, read from the stores as of one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain.inputs import Economics, GuardInputs, RecentDays
from python_nodes.domain.metrics import DayArray, MetricMatrix, MetricStore
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.normalize.fx import EURO, RateTable, shipped_table
from python_nodes.scoring.economics import economics, night_demand
from python_nodes.scoring.stay_shape import stay_shares
from python_nodes.steps import doubts, failing, rates
from python_nodes.store import ari, content, daily_bookings, health, marks, operator, reviews, stays, wide_read

HORIZON_NIGHTS = 90
STAY_SHAPE_DAYS = 120
MEMORY_DAYS = 28
LONGEST_STAY_NIGHTS = 30
# A channel's calendar may be a day's state, as of its local morning: what was booked since is not its fault.
INVENTORY_GRACE = timedelta(hours=24)
PRICE_MEMORY_DAYS = 400
"""Price alerts older than this lie before any price still kept for a coming night."""


def local_day(as_of: datetime, listings: Sequence[ListingInfo]) -> date:
    """Return the day it is at every property at least: days before it are over everywhere."""
    zones = {listing.timezone for listing in listings} or {"UTC"}
    return min(as_of.astimezone(ZoneInfo(zone)).date() for zone in zones)


def guard_inputs(
    conn: Connection, metrics: MetricStore, tenant_id: int, listings: Sequence[ListingInfo], as_of: datetime
) -> GuardInputs:
    """Read what channels and the operator say of the coming nights, and how the feeds that say it are doing."""
    today = local_day(as_of, listings)
    last = today + timedelta(days=HORIZON_NIGHTS - 1)
    ids = [listing.listing_id for listing in listings]
    known, is_open, since = operator.current(conn, [listing.unit_id for listing in listings], today, last)
    doubtful = doubts.doubtful_terms(conn, listings, as_of, PRICE_MEMORY_DAYS)
    zones = [listing.timezone for listing in listings]
    with wide_read.meanwhile(conn, len(ids)) as also:
        # What takes longest beside the bookings.
        usual = also(lambda other: ari.usual_terms(other, ids, today, last, as_of, doubtful))
        past = stays.booked_between(conn, ids, zones, today - timedelta(days=STAY_SHAPE_DAYS), today)
        return GuardInputs(
            as_of=as_of,
            as_of_day=today,
            listings=listings,
            ari=ari.current(conn, ids, today, last),
            health=health.current(conn, ids),
            operator_known=known,
            operator_open=is_open,
            operator_since=since,
            last_performance_day=metrics.last_told_day(tenant_id, "search_impressions", ids, today + timedelta(days=1)),
            local_day=local_days(as_of, listings),
            night_demand=night_demand(past.listing_row, past.lead_days, past.stay_nights, len(ids), HORIZON_NIGHTS),
            stay_shares=stay_shares(past.listing_row, past.stay_nights, len(ids), LONGEST_STAY_NIGHTS),
            booked_units=stays.booked_units(conn, ids, today, last, INVENTORY_GRACE),
            recent=recent_days(metrics, tenant_id, ids, today),
            reviews=reviews.current(conn, ids),
            missing_content=content.missing(conn, ids, as_of - timedelta(days=MEMORY_DAYS)),
            marks=marks.current(conn, ids, as_of - timedelta(days=MEMORY_DAYS), as_of),
            failing=failing.polls_of(conn, listings, as_of),
            access=failing.access_of(conn, listings),
            worth=minor_rates(EURO, rates.table(conn), today),
            usual=usual.result(),
        )


def local_days(as_of: datetime, listings: Sequence[ListingInfo]) -> DayArray:
    """Return the day it is at each listing, datetime64[D]."""
    by_zone = {zone: as_of.astimezone(ZoneInfo(zone)).date() for zone in {one.timezone for one in listings}}
    return np.array([by_zone[listing.timezone] for listing in listings], dtype="datetime64[D]")


def recent_days(metrics: MetricStore, tenant_id: int, ids: Sequence[int], today: date) -> RecentDays:
    """Return the last weeks' figures, up to the day that has begun somewhere."""
    names = ("search_impressions", "listing_views", "review_score")
    told = metrics.read(tenant_id, names, ids, today - timedelta(days=MEMORY_DAYS), today + timedelta(days=1))
    shown, viewed, score = (told.values[name] for name in names)
    return RecentDays(days=told.days, shown_count=shown, viewed_count=viewed, review_score=score)


def minor_rates(currency: str, table: RateTable | None = None, day: date | None = None) -> Mapping[str, float]:
    """Return the tenant's minor units for one minor unit of each currency, as last known on ``day``."""
    known = table or shipped_table()
    names = (EURO, *known.currencies)
    at = known.days[-1:] if day is None else np.array([day], dtype="datetime64[D]")
    return dict(zip(names, known.minor_factors(names, currency, at)[:, 0].tolist(), strict=True))


def value_of_listings(
    conn: Connection, listings: Sequence[ListingInfo], as_of: datetime, currency: str, history_days: int
) -> Economics:
    """Return what a day of each listing is worth, from the bookings stored before this day."""
    today = local_day(as_of, listings)
    start, end = today - timedelta(days=history_days), today - timedelta(days=1)
    ids, zones = [listing.listing_id for listing in listings], [listing.timezone for listing in listings]
    past = daily_bookings.daily_stats(conn, ids, zones, start, end)
    table = rates.table(conn)
    now = minor_rates(currency, table, today)
    # What was booked counts at the rate of its day; the economics bring it to the tenant's currency at today's.
    own, row = np.unique([listing.currency for listing in listings], return_inverse=True)
    names = own.tolist()
    booked = table.minor_factors(names, currency, past.days) / np.array([now.get(name, 1.0) for name in names])[:, None]
    return economics(
        listings,
        past.days,
        past.bookings.astype(np.float64),
        past.revenue_minor * np.nan_to_num(booked, nan=1.0)[row],
        past.cancelled.astype(np.float64),
        None,
        today,
        now,
    )


def window(as_of_day: date, history_days: int) -> tuple[date, date]:
    """Return the days that scoring reads: history, and all that is over."""
    return as_of_day - timedelta(days=history_days), as_of_day - timedelta(days=1)


def told(matrix: MetricMatrix) -> int:
    """Count the series that have any value."""
    return sum(int(np.isfinite(values).any(axis=1).sum()) for values in matrix.values.values())
