"""Whether an alert is told later than it could have been, by how much and why: whoever reads it should not wonder."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import Connection

from python_nodes.domain import written
from python_nodes.domain.findings import Alert
from python_nodes.domain.said import say
from python_nodes.notify.base import Field
from python_nodes.store import sweeps
from python_nodes.store.deliveries import Delivery

LOOKS_BACK = 9
"""Sweeps that tell how far apart they usually are."""
FEWEST = 4
WORTH_SAYING = timedelta(minutes=10)


def gap(runs: Sequence[datetime]) -> timedelta:
    """Return by how much longer than usual nobody looked before the first of these sweeps, the newest first."""
    apart_s = [(later - earlier).total_seconds() for later, earlier in pairwise(runs)]
    if len(runs) < FEWEST:
        return timedelta(0)
    return timedelta(seconds=max(apart_s[0] - statistics.median(apart_s[1:]), 0.0))


def said(conn: Connection, alert: Alert, delivery: Delivery, as_of: datetime) -> tuple[Field, ...]:
    """Say both that nobody looked for a while, and that what was found could not be sent at once."""
    if alert.resolved_at is not None:
        return ()
    told = []
    runs = sweeps.until(conn, alert.raised_at, LOOKS_BACK)
    if (late := gap(runs)) >= WORTH_SAYING:
        told.append(
            say(
                "by up to {late}, because no sweep ran from {since} to {until}",
                late=_long(late), since=written.moment(runs[1]), until=written.moment(runs[0]),
            )
        )  # fmt: skip
    waited = as_of - delivery.planned_at
    # A first attempt that comes late was planned for later, as the hours of a team want it.
    if delivery.attempts > 1 and waited >= WORTH_SAYING:
        told.append(
            say(
                "by {late}, because {sender} could not be reached at {since}",
                late=_long(waited), sender=delivery.sender, since=written.moment(delivery.planned_at),
            )
        )  # fmt: skip
    return (Field(label=say("Told late"), value="; ".join(told)),) if told else ()


def _long(span: timedelta) -> str:
    hours, minutes = divmod(round(span.total_seconds() / 60), 60)
    if not hours:
        return say("{minutes} min", minutes=minutes)
    return say("{hours} h {minutes} min", hours=hours, minutes=minutes)
