"""Look ahead: which months will be missed, which weeks stay unsold, whose price could be higher; stored as findings."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection

from python_nodes import log
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import AriMatrix, BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.domain.money import currency_digits
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import finals, foreseen, opportunity, outlook_settings, outlooks
from python_nodes.scoring.foreseen import BELOW_PEERS, MONTH_MISSED, RUNNING_EMPTY
from python_nodes.scoring.outlooks import Ahead
from python_nodes.steps import metrics_score, pickup_view, snapshot
from python_nodes.steps.services import Services
from python_nodes.store import anomalies, ari, portfolio

SOURCE_KIND = "outlooks"
LEAST_DAYS = 7
"""A month that ends sooner is over before anything could be done."""
DAYS = opportunity.RECENT_DAYS + opportunity.PAST_DAYS
NEAR_NIGHTS = 7
"""Nights whose prices are held against the competitors' of the last days: near enough in season."""


@dataclass(frozen=True, slots=True)
class _Places:
    """Properties as rows: which one each listing is of, their markets and how many like units they have a night."""

    of: IntArray
    markets: IntArray
    capacity: FloatArray
    told_from: IntArray

    def any_of(self, listings: BoolArray) -> BoolArray:
        """Return the places of which any listing is marked."""
        return np.bincount(self.of, listings, len(self.markets)) > 0


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Store what is foreseen now in the place of what was foreseen last; kinds that are off find nothing."""
    with log.stage("predict", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)
            found = _found(conn, services, tenant_id, listings, as_of) if listings and services.foreseen else []
        metrics_score.store(services, tenant_id, SOURCE_KIND, as_of, found, ())
        kinds = {kind: sum(one.kind == kind for one in found) for kind in sorted(services.foreseen)}
        facts.update(checked=len(listings), found=len(found), **kinds)
    return {"checked": len(listings), "found": len(found), "kinds": kinds}


def _found(
    conn: Connection, services: Services, tenant_id: int, listings: Sequence[ListingInfo], as_of: datetime
) -> list[Anomaly]:
    today = snapshot.local_day(as_of, listings)
    before = {(one.listing_id, one.kind) for one in anomalies.before(conn, as_of, SOURCE_KIND)}
    last = today + timedelta(days=outlook_settings.DEFAULTS.window_nights - 1)
    seen = ari.current(conn, [one.listing_id for one in listings], today, last)

    def was_told(kind: str) -> BoolArray:
        return np.array([(one.listing_id, kind) in before for one in listings], dtype=np.bool_)

    found: list[Anomaly] = []
    if services.foreseen & {MONTH_MISSED, RUNNING_EMPTY}:
        found += [
            one for one in _of_places(conn, services, listings, seen, today, as_of, was_told(MONTH_MISSED),
                                      was_told(RUNNING_EMPTY))
            if one.kind in services.foreseen
        ]  # fmt: skip
    if BELOW_PEERS in services.foreseen:
        found += _cheap(conn, services, tenant_id, listings, seen, today, as_of, was_told(BELOW_PEERS))
    return found


def _of_places(
    conn: Connection, services: Services, listings: Sequence[ListingInfo], seen: AriMatrix, today: date,
    as_of: datetime, month_told: BoolArray, weeks_told: BoolArray,
) -> list[Anomaly]:  # fmt: skip
    """Judge each property's coming months and weeks."""
    by_listing, told_from = pickup_view.books(conn, services, listings, today, as_of)
    places = _places(listings, told_from)
    nights = finals.Nights(
        places.of[by_listing.row], *(getattr(by_listing, name) for name in finals.Nights.__slots__ if name != "row")
    )  # fmt: skip
    day = pickup_view.number(today)
    ahead = outlooks.look_ahead(nights, places.markets, places.capacity, places.told_from, day)
    sold = _for_sale(listings, places, seen, ahead) >= outlook_settings.DEFAULTS.sellable_share
    spans = list(months(today))
    untold = np.full(len(places.markets), np.nan)
    by_month = [outlooks.month(ahead, nights, places.told_from, *span, untold) for span in spans]
    missed = [outlooks.told_months(one, places.any_of(month_told)) & sold for one in by_month]
    found = foreseen.of_months(listings, places.of, by_month, missed, nights, [span[1] for span in spans], day)
    weeks = outlooks.weeks(ahead)
    empty = outlooks.told_weeks(weeks, places.any_of(weeks_told)) & sold
    window = outlook_settings.DEFAULTS.window_nights
    # A night's part of the usual, as the market's nights are spread.
    total = np.zeros((int(places.markets.max()) + 1, window))
    np.add.at(total, places.markets, ahead.told.expected[:, :window])
    spread = (total / np.maximum(total.sum(axis=1, keepdims=True), 1e-9))[places.markets]
    by_night = ahead.told.now[:, :window]
    return found + foreseen.of_weeks(
        listings, places.of, weeks, empty, ahead.told.rate, by_night, spread * weeks.usual[:, None], day
    )


