"""Which polls fail now, whose access ends or is refused, and which listings go unwatched for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from python_nodes import vendors
from python_nodes.domain.inputs import Access, BoolArray, FailingPoll
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.store import connections, polls


def polls_of(conn: Connection, listings: Sequence[ListingInfo], as_of: datetime) -> list[FailingPoll]:
    """Return the operations of active connections that fail at ``as_of``; those that do well are not among them."""
    return [
        FailingPoll(
            connection_id=one.connection_id,
            connection=one.connection,
            operation=one.operation,
            failing_since_at=one.failing_since_at,
            succeeded_at=one.succeeded_at,
            failures=one.failures,
            reason=one.reason,
            listings=_spoken_for(one.vendor, one.channel, listings),
        )
        for one in polls.failing(conn, as_of)
    ]


def access_of(conn: Connection, listings: Sequence[ListingInfo]) -> list[Access]:
    """Return the active connections whose access has a known end, or is refused."""
    return [
        Access(
            connection_id=one.connection_id,
            connection=one.connection,
            ends_at=one.ends_at,
            refused_at=one.refused_at,
            listings=_spoken_for(one.vendor, one.channel, listings),
        )
        for one in connections.access(conn)
    ]


def _spoken_for(vendor: str, channel: str | None, listings: Sequence[ListingInfo]) -> BoolArray:
    spoken = vendors.load(vendor).capabilities.channels
    named = channel or (spoken[0] if spoken else None)
    if named is None:
        return np.ones(len(listings), dtype=np.bool_)
    return np.asarray(np.array([listing.channel for listing in listings], dtype=np.str_) == named)
