"""One way to record each operation: map the payload, normalize it, store what can be used, give back what cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection as SqlConnection

from python_nodes import normalize
from python_nodes.domain.columns import AriColumns
from python_nodes.domain.metrics import MetricPoints
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.records import Rejected
from python_nodes.normalize.columns import take
from python_nodes.steps import oddities
from python_nodes.steps.snapshot import local_days
from python_nodes.store import ari, bookings, content, health, operator, reviews, stays
from python_nodes.store.counts import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """An archived payload, about to be mapped."""

    content: bytes
    source: str
    raw_id: int | None
    observed_at: datetime
    keeps_guests: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of a poll's payloads; ``points`` are written to the metric store by the caller."""

    fetched: int
    stored: int
    unchanged: int
    rejected: tuple[Rejected, ...]
    points: tuple[MetricPoints, ...] = ()


Mapped = tuple[AriColumns, list[Rejected]]
Mapper = Any
"""Has the ``map_<operation>`` functions: a vendor's mapping module, or a part of an imported file."""

One = Callable[[SqlConnection, Mapper, Payload, Sequence[ListingInfo]], Recorded]
Recorder = Callable[[SqlConnection, Mapper, Sequence[Payload], Sequence[ListingInfo]], Recorded]


def _each(record: One) -> Recorder:
    """Record payload by payload, in the order in which they came."""

    def record_all(
        conn: SqlConnection, mapping: Mapper, payloads: Sequence[Payload], listings: Sequence[ListingInfo]
    ) -> Recorded:
        done = [record(conn, mapping, payload, listings) for payload in payloads]
        return Recorded(
            fetched=sum(one.fetched for one in done),
            stored=sum(one.stored for one in done),
            unchanged=sum(one.unchanged for one in done),
            rejected=tuple(item for one in done for item in one.rejected),
            points=tuple(points for one in done for points in one.points),
        )

    return record_all


def _ids(listings: Sequence[ListingInfo]) -> dict[str, int]:
    return {listing.external_id: listing.listing_id for listing in listings}


def _told(counts: Counts, good: int, bad: Sequence[Rejected]) -> Recorded:
    return Recorded(fetched=good + len(bad), stored=counts.stored, unchanged=counts.unchanged, rejected=tuple(bad))


def reservations(conn: SqlConnection, mapping: Mapper, payload: Payload, listings: Sequence[ListingInfo]) -> Recorded:
    """Record reservations of a queue."""
    records, bad = mapping.map_reservations(
        payload.content, source=payload.source, observed_at=payload.observed_at, raw_id=payload.raw_id
    )
    index = normalize.PortfolioIndex.build(listings)
    good, unusable = normalize.normalize_bookings(
        records, index, payload.observed_at, lambda one: mapping.raw_reservation(payload.content, one)
    )
    stored = bookings.upsert(conn, good, _ids(listings), keeps_guests=payload.keeps_guests)
    return _told(stored, len(good), [*bad, *unusable])


def reservation_history(
    conn: SqlConnection, mapping: Mapper, payloads: Sequence[Payload], listings: Sequence[ListingInfo]
) -> Recorded:
    """Record reports of reservations, all payloads at once: an API may tell of a year in hundreds of small pages."""
    index, ids = normalize.PortfolioIndex.build(listings), _ids(listings)
    kept, rejects, fetched = [], [], 0
    for payload in payloads:
        columns, bad = mapping.map_reservation_history_columns(
            payload.content, source=payload.source, observed_at=payload.observed_at, raw_id=payload.raw_id
        )
        good, unusable = normalize.normalize_booking_columns(columns, index, payload.observed_at)
        kept.append(bookings.as_rows(good, ids, keeps_guests=payload.keeps_guests))
        fetched += len(good)
        rejects += [*bad, *unusable]
    return _told(bookings.upsert_rows(conn, kept), fetched, rejects)


def performance(conn: SqlConnection, mapping: Mapper, payload: Payload, listings: Sequence[ListingInfo]) -> Recorded:
    """Map a performance report to metric points."""
    columns, bad = mapping.map_performance_columns(
        payload.content, source=payload.source, observed_at=payload.observed_at, raw_id=payload.raw_id
    )
    index = normalize.PortfolioIndex.build(listings)
    good, unusable = normalize.normalize_performance_columns(columns, index, payload.observed_at)
    points = normalize.performance_points(good, index, payload.observed_at)
    oddities.note_report(conn, columns, index, "performance")
    return Recorded(
        fetched=len(good) + len(bad) + len(unusable), stored=0, unchanged=0, rejected=(*bad, *unusable),
        points=(points,),
    )  # fmt: skip


def availability(
    conn: SqlConnection, mapping: Mapper, payloads: Sequence[Payload], listings: Sequence[ListingInfo]
) -> Recorded:
    """Record availability, rates and restrictions of all payloads at once; only what changed is stored."""
    return _nights(conn, [_mapped(mapping.map_ari_columns, payload) for payload in payloads], listings)


def feed_calendar(
    conn: SqlConnection, mapping: Mapper, payloads: Sequence[Payload], listings: Sequence[ListingInfo]
) -> Recorded:
    """Record feeds' nights under each listing's own rate plan, since a feed names none.

    A feed's booking is its sold nights and no ``BookingRecord``: neither its price nor the day of booking is told.
    """
    own = {listing.external_id: listing for listing in listings}
    mapped = []
    for payload in payloads:
        columns, bad = _mapped(mapping.map_ical_calendar_columns, payload)
        named = columns.listing_external_id
        is_known = np.fromiter((name in own for name in named), dtype=np.bool_, count=len(named))
        if not is_known.all():
            bad = [*bad, _stranger(payload, "ical_calendar", str(named[~is_known][0]))]
        kept = take(columns, np.flatnonzero(is_known))
        plans = np.array([own[name].rate_plan_external_id for name in kept.listing_external_id], dtype=object)
        mapped.append((replace(kept, rate_plan_external_id=plans), bad))
    return _nights(conn, [(_explained(conn, columns, own), bad) for columns, bad in mapped], listings)


