"""Add up each day of the portfolio by market and channel, so that its panels need not read every listing's series."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_nodes import log
from python_nodes.domain.metrics import BandMatrix, FloatArray, MetricMatrix, MetricStore
from python_nodes.domain.money import currency_digits
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.steps import snapshot
from python_nodes.steps.services import Services
from python_nodes.store import portfolio, portfolio_days
from python_nodes.store.session import Database

ANEW_DAYS = 60
"""So many days are added up anew each time: reports come late and are corrected."""
OPEN_DAYS = 3
"""The last days are left to the panels themselves: most of what tells of them is still to come."""
LISTINGS_AT_ONCE = 5_000
ALL_CHANNELS = ""
Key = tuple[str, str, str]
Sums = dict[Key, dict[str, FloatArray]]


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Add up the last days anew, and all of the history where nothing is kept yet."""
    with log.stage("portfolio_days", tenant_id=tenant_id) as facts:
        rows = refresh(services.database, services.metrics, tenant_id, as_of, services.history_days)
        facts.update(rows=rows)
    return {"rows": rows}


def refresh(database: Database, metrics: MetricStore, tenant_id: int, as_of: datetime, history_days: int) -> int:
    """Do so with the stores alone; returns how many rows stand in the place of those that stood."""
    with database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        known = portfolio_days.last_day(conn)
        if not listings:
            return 0
        end = snapshot.local_day(as_of, listings) - timedelta(days=OPEN_DAYS)
        start = min(end - timedelta(days=(history_days if known is None else ANEW_DAYS) - 1), known or end)
        worth = portfolio_days.worth(conn, start, end)
        booked = portfolio_days.booked(conn, start, end)
    sums: Sums = {}
    # A unit's listings stay together, so that its rooms are counted once.
    for part in _parts(sorted(listings, key=lambda one: (one.unit_id, one.listing_id))):
        ids = [one.listing_id for one in part]
        matrix = metrics.read(tenant_id, ["booking_velocity", "occupancy"], ids, start, end)
        bands = metrics.read_bands(tenant_id, ["booking_velocity"], ids, start, end)
        _add_bookings(sums, part, matrix, bands)
        _add_expected(sums, part, bands, worth)
        _add_rooms(sums, part, matrix.values["occupancy"])
    n_days = (end - start).days + 1
    for market, channel, currency, day, amount in booked:
        told = _row(sums, (market, channel, currency), n_days)["revenue"]
        told[(day - start).days] = np.nan_to_num(told[(day - start).days]) + amount / 10 ** currency_digits(currency)
    with database.tenant(tenant_id) as conn:
        return portfolio_days.replace(conn, start, end, _columns(sums, start, n_days))


def _parts(ordered: Sequence[ListingInfo]) -> list[list[ListingInfo]]:
    parts: list[list[ListingInfo]] = [[]]
    for one in ordered:
        if len(parts[-1]) >= LISTINGS_AT_ONCE and one.unit_id != parts[-1][-1].unit_id:
            parts.append([])
        parts[-1].append(one)
    return parts


def _row(sums: Sums, key: Key, n_days: int) -> dict[str, FloatArray]:
    if key not in sums:
        sums[key] = {name: np.full(n_days, np.nan) for name in ("listings", *portfolio_days.SUMS)}
    return sums[key]


def _add(sums: Sums, keys: Sequence[Key], told: dict[str, FloatArray]) -> None:
    """Add each listing's days to those of its key; what is NaN adds nothing, and nothing at all stays NaN."""
    groups: dict[Key, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    for key, rows in groups.items():
        for name, values in told.items():
            chosen = values[rows]
            known = np.isfinite(chosen).any(axis=0)
            into = _row(sums, key, values.shape[1])[name]
            into[known] = np.nan_to_num(into[known]) + np.nansum(chosen[:, known], axis=0)


def _add_bookings(sums: Sums, part: Sequence[ListingInfo], matrix: MetricMatrix, bands: BandMatrix) -> None:
    bookings = matrix.values["booking_velocity"]
    told = np.isfinite(bookings)
    expected = np.where(told, bands.expected["booking_velocity"], np.nan)
    half = (bands.upper["booking_velocity"] - bands.lower["booking_velocity"]) / 2
    _add(sums, [(one.market, one.channel, one.currency) for one in part], {
        "listings": np.where(told, 1.0, np.nan), "bookings": bookings, "expected": expected,
        "comparable": np.where(np.isfinite(expected), bookings, np.nan), "half_square": np.where(told, half**2, np.nan),
        "sold_rooms": matrix.values["occupancy"] * np.array([one.unit_count for one in part])[:, None],
    })  # fmt: skip


def _add_expected(
    sums: Sums, part: Sequence[ListingInfo], bands: BandMatrix, worth: dict[int, tuple[str, float]]
) -> None:
    """What was expected to be booked, in money: only of listings whose bookings we know."""
    sold = [(row, one) for row, one in enumerate(part) if one.listing_id in worth]
    if not sold:
        return
    keys = [(one.market, one.channel, worth[one.listing_id][0]) for _, one in sold]
    each = [worth[one.listing_id][1] / 10 ** currency_digits(worth[one.listing_id][0]) for _, one in sold]
    expected = bands.expected["booking_velocity"][[row for row, _ in sold]]
    _add(sums, keys, {"expected_revenue": expected * np.array(each)[:, None]})


def _add_rooms(sums: Sums, part: Sequence[ListingInfo], occupancy: FloatArray) -> None:
    """Count a unit's rooms on each day on which any of its listings tells how full it was."""
    units = np.array([one.unit_id for one in part])
    first = np.flatnonzero(np.r_[True, units[1:] != units[:-1]])
    told = np.logical_or.reduceat(np.isfinite(occupancy), first, axis=0)
    rooms = np.array([part[row].unit_count for row in first.tolist()], dtype=np.float64)[:, None]
    keys = [(part[row].market, ALL_CHANNELS, "") for row in first.tolist()]
    _add(sums, keys, {"rooms": np.where(told, rooms, np.nan)})


def _columns(sums: Sums, start: date, n_days: int) -> dict[str, NDArray[Any]]:
    """Lay the sums out as rows, without days of which nothing is known."""
    keys = sorted(sums)
    days = np.tile(np.datetime64(start) + np.arange(n_days), len(keys)).astype("datetime64[D]")
    values = {
        name: np.concatenate([sums[key][name] for key in keys] or [np.empty(0)])
        for name in ("listings", *portfolio_days.SUMS)
    }
    known = np.logical_or.reduce([np.isfinite(one) for one in values.values()])
    named = {
        name: np.repeat(np.array([key[place] for key in keys], dtype=object), n_days)[known]
        for place, name in enumerate(("market", "channel", "currency"))
    }
    listings = np.nan_to_num(values.pop("listings")).astype(np.int64)[known]
    return {"day": days[known], **named, "listings": listings, **{name: one[known] for name, one in values.items()}}
