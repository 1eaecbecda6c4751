"""Reads of rows that lie all over a large table, as bookings do: stored as they came, asked for by listing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray
from sqlalchemy import Connection, text

from python_nodes.store import copying


def fetch(conn: Connection, query: str, params: Sequence[Any], columns: Mapping[str, str]) -> NDArray[Any]:
    """Do as ``copying.fetch``, page by page of the table in its own order.

    Row by row in an index's order each page is visited once for every row that is on it, which takes thrice as long;
    the planner holds that for cheaper. A bitmap of the same index, or the whole table, is still its choice.
    """
    conn.execute(text("SET LOCAL enable_indexscan = off"))
    found = copying.fetch(conn, query, params, columns)
    conn.execute(text("SET LOCAL enable_indexscan = on"))
    return found