def _explained(conn: SqlConnection, columns: AriColumns, own: Mapping[str, ListingInfo]) -> AriColumns:
    """A night that a feed blocks because its unit is sold on another channel is sold, not closed."""
    shut = np.flatnonzero(~columns.is_open)
    if not len(shut):
        return columns
    nights = columns.stay_date[shut]
    units = np.array([own[name].unit_id for name in columns.listing_external_id[shut]], dtype=np.int64)
    sold = stays.sold_out(conn, np.unique(units), nights.min().item(), nights.max().item())
    place = np.searchsorted(np.unique(units), units)
    is_open = columns.is_open.copy()
    is_open[shut] = sold[place, (nights - nights.min()).astype(np.int64)]
    return replace(columns, is_open=is_open)


def _mapped(map_columns: Callable[..., Mapped], payload: Payload) -> Mapped:
    return map_columns(payload.content, source=payload.source, observed_at=payload.observed_at, raw_id=payload.raw_id)


def _nights(conn: SqlConnection, mapped: Sequence[Mapped], listings: Sequence[ListingInfo]) -> Recorded:
    index = normalize.PortfolioIndex.build(listings)
    told: list[AriColumns] = []
    bad: list[Rejected] = []
    oddities.note_nights(conn, [columns for columns, _ in mapped], index, "ari")
    for columns, unread in mapped:
        good, unusable = normalize.normalize_ari_columns(columns, index, columns.observed_at)
        told.append(good)
        bad += [*unread, *unusable]
    return _told(ari.upsert_changed(conn, told, _ids(listings)), sum(map(len, told)), bad)


def channel_health(conn: SqlConnection, mapping: Mapper, payload: Payload, listings: Sequence[ListingInfo]) -> Recorded:
    """Record the channel's own word; of a listing nobody knows it is quarantined."""
    records, bad = mapping.map_health(
        payload.content, source=payload.source, observed_at=payload.observed_at, raw_id=payload.raw_id
    )
    known = _ids(listings)
    good = [record for record in records if record.listing_external_id in known]
    strangers = [_stranger(payload, "health", one.listing_external_id) for one in records if one not in good]
    return _told(health.upsert(conn, good, known), len(good), [*bad, *strangers])


def guest_reviews(conn: SqlConnection, mapping: Mapper, payload: Payload, listings: Sequence[ListingInfo]) -> Recorded:
    """Record review scores: the latest of each listing, and a metric point of the day it is there."""
    records, bad = mapping.map_reviews(
        payload.content, source=payload.source, observed_at=payload.observed_at, raw_id=payload.raw_id
    )
    known = {listing.external_id: listing for listing in listings}
    good = [record for record in records if record.listing_external_id in known]
    strangers = [_stranger(payload, "reviews", one.listing_external_id) for one in records if one not in good]
    counts = reviews.upsert(conn, good, _ids(listings))
    told = [known[one.listing_external_id] for one in good]
    points = MetricPoints(
        listing_id=np.array([listing.listing_id for listing in told], dtype=np.int64),
        day_date=local_days(payload.observed_at, told),
        source=payload.source,
        as_of_at=payload.observed_at,
        values={"review_score": np.array([one.score_10 for one in good], dtype=np.float64)},
    )
    return replace(_told(counts, len(good), [*bad, *strangers]), points=(points,) if good else ())


def page_content(conn: SqlConnection, mapping: Mapper, payload: Payload, listings: Sequence[ListingInfo]) -> Recorded:
    """Record what pages show; of a listing nobody knows it is quarantined."""
    records, bad = mapping.map_content(
        payload.content, source=payload.source, observed_at=payload.observed_at, raw_id=payload.raw_id
    )
    known = _ids(listings)
    good = [record for record in records if record.listing_external_id in known]
    strangers = [_stranger(payload, "content", one.listing_external_id) for one in records if one not in good]
    return _told(content.upsert(conn, good, known), len(good), [*bad, *strangers])


def operator_calendar(
    conn: SqlConnection, mapping: Mapper, payload: Payload, listings: Sequence[ListingInfo]
) -> Recorded:
    """Record the operator's own calendar."""
    records, bad = mapping.map_operator_calendar(
        payload.content, source=payload.source, observed_at=payload.observed_at, raw_id=payload.raw_id
    )
    units = {listing.unit_external_id: listing.unit_id for listing in listings}
    good = [record for record in records if record.unit_external_id in units]
    unknown = {one.unit_external_id for one in records} - units.keys()
    strangers = [_stranger(payload, "operator_calendar", name) for name in sorted(unknown)]
    return _told(operator.upsert(conn, good, units, payload.observed_at), len(good), [*bad, *strangers])


def _stranger(payload: Payload, operation: str, name: str) -> Rejected:
    return Rejected(
        source=payload.source, operation=operation, reason=f"external_id: unknown listing or unit {name[:40]!r}",
        field="external_id", raw=payload.content, raw_id=payload.raw_id,
    )  # fmt: skip


RECORDERS: dict[str, Recorder] = {
    "reservations": _each(reservations),
    "reservation_history": reservation_history,
    "performance": _each(performance),
    "ari": availability,
    "ical_calendar": feed_calendar,
    "health": _each(channel_health),
    "reviews": _each(guest_reviews),
    "content": _each(page_content),
    "operator_calendar": _each(operator_calendar),
}
