"""Derive what no channel reports from what is stored: bookings, availability, prices; before the sweep looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection

from python_nodes import log, vendors
from python_nodes.domain.columns import BoolArray
from python_nodes.domain.metrics import DayArray, FloatArray, MetricMatrix, MetricPoints
from python_nodes.domain.money import currency_digits
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import PermanentError
from python_nodes.normalize import derived
from python_nodes.normalize.derived import Booked, Capacity, Known
from python_nodes.normalize.fx import RateTable
from python_nodes.steps import apart, rates
from python_nodes.steps.services import Services
from python_nodes.store import booked, offered, operator, portfolio

SOURCE = "derived"
RECENT_DAYS = 15
LONGEST_DAYS = 1100
"""What one call derives at most, where no longer history is set: each day and listing is held in memory."""
HORIZON_NIGHTS = 90
# A calendar that was read in another time zone may lack the last night.
KNOWN_NIGHTS = 89
SETTLED_DAYS = 365
"""Nine in ten bookings of any listing are made less than this ahead."""
REPORTED = (
    "search_impressions", "listing_views", "booking_velocity", "click_through_rate", "conversion_rate",
)  # fmt: skip
Span = Mapping[str, tuple[datetime, datetime]]
"""When the first and the last known booking of each channel were made."""
MARKER = "pickup_nights"
"""Only we tell it: a listing without it has never been derived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some of the tenant's listings, and of all of them the span.

    ``beside`` are those whose reports tell which days a channel has reported; the part's own if none are given.
    """

    listings: Sequence[ListingInfo]
    span: Span
    beside: Sequence[ListingInfo] | None = None


def run(
    services: Services, tenant_id: int, as_of: datetime, start: date | None = None, part: Part | None = None
) -> dict[str, Any]:
    """Derive the days from ``start``, else the last weeks, and all history of what was never derived.

    All listings, or a part of them. PermanentError (422) for a ``start`` after today or too long ago.
    """
    with log.stage("metrics_derive", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn) if part is None else list(part.listings)
            span = booked.span_by_channel(conn, as_of) if part is None else part.span
            known = known_days(conn, listings, as_of, span)
        today = local_days(as_of, listings)
        written = 0
        if listings:
            _check(start, today.max().item(), services.history_days)
            first = start or _first_day(services, tenant_id, listings, known, as_of)
            days = np.arange(np.datetime64(first), today.max() + 1)
            beside = listings if part is None or part.beside is None else part.beside
            reported = told_days(_shown(services, tenant_id, beside, days), beside)

            def derive(some: list[ListingInfo]) -> MetricMatrix:
                return _values(services, tenant_id, some, days, as_of, span, reported)

            done = apart.by_property(listings, derive)
            written = sum(services.metrics.write(tenant_id, points(matrix, as_of)) for matrix in done.results)
            facts.update(first_day=str(first), days=len(days), failed=len(done.failed))
        facts.update(listings=len(listings), rows=written)
    return {"listings": len(listings), "rows": written}


def _check(start: date | None, today: date, history_days: int) -> None:
    longest = max(LONGEST_DAYS, history_days)
    if start is not None and start > today:
        raise PermanentError(f"start: is after {today}, the day of as_of", status=422, field="start")
    if start is not None and (today - start).days > longest:
        raise PermanentError(f"start: more than {longest} days before as_of", status=422, field="start")


def _first_day(
    services: Services, tenant_id: int, listings: Sequence[ListingInfo], known: Known, as_of: datetime
) -> date:
    today = as_of.astimezone(UTC).date()
    ids = [listing.listing_id for listing in listings]
    told = services.metrics.last_told_day(tenant_id, MARKER, ids, today + timedelta(days=1))
    never = np.isnat(told) & ~np.isnat(known.first_day)
    span = services.history_days if never.any() else RECENT_DAYS
    return today - timedelta(days=span)


def _values(
    services: Services, tenant_id: int, listings: Sequence[ListingInfo], days: DayArray, as_of: datetime, span: Span,
    by_channel: Mapping[str, BoolArray],
) -> MetricMatrix:  # fmt: skip
    today = local_days(as_of, listings)
    ids = [listing.listing_id for listing in listings]
    first, last = days[0].item(), days[-1].item()
    reported = services.metrics.read(tenant_id, REPORTED, ids, first, last).values
    with services.database.tenant(tenant_id) as conn:
        known, table = known_days(conn, listings, as_of, span), rates.table(conn)
        zones = [listing.timezone for listing in listings]
        until = last if _is_settled(known, days) else date.max
        sold = _booked(booked.rows(conn, ids, zones, first, as_of, until), listings, table)
        values = derived.by_booking_date(sold, known, days)
        nights = derived.by_night(sold, known, _capacity(conn, listings, days), days)
        is_over = days[None, :] < today[:, None]
        values |= {name: np.where(is_over, found, np.nan) for name, found in nights.items()}
        values |= _present(conn, listings, days, today, table)
    # A channel's own report stands: it counts as the channel does, and the guards compare it with what we know.
    is_reported = np.isfinite(reported["search_impressions"]) & np.isfinite(reported["booking_velocity"])
    untold = is_reported | late_reports(reported["search_impressions"], listings, by_channel)
    values["booking_velocity"] = np.where(untold, np.nan, values["booking_velocity"])
    velocity = np.where(is_reported, reported["booking_velocity"], values["booking_velocity"])
    values |= derived.filled_ratios({**reported, "booking_velocity": velocity})
    return MetricMatrix(listing_ids=np.array(ids, dtype=np.int64), days=days, values=values)


def _is_settled(known: Known, days: DayArray) -> bool:
    """Whether how far ahead guests book, which later stays tell, no longer decides which of the days are told."""
    begun = known.first_day[~np.isnat(known.first_day)]
    return bool((days[0] - begun >= np.timedelta64(SETTLED_DAYS, "D")).all())


def _shown(services: Services, tenant_id: int, listings: Sequence[ListingInfo], days: DayArray) -> FloatArray:
    ids = [listing.listing_id for listing in listings]
    name = "search_impressions"
    return services.metrics.read(tenant_id, (name,), ids, days[0].item(), days[-1].item()).values[name]


def told_days(shown: FloatArray, listings: Sequence[ListingInfo]) -> dict[str, BoolArray]:
    """Return by channel the days that any of its listings' reports told, (n_days,) each."""
    told, channels = np.isfinite(shown), np.array([listing.channel for listing in listings])
    return {str(one): told[channels == one].any(axis=0) for one in np.unique(channels)}


