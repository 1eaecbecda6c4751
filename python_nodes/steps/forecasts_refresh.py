"""Forecast the listings that are worth it, and those with an open alert as they were before it began; a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection

from python_nodes import log
from python_nodes.domain.inputs import Economics
from python_nodes.domain.metrics import DayArray, FloatArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import forecast
from python_nodes.scoring.calendar import holiday_matrix
from python_nodes.steps import dated_job, job_admin, local_events, pickup_view, places, predict, snapshot
from python_nodes.steps.services import Services
from python_nodes.store import alerts, forecasts, portfolio
from python_nodes.store.forecasts import StoredForecast

BOOKINGS = "booking_velocity"
METRICS = (BOOKINGS, "search_impressions", "listing_views")
PICKUP = "pickup_nights"


@dataclass(frozen=True, slots=True)
class Subject:
    """A listing to forecast: its row, the first day to say, and the stretches that are no example of it."""

    row: int
    until: date
    troubles: tuple[tuple[date, date], ...]


def run(services: Services, tenant_id: int, as_of: datetime, tell: job_admin.Tell | None = None) -> dict[str, Any]:
    """Forecast and store, listing by listing; the same day again replaces what it made."""
    with log.stage("forecasts_refresh", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)
            today = snapshot.local_day(as_of, listings)
            economics = snapshot.value_of_listings(
                conn, listings, as_of, services.currency, services.history_days
            ) if listings else None  # fmt: skip
            chosen = [] if economics is None else _subjects(conn, services, listings, economics, today)
        stored, spoke = 0, dict[str, int]()
        for number, subject in enumerate(chosen, start=1):
            if economics is not None:
                made = _made(services, tenant_id, listings[subject.row], subject, economics, today)
                with services.database.tenant(tenant_id) as conn:
                    stored += forecasts.write(conn, made)
                for one in made:
                    spoke[one.model] = spoke.get(one.model, 0) + 1
            if tell is not None:
                tell(number, len(chosen))
        paced = _paces(services, tenant_id, listings, [one.row for one in chosen], as_of, today)
        result = {"as_of_date": today.isoformat(), "listings": len(chosen), "forecasts": stored, "paces": paced}
        facts.update(result)
    # By the same bookings, and after them: what they foresee needs no forecast of its own.
    return result | {"models": spoke, "foreseen": predict.run(services, tenant_id, as_of)["kinds"]}


def _subjects(
    conn: Connection, services: Services, listings: Sequence[ListingInfo], economics: Economics, today: date
) -> list[Subject]:  # fmt: skip
    """Choose the listings of the highest revenue, and as many of those with an open alert."""
    row_of = {listing.listing_id: row for row, listing in enumerate(listings)}
    earliest = today - timedelta(days=forecast.LONGEST_DAYS - forecast.LOOK_AHEAD_DAYS)
    began: dict[int, date] = {}
    troubles: dict[int, list[tuple[date, date]]] = {}
    for alert in alerts.list_all(conn):
        for listing in places.of(alert, listings):
            row = row_of[listing.listing_id]
            if alert.resolved_at is not None:
                troubles.setdefault(row, []).append((alert.onset_date, alert.resolved_at.date()))
            elif earliest <= alert.onset_date < today:
                began[row] = min(began.get(row, today), alert.onset_date)
    by_worth = forecast.worth_it(economics, len(listings)).tolist()
    rows = by_worth[: services.forecast_listings]
    rows += [row for row in by_worth if row in began and row not in rows][: services.forecast_listings]
    return [Subject(row, began.get(row, today), tuple(troubles.get(row, ()))) for row in rows]


def _made(
    services: Services, tenant_id: int, listing: ListingInfo, subject: Subject, economics: Economics, today: date
) -> list[StoredForecast]:
    """Forecast each metric of one listing by the days before the subject's first."""
    start, _ = snapshot.window(subject.until, services.history_days)
    matrix = services.metrics.read(
        tenant_id, METRICS, [listing.listing_id], start, subject.until - timedelta(days=1)
    )  # fmt: skip
    horizon = min((today - subject.until).days + forecast.HORIZON_DAYS, forecast.LONGEST_DAYS)
    ahead = np.arange(matrix.days[0], matrix.days[-1] + 1 + horizon)
    public = holiday_matrix([listing], ahead)[0]
    events = local_events.of_listing(services, tenant_id, listing, ahead)
    worth = float(economics.revenue_per_booking_minor[subject.row] * economics.kept_share[subject.row])
    found = []
    for metric in METRICS:
        usual = _without(matrix.values[metric][0], matrix.days, subject.troubles)
        made = forecast.make(usual, matrix.days, horizon, public, events)
        if made is None:
            continue
        payload = made.payload | ({"booking_worth_minor": round(worth, 2)} if metric == BOOKINGS else {})
        found.append(
            StoredForecast(listing_id=listing.listing_id, metric=metric, as_of_date=subject.until,
                           made_at=services.clock(), model=made.model, payload=payload)
        )  # fmt: skip
    return found


def _without(values: FloatArray, days: DayArray, troubles: Sequence[tuple[date, date]]) -> FloatArray:
    """Leave out the days of past incidents: they are no example of what is usual."""
    result = values.copy()
    for first, last in troubles:
        result[(days >= np.datetime64(first)) & (days <= np.datetime64(last))] = np.nan
    return result if np.isfinite(result).any() else values


def _paces(
    services: Services, tenant_id: int, listings: Sequence[ListingInfo], rows: Sequence[int], as_of: datetime,
    today: date,
) -> int:  # fmt: skip
    """Store how the books of the chosen listings stand, so that alerts can say so."""
    if not rows:
        return 0
    ids = [listings[row].listing_id for row in rows]
    with services.database.tenant(tenant_id) as conn:
        told = pickup_view.paces(conn, services, listings, ids, as_of)
        empty = StoredForecast(
            listing_id=0, metric=PICKUP, as_of_date=today, made_at=services.clock(), model="", payload={}
        )  # fmt: skip
        made = [replace(empty, listing_id=key, model=str(one["method"]), payload=one) for key, one in told.items()]
        return forecasts.write(conn, made)


JOB = dated_job.DatedJob("forecasts", run)
