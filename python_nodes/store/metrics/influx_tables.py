"""Series out of InfluxDB as columns: so many listings a query, two queries at once, as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl

from python_nodes.domain.metrics import IntArray
from python_nodes.store.metrics.influx_http import InfluxHttp, literal
from python_nodes.store.metrics.influx_lines import DAY_NS

LISTINGS_PER_QUERY = 250
QUERIES_AT_ONCE = 2
"""InfluxDB answers one query on one core; more than two of ours at once would only take it from others."""

Kinds = Mapping[str, Any]


def of_listings(
    http: InfluxHttp, select: str, kinds: Kinds, listing_ids: IntArray, where: Sequence[str], by: str
) -> Iterator[tuple[IntArray, pl.DataFrame]]:
    """Give each block's rows: the listing (n,), and ``time`` with the columns of ``kinds``.

    ``select`` is all before WHERE; ``by`` are the tags that rows are grouped by, the listing first.
    """
    columns = {"time": pl.Int64, **kinds}

    def asked(first: int) -> bytes:
        names = "|".join(map(str, listing_ids[first : first + LISTINGS_PER_QUERY].tolist()))
        conditions = " AND ".join([*where, f"listing =~ /^({names})$/"])
        return http.table(f"{select} WHERE {conditions} GROUP BY {by}")

    with ThreadPoolExecutor(QUERIES_AT_ONCE) as pool:
        for body in pool.map(asked, range(0, len(listing_ids), LISTINGS_PER_QUERY)):
            if body:
                frame = pl.read_csv(BytesIO(body), columns=["tags", *columns], schema_overrides=columns)
                yield listing_of(frame["tags"]), frame.drop("tags")


def conditions(tenant_id: int, start: date | None, end: date) -> list[str]:
    """Return what every query says of a tenant and of days, both ends inclusive."""
    where = [f"tenant = {literal(str(tenant_id))}", f"time < {ns(end + timedelta(days=1))}"]
    return where + ([f"time >= {ns(start)}"] if start else [])


def ns(day: date) -> int:
    """Return a day's time stamp."""
    return int(np.datetime64(day).astype(np.int64)) * DAY_NS


def listing_of(tags: pl.Series) -> IntArray:
    """Read each row's listing from its tags; rows of one series are neighbours, so that each is parsed but once."""
    runs = tags.rle().struct.unnest()
    listing = runs["value"].str.extract(r"^listing=(\d+)").cast(pl.Int64).to_numpy()
    return np.repeat(listing, runs["len"].to_numpy())