def late_reports(
    shown: FloatArray, listings: Sequence[ListingInfo], by_channel: Mapping[str, BoolArray]
) -> BoolArray:  # fmt: skip
    """Return the days that a listing's report has yet to tell and its channel's other reports told, (n, n_days).

    A property's feed that stands still keeps its bookings back too: no booking known then is not none made, and a none
    told now would be held against the views that come later.
    """
    told, never = np.isfinite(shown), np.zeros(shown.shape[1], dtype=np.bool_)
    by_others = np.array([by_channel.get(listing.channel, never) for listing in listings]).reshape(told.shape)
    return np.asarray(told.any(axis=1, keepdims=True) & by_others & ~told, dtype=np.bool_)


def known_days(conn: Connection, listings: Sequence[ListingInfo], as_of: datetime, span: Span) -> Known:
    """Tell from when until when each listing's bookings are known: whole days that were over when they were read.

    A channel whose reservations nobody polls is known up to the day before its last known booking.
    """
    read_at: dict[str, datetime] = {}
    for one in booked.last_reads(conn, as_of):
        spoken = vendors.load(one.vendor).capabilities.channels
        name = one.channel or (spoken[0] if spoken else "")
        read_at[name] = max(one.read_at, read_at.get(name, one.read_at))
    first, last = [], []
    for listing in listings:
        zone, begun = ZoneInfo(listing.timezone), span.get(listing.channel)
        until = read_at.get(listing.channel, begun[1] if begun else None)
        # On its first day a history may begin at any hour.
        first.append(begun[0].astimezone(zone).date() + timedelta(days=1) if begun else None)
        last.append(until.astimezone(zone).date() - timedelta(days=1) if until else None)
    return Known(first_day=np.array(first, dtype="datetime64[D]"), last_day=np.array(last, dtype="datetime64[D]"))


