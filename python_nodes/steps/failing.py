"""Which polls fail now, and which listings go unwatched for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from python_nodes import vendors
from python_nodes.domain.inputs import FailingPoll
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.store import polls


def polls_of(conn: Connection, listings: Sequence[ListingInfo], as_of: datetime) -> list[FailingPoll]:
    """Return the operations of active connections that fail at ``as_of``; those that do well are not among them."""
    channel = np.array([listing.channel for listing in listings], dtype=np.str_)
    found = []
    for one in polls.failing(conn, as_of):
        spoken = vendors.load(one.vendor).capabilities.channels
        named = one.channel or (spoken[0] if spoken else None)
        found.append(
            FailingPoll(
                connection_id=one.connection_id,
                connection=one.connection,
                operation=one.operation,
                failing_since_at=one.failing_since_at,
                succeeded_at=one.succeeded_at,
                failures=one.failures,
                reason=one.reason,
                listings=channel == named if named else np.ones(len(listings), dtype=np.bool_),
            )
        )
    return found
