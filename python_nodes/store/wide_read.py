"""Reads of rows that lie all over a large table, as bookings do: stored as they came, asked for by listing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from python_nodes.domain.metrics import IntArray
from python_nodes.store import copying

LISTINGS_AT_ONCE = 500
"""So that a process holds some hundred thousand rows on their way, however many listings there are."""


def parts(
    conn: Connection, query: str, listing_ids: Sequence[int] | IntArray, params: Sequence[Any],
    columns: Mapping[str, str],
) -> Iterator[NDArray[Any]]:  # fmt: skip
    """Do as ``copying.fetch``, some listings after the other, page by page of the table in its own order.

    The query's first parameter is the listings. Row by row in an index's order each page would be visited once for
    every row that is on it, which takes thrice as long; the planner holds that for cheaper. A bitmap of the same index,
    or the whole table, is still its choice.
    """
    ids = np.asarray(listing_ids, dtype=np.int64)
    conn.execute(text("SET LOCAL enable_indexscan = off"))
    for first in range(0, max(len(ids), 1), LISTINGS_AT_ONCE):
        yield copying.fetch(conn, query, (ids[first : first + LISTINGS_AT_ONCE].tolist(), *params), columns)
    conn.execute(text("SET LOCAL enable_indexscan = on"))


def fetch(
    conn: Connection, query: str, listing_ids: Sequence[int] | IntArray, params: Sequence[Any],
    columns: Mapping[str, str],
) -> NDArray[Any]:  # fmt: skip
    """Return all parts as one."""
    return np.concatenate(list(parts(conn, query, listing_ids, params, columns)))
