"""Reads of rows that lie all over a large table, as bookings do: stored as they came, asked for by listing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from python_nodes.domain.metrics import IntArray
from python_nodes.store import copying
from python_nodes.store.session import beside

T = TypeVar("T")
LISTINGS_AT_ONCE = 500
"""So that a process holds some hundred thousand rows on their way, however many listings there are."""


@contextmanager
def meanwhile(conn: Connection, n_listings: int) -> Iterator[Callable[[Callable[[Connection], T]], Future[T]]]:
    """Give a way to read by another connection while this one reads, where there are many listings; by this one else.

    The other sees nothing that this transaction has written.
    """
    if n_listings <= LISTINGS_AT_ONCE:
        yield lambda read: _done(read(conn))
        return
    with beside(conn) as other, ThreadPoolExecutor(max_workers=1) as pool:
        yield lambda read: pool.submit(read, other)


def _done(result: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(result)
    return future


def parts(
    conn: Connection, query: str, listing_ids: Sequence[int] | IntArray, params: Sequence[Any],
    columns: Mapping[str, str],
) -> Iterator[NDArray[Any]]:  # fmt: skip
    """Do as ``copying.fetch``, some listings after the other, page by page of the table in its own order.

    The query's first parameter is the listings. Row by row in an index's order each page would be visited once for
    every row that is on it, which takes thrice as long; the planner holds that for cheaper. A bitmap of the same index,
    or the whole table, is still its choice. Of many listings two parts are read at a time, as by ``meanwhile``.
    """
    ids = np.asarray(listing_ids, dtype=np.int64)
    blocks = [ids[first : first + LISTINGS_AT_ONCE].tolist() for first in range(0, max(len(ids), 1), LISTINGS_AT_ONCE)]

    def read(by: Connection, block: list[int]) -> NDArray[Any]:
        by.execute(text("SET LOCAL enable_indexscan = off"))
        found = copying.fetch(by, query, (block, *params), columns)
        by.execute(text("SET LOCAL enable_indexscan = on"))
        return found

    with meanwhile(conn, len(ids)) as also:
        for own, *rest in (blocks[first : first + 2] for first in range(0, len(blocks), 2)):
            following = [also(partial(read, block=block)) for block in rest]
            yield read(conn, own)
            yield from (one.result() for one in following)


def fetch(
    conn: Connection, query: str, listing_ids: Sequence[int] | IntArray, params: Sequence[Any],
    columns: Mapping[str, str],
) -> NDArray[Any]:  # fmt: skip
    """Return all parts as one."""
    return np.concatenate(list(parts(conn, query, listing_ids, params, columns)))
