"""What is odd about the records a feed brings, noted for the guards while normalizing puts it right or refuses it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain.columns import AriColumns, ObjectArray, PerformanceColumns
from python_nodes.domain.metrics import DayArray, IntArray
from python_nodes.domain.money import known_currencies
from python_nodes.normalize import PortfolioIndex
from python_nodes.normalize.columns import currencies
from python_nodes.store import marks
from python_nodes.store.marks import Odd

DUPLICATE, CURRENCY = "duplicate", "currency"


def note_report(conn: Connection, columns: PerformanceColumns, index: PortfolioIndex, operation: str) -> None:
    """Note whose days a report tells more than once, and in which foreign currency; a later correction is no double.

    ``columns`` are as mapped: normalizing keeps one of each.
    """
    place = index.positions(columns.listing_external_id)
    known = np.flatnonzero(place >= 0)
    place, days = place[known], columns.day_date[known].astype("datetime64[D]")
    created = columns.as_of_at[known].astype(np.int64)
    order = np.lexsort((created, days.astype(np.int64), place))
    key = np.stack([place, days.astype(np.int64), created])[:, order]
    starts = np.flatnonzero(np.append([True] * (len(order) > 0), (np.diff(key) != 0).any(axis=0)))
    copies = np.diff(starts, append=len(order))
    doubled = order[starts[copies > 1]]
    odd = Odd(
        listing_id=index.listing_id[place[doubled]], day_date=days[doubled],
        value=[str(count) for count in copies[copies > 1].tolist()],
    )  # fmt: skip
    marks.replace(conn, operation, DUPLICATE, index.listing_id[place], days, odd, columns.observed_at)
    _note_currency(conn, operation, place, days, columns.currency[known], index, columns.observed_at)


def note_nights(conn: Connection, told: Sequence[AriColumns], index: PortfolioIndex, operation: str) -> None:
    """Note which listings' nights are priced in another currency than the property's; all of a poll at once."""
    for observed_at in sorted({one.observed_at for one in told}):
        seen = [one for one in told if one.observed_at == observed_at]
        place = index.positions(np.concatenate([one.listing_external_id for one in seen]))
        known = np.flatnonzero((place >= 0) & np.isfinite(np.concatenate([one.price_minor for one in seen])))
        currency = np.concatenate([one.currency for one in seen])[known]
        days = np.full(known.size, np.datetime64(observed_at.date(), "D"))
        # The day stands for the poll: whatever an earlier one noted is no longer so.
        ids = index.listing_id[place[known]]
        since = np.append(days, np.datetime64("1970-01-01", "D"))
        odd = _other_currency(place[known], days, currency, index)
        marks.replace(conn, operation, CURRENCY, ids, since, odd, observed_at)


def _note_currency(
    conn: Connection, operation: str, place: IntArray, days: DayArray, currency: ObjectArray, index: PortfolioIndex,
    observed_at: datetime,
) -> None:  # fmt: skip
    odd = _other_currency(place, days, currency, index)
    marks.replace(conn, operation, CURRENCY, index.listing_id[place], days, odd, observed_at)


def _other_currency(place: IntArray, days: DayArray, currency: ObjectArray, index: PortfolioIndex) -> Odd:
    """Return whose records are in another known currency than the property's, one entry a listing and day."""
    own = currencies(index, place)
    rows = np.flatnonzero((currency != own) & (currency != ""))
    named = {(int(place[row]), days[row].item()): str(currency[row]) for row in rows.tolist()}
    named = {key: told for key, told in named.items() if told in known_currencies()}
    return Odd(
        listing_id=index.listing_id[np.array([at for at, _ in named], dtype=np.int64)],
        day_date=np.array([day for _, day in named], dtype="datetime64[D]"),
        value=list(named.values()),
    )
