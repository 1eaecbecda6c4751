"""What people said of an alert: what it was in a word, whether that is a real problem, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from python_nodes.store.tables import verdicts


def add(
    conn: Connection, alert_id: int, is_real: bool, actor: str, *, given_at: datetime, cause: str | None = None,
    note: str = "", verdict: str | None = None,
) -> int:  # fmt: skip
    """Record one verdict and return its id; without its word it is ``real`` or ``false_alarm``."""
    row = {
        "alert_id": alert_id, "is_real": is_real, "verdict": verdict or ("real" if is_real else "false_alarm"),
        "cause": cause, "actor": actor, "note": note, "given_at": given_at,
    }  # fmt: skip
    return int(conn.execute(insert(verdicts).values(row).returning(verdicts.c.id)).scalar_one())


def list_for_alert(conn: Connection, alert_id: int) -> list[dict[str, Any]]:
    """Return the verdicts on one alert, oldest first."""
    query = select(verdicts).where(verdicts.c.alert_id == alert_id).order_by(verdicts.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def last_by_alert(conn: Connection, alert_ids: Sequence[int]) -> dict[int, bool]:
    """Return what was said last of each alert that was judged: whether it was real."""
    query = select(verdicts.c.alert_id, verdicts.c.is_real).where(verdicts.c.alert_id.in_(list(alert_ids)))
    return {row.alert_id: row.is_real for row in conn.execute(query.order_by(verdicts.c.id))}
