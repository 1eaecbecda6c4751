"""How listings' books stand for the time to come, against last year's, the market's, and what they will come to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain.metrics import IntArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import NotFoundError
from python_nodes.scoring import pickup
from python_nodes.steps import metrics_view, rates, snapshot
from python_nodes.steps.services import Services
from python_nodes.store import booked, nights

SINCE_DAYS = pickup.YEAR + pickup.TRAIN_NIGHTS + max(pickup.TRIALS)
NEVER = np.iinfo(np.int64).max


def of_listing(
    services: Services, tenant_id: int, listing_id: int, as_of: datetime, only: frozenset[int] | None = None
) -> dict[str, Any]:
    """Return one listing's pace; refused where the caller may not see it."""
    seen = [one for one in metrics_view.listings_of(services, tenant_id, only) if one.listing_id == listing_id]
    if not seen:
        raise NotFoundError(f"no listing {listing_id}")
    listings = metrics_view.listings_of(services, tenant_id, None)
    with services.database.tenant(tenant_id) as conn:
        told = paces(conn, services, listings, [listing_id], as_of)[listing_id]
    return told | {"listing_id": listing_id, "listing": seen[0].external_id, "channel": seen[0].channel}


def paces(
    conn: Connection, services: Services, listings: Sequence[ListingInfo], listing_ids: Sequence[int],
    as_of: datetime,
) -> dict[int, dict[str, Any]]:  # fmt: skip
    """Return the pace of some listings, each beside its whole market; money in the tenant's currency."""
    wanted = frozenset(listing_ids)
    markets = {one.market for one in listings if one.listing_id in wanted}
    part = [one for one in listings if one.market in markets]
    today = snapshot.local_day(as_of, listings)
    stayed, told_from = books(conn, services, part, today, as_of)
    group = np.unique([one.market for one in part], return_inverse=True)[1].astype(np.int64)
    capacity = np.array([one.unit_count for one in part], dtype=np.float64)
    found = pickup.pace(stayed, group, capacity, told_from, number(today))
    return {
        one.listing_id: _view(found, row, today, services.currency)
        for row, one in enumerate(part) if one.listing_id in wanted
    }  # fmt: skip


def books(
    conn: Connection, services: Services, listings: Sequence[ListingInfo], today: date, as_of: datetime
) -> tuple[pickup.Nights, IntArray]:
    """Read the bookings night by night, and the day from which on those of each listing's channel are known."""
    known = booked.span_by_channel(conn, as_of)
    told_from = [number(known[one.channel][0].date()) if one.channel in known else number(today) for one in listings]
    return _nights(conn, services, listings, today, as_of), np.array(told_from, dtype=np.int64)


def _nights(
    conn: Connection, services: Services, listings: Sequence[ListingInfo], today: date, as_of: datetime
) -> pickup.Nights:
    """Read the bookings night by night, all money at today's rate: a rate that moved is no pace."""
    ids, zones = [one.listing_id for one in listings], [one.timezone for one in listings]
    rows = nights.stood(conn, ids, zones, today - timedelta(days=SINCE_DAYS), as_of)
    worth = snapshot.minor_rates(services.currency, rates.table(conn), today)
    names, which = np.unique(rows.currency, return_inverse=True)
    factor = np.array([worth.get(str(name), 1.0) for name in names], dtype=np.float64)[which]
    until = np.where(np.isnat(rows.until_day), NEVER, rows.until_day.astype(np.int64))
    check_in: IntArray = rows.check_in_day.astype(np.int64)
    return pickup.nights_of(
        rows.listing_row, check_in, rows.stay_nights, rows.from_day.astype(np.int64), until,
        rows.total_minor * factor if len(names) else rows.total_minor,
    )  # fmt: skip


def number(day: date) -> int:
    """Return a day as whole days since 1970."""
    return int(np.datetime64(day, "D").astype(np.int64))


def _view(found: pickup.Pace, row: int, today: date, currency: str) -> dict[str, Any]:
    """Write one listing's pace as JSON has it."""
    return {
        "as_of_date": today.isoformat(), "currency": currency, "method": found.method,
        "errors": {name: round(error, 3) for name, error in found.errors.items()},
        "booked_within_days": max(int(found.alike_days[row]), 0),
        "windows": [_window(found, row, column) for column in range(len(pickup.WINDOWS))],
    }  # fmt: skip


def _window(found: pickup.Pace, row: int, column: int) -> dict[str, Any]:
    """Write one window: what is on the books, what it is held against, and by how much it is behind."""

    def told(name: str) -> float:
        return float(getattr(found, name)[row, column])

    window: dict[str, Any] = {"days": pickup.WINDOWS[column]}
    for name in ("", "_alike", "_last_year", "_market", "_expected"):
        window[f"nights{name}"] = _plain(told(f"nights{name}"), 1)
        window[f"revenue{name}_minor"] = _plain(told(f"money{name}"), 0)
    for name in ("last_year", "market"):
        window[f"behind_{name}_nights"] = _plain(told(f"nights_{name}") - told("nights_alike"), 1)
        window[f"behind_{name}_minor"] = _plain(told(f"money_{name}") - told("money_alike"), 0)
    return window


def _plain(value: float, digits: int) -> float | int | None:
    """Return a number that JSON has; None where it is not known."""
    if not np.isfinite(value):
        return None
    return round(value, digits) if digits else round(value)
