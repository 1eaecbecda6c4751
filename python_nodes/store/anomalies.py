"""Anomalies of each run; the latest run of each kind of source is what holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from python_nodes.domain.findings import Anomaly
from python_nodes.store import turns
from python_nodes.store.tables import anomalies, anomaly_runs


def _columns(one: Anomaly) -> dict[str, Any]:
    # Not as `asdict`: it copies the evidence, a chart's every point, only to have it written.
    return {field.name: getattr(one, field.name) for field in fields(Anomaly)}


def replace(conn: Connection, as_of: datetime, source_kind: str, found: Sequence[Anomaly]) -> int:
    """Store what one run found (``source_kind`` is ``guards`` or ``watches``); the same run again replaces it."""
    ran = (anomalies.c.source_kind == source_kind) & (anomalies.c.as_of_at == as_of)
    conn.execute(delete(anomalies).where(ran))
    run = {"source_kind": source_kind, "as_of_at": as_of}
    conn.execute(upsert(anomaly_runs).values(run).on_conflict_do_nothing())
    if found:
        conn.execute(insert(anomalies), [{**run, **_columns(one)} for one in found])
    return len(found)


def renew(
    conn: Connection, as_of: datetime, source_kind: str, listing_ids: Collection[int], found: Sequence[Anomaly]
) -> None:
    """Put what is found of some listings in the place of what the last run found of them; of all others it holds on.

    No run of its own: a sweep that began earlier and ends later would be hidden behind it.
    """
    turns.wait(conn, "anomalies")
    a, r = anomalies.c, anomaly_runs.c
    is_early_enough = (r.source_kind == source_kind) & (r.as_of_at <= as_of)
    last = conn.execute(select(func.max(r.as_of_at)).where(is_early_enough)).scalar_one()
    run = {"source_kind": source_kind, "as_of_at": last or as_of}
    conn.execute(upsert(anomaly_runs).values(run).on_conflict_do_nothing())
    ran = (a.source_kind == source_kind) & (a.as_of_at == run["as_of_at"])
    conn.execute(delete(anomalies).where(ran & a.listing_id.in_(listing_ids)))
    if found:
        conn.execute(insert(anomalies), [{**run, **_columns(one)} for one in found])


def last_run_at(conn: Connection, source_kind: str) -> datetime | None:
    """Return the moment of the newest run; None before the first."""
    r = anomaly_runs.c
    found: datetime | None = conn.execute(select(func.max(r.as_of_at)).where(r.source_kind == source_kind)).scalar_one()
    return found


def before(conn: Connection, as_of: datetime, source_kind: str) -> list[Anomaly]:
    """Return what the last run before ``as_of`` found."""
    a, r = anomalies.c, anomaly_runs.c
    last = select(func.max(r.as_of_at)).where((r.as_of_at < as_of) & (r.source_kind == source_kind)).scalar_subquery()
    query = select(*(a[field.name] for field in fields(Anomaly))).where(
        (a.source_kind == source_kind) & (a.as_of_at == last)
    )
    return [Anomaly(**row) for row in conn.execute(query.order_by(a.id)).mappings()]


def current(conn: Connection, as_of: datetime) -> list[Anomaly]:
    """Return what each kind of source found in its latest run at or before ``as_of``."""
    r, a = anomaly_runs.c, anomalies.c
    latest = (
        select(r.source_kind, func.max(r.as_of_at).label("as_of_at"))
        .where(r.as_of_at <= as_of)
        .group_by(r.source_kind)
        .subquery()
    )
    held = (a.source_kind == latest.c.source_kind) & (a.as_of_at == latest.c.as_of_at)
    query = select(*(a[field.name] for field in fields(Anomaly))).join_from(anomalies, latest, held).order_by(a.id)
    return [Anomaly(**row) for row in conn.execute(query).mappings()]
