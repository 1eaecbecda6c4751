"""What guards, scoring and impact look at, read from the stores in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain.inputs import Economics, GuardInputs
from python_nodes.domain.metrics import FloatArray
from python_nodes.domain.money import currency_digits
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.normalize import reference_rates
from python_nodes.scoring import economics as worth
from python_nodes.store import ari, bookings, copying, health, operator
from python_nodes.store.metrics import postgres

NIGHTS = 90
DEMAND_DAYS = 180

_STAYS = (
    "SELECT listing_id, booked_at::date AS booked, check_in_date, check_out_date FROM bookings"
    " WHERE listing_id = ANY(%s) AND booked_at >= %s AND booked_at < %s"
)


def guard_inputs(conn: Connection, listings: Sequence[ListingInfo], as_of: datetime) -> GuardInputs:
    """Gather what guards look at; row ``i`` of each array is ``listings[i]``."""
    today = as_of.date()
    last = today + timedelta(days=NIGHTS - 1)
    ids = [listing.listing_id for listing in listings]
    known, is_open = operator.current(conn, [listing.unit_id for listing in listings], today, last)
    return GuardInputs(
        as_of=as_of,
        as_of_day=today,
        listings=listings,
        ari=ari.current(conn, ids, today, last),
        health=health.current(conn, ids),
        operator_known=known,
        operator_open=is_open,
        trailing_price_minor=ari.trailing_median_price(conn, ids, today, last, as_of),
        last_performance_day=postgres.last_told_day(conn, "listing_views", ids, today),
        night_demand=night_demand(conn, ids, today),
    )


def night_demand(conn: Connection, listing_ids: Sequence[int], today: date) -> FloatArray:
    """Which share of a day's bookings would touch each coming night, from the bookings of the last half year."""
    kinds = {"listing_id": "i8", "booked": "D", "check_in_date": "D", "check_out_date": "D"}
    window = (list(listing_ids), today - timedelta(days=DEMAND_DAYS), today)
    rows = copying.fetch(conn, _STAYS, window, kinds)
    ids = np.asarray(listing_ids, dtype=np.int64)
    order = np.argsort(ids)
    row = order[np.searchsorted(ids, rows["listing_id"], sorter=order)] if len(rows) else np.empty(0, np.int64)
    lead = (rows["check_in_date"] - rows["booked"]).astype(np.int64)
    stay = (rows["check_out_date"] - rows["check_in_date"]).astype(np.int64)
    return worth.night_demand(row, lead, stay, len(ids), NIGHTS)


def economics(
    conn: Connection, listings: Sequence[ListingInfo], as_of: datetime, currency: str, history_days: int
) -> Economics:
    """What a day of each listing is worth, in the tenant's currency."""
    today = as_of.date()
    ids = [listing.listing_id for listing in listings]
    daily = bookings.daily_stats(conn, ids, today - timedelta(days=history_days), today - timedelta(days=1))
    matrix = postgres.read(conn, ["booking_velocity"], ids, daily.days[0].item(), daily.days[-1].item())
    fx = {one: minor_rate(one, currency) for one in {listing.currency for listing in listings}}
    return worth.economics(
        listings, daily.days, daily.bookings.astype(np.float64), daily.revenue_minor.astype(np.float64),
        daily.cancelled.astype(np.float64), matrix, today, fx,
    )  # fmt: skip


def minor_rate(source: str, target: str) -> float:
    """Minor units of ``target`` for one minor unit of ``source``."""
    rates = reference_rates()
    digits = currency_digits(target) - currency_digits(source)
    return float((rates[target] / rates[source]).scaleb(digits))
