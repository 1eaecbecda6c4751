"""Anomalies of each run; the latest run of each kind of source is what holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from python_nodes.domain.findings import Anomaly
from python_nodes.store.tables import anomalies, anomaly_runs


def replace(conn: Connection, as_of: datetime, source_kind: str, found: Sequence[Anomaly]) -> int:
    """Store what one run found (``source_kind`` is ``guards`` or ``watches``); the same run again replaces it."""
    ran = (anomalies.c.source_kind == source_kind) & (anomalies.c.as_of_at == as_of)
    conn.execute(delete(anomalies).where(ran))
    run = {"source_kind": source_kind, "as_of_at": as_of}
    conn.execute(upsert(anomaly_runs).values(run).on_conflict_do_nothing())
    if found:
        conn.execute(insert(anomalies), [{**run, **asdict(one)} for one in found])
    return len(found)


def before(conn: Connection, as_of: datetime, source_kind: str) -> list[Anomaly]:
    """Return what the last run before ``as_of`` found."""
    return _of_last_run(conn, anomaly_runs.c.as_of_at < as_of, source_kind)


def latest(conn: Connection, as_of: datetime, source_kind: str) -> list[Anomaly]:
    """Return what the last run up to ``as_of`` found, that moment's own included."""
    return _of_last_run(conn, anomaly_runs.c.as_of_at <= as_of, source_kind)


def _of_last_run(conn: Connection, is_early_enough: ColumnElement[bool], source_kind: str) -> list[Anomaly]:
    a, r = anomalies.c, anomaly_runs.c
    last = select(func.max(r.as_of_at)).where(is_early_enough & (r.source_kind == source_kind)).scalar_subquery()
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
