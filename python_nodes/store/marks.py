"""What was odd about a feed's records, until the same feed tells of the same days without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from python_nodes.domain.inputs import FeedMarks
from python_nodes.domain.metrics import DayArray, IntArray
from python_nodes.store.tables import feed_marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """Odd records, (n,) each: whose, about which day, and what is odd."""

    listing_id: IntArray
    day_date: DayArray
    value: Sequence[str]


def replace(
    conn: Connection, operation: str, mark: str, covered_ids: IntArray, covered_days: DayArray, odd: Odd,
    observed_at: datetime,
) -> None:  # fmt: skip
    """Let a payload's word stand on the listings and between the days it covers: its ``odd`` records, and no others."""
    if not covered_ids.size:
        return
    m = feed_marks.c
    about = (m.operation == operation) & (m.mark == mark) & m.listing_id.in_(np.unique(covered_ids).tolist())
    days = m.day_date.between(covered_days.min().item(), covered_days.max().item())
    conn.execute(delete(feed_marks).where(about, days, m.observed_at <= observed_at))
    rows = [
        {
            "listing_id": listing_id, "day_date": day, "operation": operation, "mark": mark, "value": value,
            "observed_at": observed_at,
        }
        for listing_id, day, value in zip(odd.listing_id.tolist(), odd.day_date.tolist(), odd.value, strict=True)
    ]  # fmt: skip
    if rows:
        conn.execute(insert(feed_marks).values(rows).on_conflict_do_nothing())


def current(conn: Connection, listing_ids: Sequence[int] | IntArray, since: datetime, until: datetime) -> FeedMarks:
    """Return the marks that polls between the two moments left; rows point into ``listing_ids``."""
    m = feed_marks.c
    row_of = {int(one): row for row, one in enumerate(listing_ids)}
    query = (
        select(m.listing_id, m.operation, m.mark, m.day_date, m.value, m.observed_at)
        .where(m.listing_id.in_(list(row_of)), m.observed_at.between(since, until))
        .order_by(m.listing_id, m.operation, m.mark, m.day_date)
    )
    found = conn.execute(query).all()
    moments = [one.observed_at.astimezone(UTC).replace(tzinfo=None) for one in found]
    return FeedMarks(
        row=np.array([row_of[int(one.listing_id)] for one in found], dtype=np.int64),
        operation=np.array([one.operation for one in found], dtype=np.str_),
        mark=np.array([one.mark for one in found], dtype=np.str_),
        day=np.array([one.day_date for one in found], dtype="datetime64[D]"),
        value=np.array([one.value for one in found], dtype=np.str_),
        observed_at=np.array(moments, dtype="datetime64[s]"),
    )
