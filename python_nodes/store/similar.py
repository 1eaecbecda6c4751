"""Earlier alerts like one, with how they ended and what people said of them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, select

from python_nodes.domain.findings import Alert
from python_nodes.store import alerts as store
from python_nodes.store.tables import alert_events, alerts, verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """``ended`` is the reason of its end, '' while it is open; ``is_real`` the last verdict, None without one."""

    alert: Alert
    ended: str
    is_real: bool | None


def before(conn: Connection, alert: Alert, limit: int) -> list[Similar]:
    """Return alerts of the same kind at the same place raised before this one, newest first."""
    a = alerts.c
    place = a.scope == alert.scope
    if alert.listing_id is not None:
        place &= a.listing_id == alert.listing_id
    elif alert.property_id is not None:
        place &= a.property_id == alert.property_id
    else:
        place &= a.market == alert.market
    ids = list(
        conn.execute(
            select(a.id)
            .where(place, a.kind == alert.kind, a.id != alert.alert_id, a.raised_at <= alert.raised_at)
            .order_by(a.raised_at.desc(), a.id.desc())
            .limit(limit)
        ).scalars()
    )
    if not ids:
        return []
    last = and_(alert_events.c.event == "resolved", alert_events.c.alert_id.in_(ids))
    ended = {row.alert_id: row.reason for row in conn.execute(select(alert_events).where(last))}
    said = select(verdicts).where(verdicts.c.alert_id.in_(ids)).order_by(verdicts.c.id)
    real = {row.alert_id: bool(row.is_real) for row in conn.execute(said)}
    return [Similar(alert=store.get(conn, one), ended=ended.get(one, ""), is_real=real.get(one)) for one in ids]