def local_days(as_of: datetime, listings: Sequence[ListingInfo]) -> DayArray:
    """Return the day it is at each listing, (n_listings,)."""
    by_zone = {zone: as_of.astimezone(ZoneInfo(zone)).date() for zone in {one.timezone for one in listings}}
    return np.array([by_zone[listing.timezone] for listing in listings], dtype="datetime64[D]")


def _booked(rows: booked.BookedRows, listings: Sequence[ListingInfo], table: RateTable) -> Booked:
    own = np.array([listing.currency for listing in listings], dtype="U3")[rows.listing_row]
    minor, differs = rows.total_minor.copy(), rows.currency != own
    # At the rate of the day on which it was booked, and only where a channel sold in another currency.
    for source, target in set(zip(rows.currency[differs].tolist(), own[differs].tolist(), strict=True)):
        at = np.flatnonzero((rows.currency == source) & (own == target))
        minor[at] *= table.minor_factors([source], target, rows.booked_day[at])[0]
    return Booked(
        listing_row=rows.listing_row, booked_day=rows.booked_day, cancelled_day=rows.cancelled_day,
        check_in_day=rows.check_in_day, stay_nights=rows.stay_nights, value=minor / _minor_units(own),
        is_kept=rows.is_kept,
    )  # fmt: skip


def _capacity(conn: Connection, listings: Sequence[ListingInfo], days: DayArray) -> Capacity:
    units, at = np.unique([listing.unit_id for listing in listings], return_index=True)
    is_known, is_open, _ = operator.current(conn, units, days[0].item(), days[-1].item())
    return Capacity(
        unit_row=np.searchsorted(units, [listing.unit_id for listing in listings]),
        rooms=np.array([listings[int(i)].unit_count for i in at], dtype=np.int64),
        is_blocked=is_known & ~is_open,
    )


def _present(
    conn: Connection, listings: Sequence[ListingInfo], days: DayArray, today: DayArray, table: RateTable
) -> dict[str, FloatArray]:
    """What only today tells, and only where the calendar was read today: open nights and the price shown."""
    ids = [listing.listing_id for listing in listings]
    told = offered.coming(conn, ids, today, HORIZON_NIGHTS)
    seen = _local(told.observed_at, listings)
    own = np.array([listing.currency for listing in listings], dtype="U3")
    price = told.price_minor.copy()
    for row in np.flatnonzero((told.currency != own) & np.isfinite(price)):
        price[row] *= table.minor_factors([str(told.currency[row])], str(own[row]), today[row : row + 1])[0, 0]
    is_told = (seen == today) & (told.known_nights >= KNOWN_NIGHTS)
    now = days[None, :] == today[:, None]
    open_nights, shown = told.open_nights.astype(np.float64), price / _minor_units(own)
    return {
        "availability": np.where(now & is_told[:, None], open_nights[:, None], np.nan),
        "listed_price": np.where(now & (seen == today)[:, None], shown[:, None], np.nan),
    }


def _local(moments: DayArray, listings: Sequence[ListingInfo]) -> DayArray:
    """The property-local day of each listing's UTC moment, NaT where there is none."""
    days = [
        None if told is None else told.replace(tzinfo=UTC).astimezone(ZoneInfo(listing.timezone)).date()
        for told, listing in zip(moments.tolist(), listings, strict=True)
    ]
    return np.array(days, dtype="datetime64[D]")


def _minor_units(currencies: np.ndarray[tuple[int], np.dtype[np.str_]]) -> FloatArray:
    known, which = np.unique(currencies, return_inverse=True)
    units = np.array([10.0 ** currency_digits(str(one)) for one in known])
    return units[which] if len(known) else np.empty(0)


def points(matrix: MetricMatrix, as_of: datetime) -> MetricPoints:
    """Rows with any value of a matrix, as of ``as_of``."""
    told = np.logical_or.reduce([np.isfinite(values) for values in matrix.values.values()])
    row, column = np.nonzero(told)
    return MetricPoints(
        listing_id=matrix.listing_ids[row],
        day_date=matrix.days[column],
        source=SOURCE,
        as_of_at=as_of,
        values={name: values[row, column] for name, values in matrix.values.items()},
    )
