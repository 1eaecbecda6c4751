"""What the end of a problem brought back: measured once, a week after it, and told in the alert's history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain import written
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.recovered import Problem, Recovered, recovered
from python_nodes.steps import places, snapshot
from python_nodes.steps.money import MONEY
from python_nodes.store import actions, daily_bookings, repairs
from python_nodes.store.repairs import Repair

EVENT, RECOVERED = "recovered", "recovered_minor"
"""The event in the alert's history, and what the amounts are called there and in the evidence's money."""
AFTER_DAYS = 7
"""So many whole days after the end are held against the loss rate: all weekdays once."""
LATEST = timedelta(days=30)
"""What ended longer ago was before anybody measured it."""
NEEDED = ("bookings_per_day", "baseline_per_day_minor", "worth_sd", "share_lost_sd")


def tell(conn: Connection, listings: Sequence[ListingInfo], as_of: datetime) -> int:
    """Measure what is due and return how many alerts that were."""
    ended = repairs.unmeasured(conn, as_of - LATEST, as_of - timedelta(days=AFTER_DAYS))
    due = [(one, about) for one in ended if (about := places.of(one, listings)) and set(NEEDED) <= set(one.parts)]
    today = snapshot.local_day(as_of, listings)
    told = [(alert, about, _week_after(alert, about)) for alert, about in due]
    ready = [one for one in told if one[2] + timedelta(days=AFTER_DAYS) <= today]
    booked = _booked(conn, [(about, first) for _, about, first in ready])
    measured = [
        _measured(alert, first, count, as_of) for (alert, _, first), count in zip(ready, booked, strict=True)
    ]  # fmt: skip
    repairs.keep(conn, [
        (repair, {**alert.evidence, MONEY: {**alert.evidence[MONEY], RECOVERED: _amounts(repair)}})
        for (alert, _, _), repair in zip(ready, measured, strict=True)
    ])  # fmt: skip
    for (alert, _, _), repair in zip(ready, measured, strict=True):
        actions.note_event(conn, alert, EVENT, _words(repair, alert.currency), as_of, {RECOVERED: _amounts(repair)})
    return len(ready)


def _week_after(alert: Alert, about: Sequence[ListingInfo]) -> date:
    """Return the first whole property-local day after an alert's end."""
    return snapshot.local_day(alert.resolved_at or alert.updated_at, about) + timedelta(days=1)


def _booked(conn: Connection, asked: Sequence[tuple[Sequence[ListingInfo], date]]) -> list[int]:
    """Count the bookings made on each one's listings in the week from its day on; read once for all."""
    if not asked:
        return []
    zone_of = {one.listing_id: one.timezone for about, _ in asked for one in about}
    ids = sorted(zone_of)
    first, last = min(day for _, day in asked), max(day for _, day in asked) + timedelta(days=AFTER_DAYS - 1)
    past = daily_bookings.daily_stats(conn, ids, [zone_of[one] for one in ids], first, last)
    counts = []
    for about, day in asked:
        rows = np.searchsorted(ids, sorted({one.listing_id for one in about}))
        start = (day - first).days
        counts.append(int(past.bookings[rows, start : start + AFTER_DAYS].sum()))
    return counts


def _measured(alert: Alert, first: date, booked: int, as_of: datetime) -> Repair:
    """Hold one week against what the problem left of it."""
    parts = alert.parts
    found: Recovered = recovered(
        Problem(
            bookings_per_day=parts["bookings_per_day"], baseline_per_day_minor=parts["baseline_per_day_minor"],
            worth_sd=parts["worth_sd"], share_lost_sd=parts["share_lost_sd"],
            share_lost=alert.loss_per_day_minor / max(parts["baseline_per_day_minor"], 1e-9),
        ),
        booked, AFTER_DAYS,
    )  # fmt: skip
    return Repair(
        alert_id=alert.alert_id, cause=alert.cause, first_date=first,
        last_date=first + timedelta(days=AFTER_DAYS - 1), bookings=booked,
        expected_bookings=round(parts["bookings_per_day"] * AFTER_DAYS, 3), low_minor=found.low_minor,
        mid_minor=found.mid_minor, high_minor=found.high_minor, measured_at=as_of,
    )  # fmt: skip


def _amounts(repair: Repair) -> dict[str, int]:
    return {"low": repair.low_minor, "mid": repair.mid_minor, "high": repair.high_minor}


def _words(repair: Repair, currency: str) -> str:
    """Say it for people, with its interval."""
    low, mid, high = (written.money(one, currency) for one in (repair.low_minor, repair.mid_minor, repair.high_minor))
    days = f"from {repair.first_date} to {repair.last_date}"
    return f"recovered {mid} {days} (80 % between {low} and {high}): {repair.bookings} bookings"
