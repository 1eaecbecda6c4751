"""Where alerts stand in their escalations: read locked, changed in the transaction that plans who is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from python_nodes.domain.escalations import Held, Progress
from python_nodes.domain.findings import Alert
from python_nodes.store import alerts as alert_store
from python_nodes.store import at_once
from python_nodes.store.alert_tables import escalation_looks, escalations
from python_nodes.store.tables import alert_events, alerts

EVENT = "escalated"
"""Event of an alert's history: an escalation carried out a step, waits, or ended."""


def changed(conn: Connection, edition: str, as_of: datetime) -> list[Alert]:
    """Return the open alerts that were not held against this edition of the file since they last changed."""
    looked = (
        select(escalation_looks.c.alert_id)
        .where(
            escalation_looks.c.tenant_id == alerts.c.tenant_id, escalation_looks.c.alert_id == alerts.c.id,
            escalation_looks.c.version == alerts.c.version, escalation_looks.c.edition == edition,
        )
        .exists()
    )  # fmt: skip
    is_new = alerts.c.resolved_at.is_(None) & (alerts.c.raised_at <= as_of) & ~looked
    query = select(alerts).where(is_new).order_by(alerts.c.id)
    return [alert_store.alert_of(row) for row in conn.execute(query).mappings()]


def looked(conn: Connection, found: Sequence[Alert], edition: str) -> None:
    """Note which version of each alert was held against which edition of the file."""
    rows = [{"alert_id": one.alert_id, "version": one.version, "edition": edition} for one in found]
    at_once.put(conn, escalation_looks, rows, key=("alert_id",))


def of_alerts(conn: Connection, alert_ids: Collection[int], *, lock: bool = False) -> Mapping[int, list[Progress]]:
    """Return where alerts stand, by alert; locked until the transaction ends if asked."""
    query = select(escalations).where(escalations.c.alert_id.in_(alert_ids))
    query = query.order_by(escalations.c.alert_id, escalations.c.escalation)
    found: dict[int, list[Progress]] = defaultdict(list)
    for row in conn.execute(query.with_for_update() if lock else query):
        found[row.alert_id].append(_progress(row))
    return found


def begin(conn: Connection, wanted: Sequence[tuple[int, Progress]]) -> None:
    """Store new ones; where another call was faster, its own stands."""
    at_once.put(conn, escalations, [{"alert_id": alert_id} | _row(one, None) for alert_id, one in wanted])


def take_due(conn: Connection, as_of: datetime) -> list[tuple[Alert, Progress]]:
    """Return what is due with its alert, both locked until the transaction ends.

    What another call has in hand is left to it; an alert on which somebody acts right now is due again a minute later.
    """
    e, a = escalations.c, alerts.c
    query = (
        select(escalations)
        .join(alerts, (a.tenant_id == e.tenant_id) & (a.id == e.alert_id))
        .where(e.due_at.is_not(None), e.due_at <= as_of)
        .order_by(e.alert_id, e.escalation)
        .with_for_update(skip_locked=True)
    )
    taken = [(row.alert_id, _progress(row)) for row in conn.execute(query)]
    # Asked after the lock, so that what people did until then is seen.
    rows = conn.execute(select(alerts).where(a.id.in_({alert_id for alert_id, _ in taken}))).mappings() if taken else ()
    found = {int(row["id"]): alert_store.alert_of(row) for row in rows}
    return [(found[alert_id], progress) for alert_id, progress in taken]


def save(conn: Connection, moved: Sequence[tuple[int, Progress]], at: datetime) -> None:
    """Store where alerts stand now."""
    rows = [{"alert_id": alert_id} | _row(one, at) for alert_id, one in moved]
    at_once.put(conn, escalations, rows, key=("alert_id", "escalation"))


def running(conn: Connection) -> int:
    """Count the open alerts that escalations follow."""
    e, a = escalations.c, alerts.c
    query = (
        select(func.count(e.alert_id.distinct()))
        .join(alerts, (a.tenant_id == e.tenant_id) & (a.id == e.alert_id))
        .where(e.ended_at.is_(None), a.resolved_at.is_(None))
    )
    return int(conn.execute(query).scalar_one())


def note(conn: Connection, wanted: Sequence[tuple[Alert, str]], at: datetime) -> None:
    """Write what escalations did into the alerts' history."""
    at_once.put(conn, alert_events, [
        {"alert_id": alert.alert_id, "version": alert.version, "event": EVENT, "reason": reason, "at": at}
        for alert, reason in wanted
    ])  # fmt: skip


def _row(one: Progress, at: datetime | None) -> dict[str, Any]:
    held = [asdict(item) | {"until": item.until.isoformat()} for item in one.held]
    return {
        "escalation": one.escalation, "chain": one.chain, "step": one.step, "began_at": one.began_at,
        "step_at": one.step_at, "due_at": one.due_at, "waited_s": int(one.waited.total_seconds()), "told": one.told,
        "repeats": dict(one.repeats), "held": held, "is_parked": one.is_parked,
        "ended_at": at if one.ended_because is not None else None, "ended_because": one.ended_because,
    }  # fmt: skip


def _progress(row: Row[Any]) -> Progress:
    told = row._mapping
    names = ("escalation", "chain", "step", "began_at", "step_at", "told", "repeats", "is_parked", "ended_because")
    held = tuple(Held(**(item | {"until": datetime.fromisoformat(item["until"])})) for item in told["held"])
    return Progress(
        **{name: told[name] for name in names}, waited=timedelta(seconds=told["waited_s"]), held=held
    )  # fmt: skip
