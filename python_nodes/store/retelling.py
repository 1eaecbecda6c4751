"""Telling an alert anew: what was told of it before stays on record under another name, and no longer counts."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import BigInteger, Connection, String, cast, func, or_, update

from python_nodes.store.tables import deliveries

BEFORE = "before-"
"""Begins the step of a delivery from before its alert was told anew; the delivery's id and old step follow."""
_RAISED, _RESOLVED = "raised", "resolved"
_OF_ROUTING = (_RAISED, _RESOLVED)
CAME_BACK = "came back before its end was told"


def begin(conn: Connection, alert_ids: Collection[int]) -> None:
    """Let routing tell these alerts as if nobody had heard; what is planned already is sent once all the same.

    But for an end that nobody has heard of: it is over, and the next end is to be told under its name.
    """
    if not alert_ids:
        return
    d = deliveries.c
    unheard = d.alert_id.in_(alert_ids) & (d.step == _RESOLVED) & d.status.in_(("planned", "failed"))
    conn.execute(update(deliveries).where(unheard).values(status="suppressed", reason=CAME_BACK))
    done = d.alert_id.in_(alert_ids) & (d.status.in_(("sent", "suppressed")) | (d.step == _RESOLVED))
    routed = or_(*(d.step.startswith(one) for one in _OF_ROUTING))
    named = func.concat(BEFORE, cast(cast(d.id, BigInteger), String), ":", d.step)
    conn.execute(update(deliveries).where(done & routed).values(step=named))
