"""What past problems took to be mended, what was learnt of it, and what their end brought back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from python_nodes.domain.findings import Alert
from python_nodes.store.alert_tables import repairs, resolution_times
from python_nodes.store.alerts import alert_of
from python_nodes.store.tables import alert_events, alerts, verdicts

NOT_PROBLEMS = ("false_alarm", "expected_event", "new_normal")
"""Verdicts that say that nothing was to be mended."""
GOES_ON = "goes on as %"
"""How the reason of an alert begins whose place another scope's took: it did not end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """How long one problem lasted: ``ended_at`` is None while it stands."""

    cause: str
    raised_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """Days to resolution of a cause, as learnt on a day, from so many resolutions."""

    cause: str
    low_days: float
    mid_days: float
    high_days: float
    learned_from: int
    still_open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What the end of one alert's problem brought back on the days from ``first_date`` to ``last_date``."""

    alert_id: int
    cause: str
    first_date: date
    last_date: date
    bookings: int
    expected_bookings: float
    low_minor: int
    mid_minor: int
    high_minor: int
    measured_at: datetime


def _was_mended() -> Any:
    """Leave out what people said was no problem, and what went on under another alert."""
    dismissed = exists().where(
        verdicts.c.tenant_id == alerts.c.tenant_id, verdicts.c.alert_id == alerts.c.id,
        verdicts.c.verdict.in_(NOT_PROBLEMS),
    )  # fmt: skip
    replaced = exists().where(
        alert_events.c.tenant_id == alerts.c.tenant_id, alert_events.c.alert_id == alerts.c.id,
        alert_events.c.event == "resolved", alert_events.c.reason.like(GOES_ON),
    )  # fmt: skip
    return ~dismissed & ~replaced


def lasted(conn: Connection, since: datetime, as_of: datetime) -> list[Lasting]:
    """Return how long each problem raised from ``since`` to ``as_of`` lasted, as ``as_of`` knew it."""
    at = alerts.c
    query = select(at.cause, at.raised_at, at.resolved_at).where(at.raised_at.between(since, as_of), _was_mended())
    return [
        Lasting(cause=row.cause, raised_at=row.raised_at,
                ended_at=row.resolved_at if row.resolved_at is not None and row.resolved_at <= as_of else None)
        for row in conn.execute(query)
    ]  # fmt: skip


def times(conn: Connection, on: date) -> list[Learnt]:
    """Return what was learnt on a day, nothing if that day nothing was."""
    t = resolution_times.c
    query = select(t.cause, t.low_days, t.mid_days, t.high_days, t.learned_from, t.still_open)
    return [Learnt(**row) for row in conn.execute(query.where(t.as_of_date == on).order_by(t.cause)).mappings()]


def put_times(conn: Connection, on: date, learnt: Sequence[Learnt]) -> None:
    """Keep what was learnt on a day in the place of what was learnt before."""
    if not learnt:
        return
    names = ("low_days", "mid_days", "high_days", "learned_from", "still_open")
    rows = [{"cause": one.cause, "as_of_date": on, **{name: getattr(one, name) for name in names}} for one in learnt]
    query = upsert(resolution_times).values(rows)
    fresh = {name: query.excluded[name] for name in (*names, "as_of_date")}
    conn.execute(query.on_conflict_do_update(index_elements=["tenant_id", "cause"], set_=fresh))


def unmeasured(conn: Connection, ended_from: datetime, ended_until: datetime) -> list[Alert]:
    """Return the alerts that ended within a span, were told in money, and whose repair was not measured yet."""
    at = alerts.c
    done = exists().where(repairs.c.tenant_id == at.tenant_id, repairs.c.alert_id == at.id)
    query = select(alerts).where(
        at.resolved_at.between(ended_from, ended_until), at.evidence.has_key("money"), at.scope != "market",
        at.loss_per_day_minor > 0, ~done, _was_mended(),
    )  # fmt: skip
    return [alert_of(row) for row in conn.execute(query.order_by(at.id)).mappings()]


def measured(conn: Connection, since: datetime, until: datetime) -> list[tuple[Alert, int]]:
    """Return the alerts whose repair was measured after ``since``, each with the middle of what it brought back."""
    of = (repairs.c.tenant_id == alerts.c.tenant_id) & (repairs.c.alert_id == alerts.c.id)
    query = select(alerts, repairs.c.mid_minor).join(repairs, of)
    query = query.where(repairs.c.measured_at > since, repairs.c.measured_at <= until).order_by(alerts.c.id)
    return [(alert_of(row), int(row["mid_minor"])) for row in conn.execute(query).mappings()]


def keep(conn: Connection, told: Sequence[tuple[Repair, Mapping[str, Any]]]) -> None:
    """Store what repairs brought back, each with the evidence that its alert has from now on."""
    if not told:
        return
    names = ("cause", "first_date", "last_date", "bookings", "expected_bookings", "low_minor", "mid_minor",
             "high_minor", "measured_at")  # fmt: skip
    rows = [{"alert_id": one.alert_id, **{name: getattr(one, name) for name in names}} for one, _ in told]
    conn.execute(insert(repairs), rows)
    for one, evidence in told:
        conn.execute(update(alerts).where(alerts.c.id == one.alert_id).values(evidence=dict(evidence)))
