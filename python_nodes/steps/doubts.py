"""What alerts make unfit to learn from: prices under suspicion, days on which a listing could hardly be booked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain.findings import Alert
from python_nodes.domain.inputs import BoolArray, Spans
from python_nodes.domain.metrics import DayArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.store import alerts

PRICE_KINDS = ("price_out_of_range",)
TERM_KINDS: Mapping[str, tuple[str, ...]] = {
    "price_minor": (*PRICE_KINDS, "parity"),
    "fees_minor": ("fee_missing", "total_out_of_range"),
    "min_stay_nights": ("min_stay_raised", "parity"),
}
"""Alerts of which kinds put which of ``UsualTerms`` in doubt."""
OUTAGE_KINDS = ("suspended", "not_bookable", "no_price", "price_out_of_range")

DOUBT_DAYS = 28
"""A price that nobody has put right for so long is the price."""
SEEN_BEFORE = timedelta(hours=1)
"""An alert is raised a little after the poll that saw its price; what that poll saw is doubtful too."""
OUTAGE_SHARE = 0.2
"""A finding that loses less of a day's bookings leaves the day fit to score: three nights closed are no outage."""


def doubtful_terms(
    conn: Connection, listings: Sequence[ListingInfo], as_of: datetime, past_days: int
) -> dict[str, Spans]:
    """Return for each of ``UsualTerms`` when an alert about it stood on which listing, up to ``as_of``."""
    kinds = sorted({kind for each in TERM_KINDS.values() for kind in each})
    known = alerts.standing(conn, kinds, as_of - timedelta(days=past_days), as_of)
    return {
        term: _spans([one for one in known if one.kind in each], listings, as_of) for term, each in TERM_KINDS.items()
    }


def doubtful_prices(conn: Connection, listings: Sequence[ListingInfo], as_of: datetime, past_days: int) -> Spans:
    """Return when an alert about its price stood on which listing, up to ``as_of``."""
    return doubtful_terms(conn, listings, as_of, past_days)["price_minor"]


def _spans(known: Iterable[Alert], listings: Sequence[ListingInfo], as_of: datetime) -> Spans:
    ids, begin, end = [], [], []
    for alert, row in _members(known, listings):
        last = min(alert.resolved_at or as_of, alert.raised_at + timedelta(days=DOUBT_DAYS))
        ids.append(listings[row].listing_id)
        begin.append(_utc(alert.raised_at - SEEN_BEFORE))
        end.append(_utc(last))
    moments = (np.array(each, dtype="datetime64[s]") for each in (begin, end))
    return Spans(np.array(ids, dtype=np.int64), *moments)


def outage_days(conn: Connection, listings: Sequence[ListingInfo], days: DayArray, as_of: datetime) -> BoolArray:
    """Return on which days a guard's alert says that a listing could hardly be booked, (n_listings, n_days).

    The day on which the alert began and the day on which it ended are half days, and count as well.
    """
    masked = np.zeros((len(listings), days.size), dtype=np.bool_)
    if not days.size:
        return masked
    since = datetime.combine(days[0].astype("datetime64[D]").item(), datetime.min.time(), UTC) - timedelta(days=1)
    for alert, row in _members(alerts.standing(conn, OUTAGE_KINDS, since, as_of), listings):
        if alert.parts.get("share_lost", 1.0) >= OUTAGE_SHARE:
            last = _local_day(alert.resolved_at or as_of, listings[row])
            masked[row] |= (days >= np.datetime64(alert.onset_date)) & (days <= np.datetime64(last))
    return masked


def _members(known: Iterable[Alert], listings: Sequence[ListingInfo]) -> Iterator[tuple[Alert, int]]:
    """Pair each alert with the rows of the listings it is about."""
    row_of = {listing.listing_id: row for row, listing in enumerate(listings)}
    in_property: dict[int | None, list[int]] = defaultdict(list)
    for row, listing in enumerate(listings):
        in_property[listing.property_id].append(row)
    for alert in known:
        ids = [alert.listing_id] if alert.listing_id is not None else alert.evidence.get("listing_ids")
        rows = in_property[alert.property_id] if ids is None else [row_of[one] for one in ids if one in row_of]
        yield from ((alert, row) for row in rows)


def _local_day(moment: datetime, listing: ListingInfo) -> date:
    return moment.astimezone(ZoneInfo(listing.timezone)).date()


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