def _places(listings: Sequence[ListingInfo], told_from: IntArray) -> _Places:
    property_ids = np.array([one.property_id for one in listings], dtype=np.int64)
    first, of = np.unique(property_ids, return_index=True, return_inverse=True)[1:]
    markets = np.unique([listings[at].market for at in first.tolist()], return_inverse=True)[1].astype(np.int64)
    units = {one.unit_id: (int(place), one.unit_count) for one, place in zip(listings, of, strict=True)}
    capacity = np.zeros(len(first))
    for place, count in units.values():
        capacity[place] += count
    # Of a place on several channels books are known whole from where the last of them begins to be.
    since = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(since, of, told_from)
    return _Places(of.astype(np.int64), markets, capacity, since)


def _for_sale(listings: Sequence[ListingInfo], places: _Places, seen: AriMatrix, ahead: Ahead) -> FloatArray:
    """Return the share of each place's coming nights that can be sold or are; nights that nobody told of can be."""
    units, unit_of = np.unique([one.unit_id for one in listings], return_inverse=True)
    is_open = np.zeros((len(units), seen.is_open.shape[1]), dtype=np.bool_)
    np.logical_or.at(is_open, unit_of, ~seen.known | (seen.is_open & (seen.units_left > 0)))
    count, place = np.zeros(len(units)), np.zeros(len(units), dtype=np.int64)
    count[unit_of], place[unit_of] = [one.unit_count for one in listings], places.of
    offered = np.zeros((len(places.markets), is_open.shape[1]))
    np.add.at(offered, place, is_open * count[:, None])
    sellable = np.minimum(np.maximum(offered, ahead.told.now[:, : is_open.shape[1]]), places.capacity[:, None])
    return np.asarray(sellable.mean(axis=1) / np.maximum(places.capacity, 1.0), dtype=np.float64)


def _cheap(
    conn: Connection, services: Services, tenant_id: int, listings: Sequence[ListingInfo], seen: AriMatrix,
    today: date, as_of: datetime, was_told: BoolArray,
) -> list[Anomaly]:  # fmt: skip
    """Hold each listing's coming prices against its competitors', and its demand against the weeks before."""
    ids = [one.listing_id for one in listings]
    names = ("search_impressions", "competitor_price")
    told = services.metrics.read(
        tenant_id, names, ids, today - timedelta(days=DAYS), today - timedelta(days=1)
    )  # fmt: skip
    shown, competitors = (told.values[name] for name in names)
    units = np.array([10.0 ** currency_digits(one.currency) for one in listings])
    near = slice(0, NEAR_NIGHTS)
    offered = seen.is_open[:, near] & (seen.units_left[:, near] > 0)
    prices = np.where(offered, seen.price_minor[:, near] / units[:, None], np.nan)
    found = opportunity.look(shown, competitors, prices)
    mask = opportunity.told(found, was_told)
    if not mask.any():
        return []
    worth = snapshot.value_of_listings(conn, listings, as_of, services.currency, services.history_days)
    return foreseen.of_prices(listings, found, mask, worth, told.days, shown, pickup_view.number(today))


def months(today: date) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Give the months that end within the nights looked at, each with the same month of the year before, as days."""
    year, month = today.year, today.month
    for _ in range(4):
        span, before = _span(year, month), _span(year - 1, month)
        if LEAST_DAYS <= span[1] - pickup_view.number(today) + 1 <= finals.SIZE:
            yield span, before
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def _span(year: int, month: int) -> tuple[int, int]:
    first = pickup_view.number(date(year, month, 1))
    return first, first + monthrange(year, month)[1] - 1
