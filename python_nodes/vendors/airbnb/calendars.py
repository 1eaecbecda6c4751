"""Maps calendars to columns: our assumed JSON with prices, and the iCal feed without; rows are listing × night."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import numpy as np

from python_nodes.domain.columns import AriColumns
from python_nodes.domain.records import AriRecord, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.airbnb.document import amount, count, day, objects, read_items, text, told, wrapped
from python_nodes.vendors.airbnb.envelope import unseal
from python_nodes.vendors.airbnb.ical import read_nights
from python_nodes.vendors.airbnb.settings import FEED

STATUSES = ("available", "booked", "blocked")
DOCUMENT = "calendars"


class _Night(NamedTuple):
    listing: str
    plan: str
    stay: date
    price_minor: float
    currency: str
    is_open: bool
    units_left: int
    min_stay_nights: int
    fees_minor: int


def map_ari_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[AriColumns, list[Rejected]]:
    """One row a listing and night; a calendar with a night that cannot be read is refused whole."""
    calendars, bad = read_items(content, DOCUMENT, _calendar, source=source, operation="ari", raw_id=raw_id)
    nights = [night for _, found in calendars for night in found]
    came = [(calendar, at) for calendar, found in calendars for at in range(len(found))]

    def raw_row(row: int) -> bytes:
        calendar, at = came[row]
        return wrapped(DOCUMENT, {**calendar, "days": [calendar["days"][at]]})

    return _columns(nights, raw_row, source=source, observed_at=observed_at, raw_id=raw_id), bad


def map_ari(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[AriRecord], list[Rejected]]:
    """The same as records."""
    columns, bad = map_ari_columns(content, source=source, observed_at=observed_at, raw_id=raw_id)
    return _records(columns), bad


def map_ical_calendar_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[AriColumns, list[Rejected]]:
    """One row a night of the feed's listing, without a price and without a rate plan: a feed tells neither.

    A night that is sold, or kept back by the host's own rules, is open with none left; a blocked night is closed.
    """
    try:
        opened = unseal(content)
        nights = read_nights(opened)
    except RejectedRecord as error:
        refused = Rejected(
            source=source, operation=FEED, reason=error.reason, field=error.field, raw=content, raw_id=raw_id
        )
        return _columns([], lambda _: content, source=source, observed_at=observed_at, raw_id=raw_id), [refused]
    total = len(nights.sold)
    return AriColumns(
        source=source,
        raw_id=raw_id,
        observed_at=observed_at.astimezone(UTC),
        listing_external_id=objects([opened.listing_id] * total),
        rate_plan_external_id=objects([""] * total),
        stay_date=np.datetime64(opened.first, "D") + np.arange(total),
        price_minor=np.full(total, np.nan),
        currency=objects([""] * total),
        is_open=~nights.closed,
        units_left=(~(nights.sold | nights.closed | nights.rule)).astype(np.int64),
        min_stay_nights=np.ones(total, dtype=np.int64),
        fees_minor=np.zeros(total, dtype=np.int64),
        raw_row=lambda _: content,
    ), []


def map_ical_calendar(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[AriRecord], list[Rejected]]:
    """The same as records."""
    columns, bad = map_ical_calendar_columns(content, source=source, observed_at=observed_at, raw_id=raw_id)
    return _records(columns), bad


def _calendar(item: Any) -> tuple[dict[str, Any], list[_Night]]:
    listing, plan, currency = (text(item, name) for name in ("listing_id", "rate_plan_id", "currency"))
    days = told(item, "days")
    if not isinstance(days, list):
        raise RejectedRecord("days: not a list", field="days")
    return item, [_night(one, listing, plan, currency) for one in days]


def _night(item: Any, listing: str, plan: str, currency: str) -> _Night:
    status = text(item, "status")
    if status not in STATUSES:
        raise RejectedRecord(f"status: {status[:20]!r} is not one of {', '.join(STATUSES)}", field="status")
    has_price = item.get("price") is not None
    return _Night(
        listing=listing,
        plan=plan,
        stay=day(item, "date"),
        price_minor=float(amount(item, "price", currency)) if has_price else np.nan,
        currency=currency,
        is_open=status != "blocked",
        units_left=count(item, "available_count") if status == "available" else 0,
        min_stay_nights=count(item, "min_nights"),
        fees_minor=amount(item, "fees", currency) if item.get("fees") is not None else 0,
    )


def _columns(
    nights: Sequence[_Night],
    raw_row: Callable[[int], bytes],
    *,
    source: str,
    observed_at: datetime,
    raw_id: int | None,
) -> AriColumns:
    # Transposed once: a list a column.
    told = [list(column) for column in zip(*nights, strict=True)] or [[] for _ in _Night._fields]
    listing, plan, stay, price, currency, is_open, left, min_stay, fees = told
    return AriColumns(
        source=source,
        raw_id=raw_id,
        observed_at=observed_at.astimezone(UTC),
        listing_external_id=objects(listing),
        rate_plan_external_id=objects(plan),
        stay_date=np.array(stay, dtype="datetime64[D]"),
        price_minor=np.array(price, dtype=np.float64),
        currency=objects(currency),
        is_open=np.array(is_open, dtype=np.bool_),
        units_left=np.array(left, dtype=np.int64),
        min_stay_nights=np.array(min_stay, dtype=np.int64),
        fees_minor=np.array(fees, dtype=np.int64),
        raw_row=raw_row,
    )


def _records(columns: AriColumns) -> list[AriRecord]:
    return [
        AriRecord(
            source=columns.source,
            listing_external_id=columns.listing_external_id[row],
            rate_plan_external_id=columns.rate_plan_external_id[row],
            stay_date=columns.stay_date[row].item(),
            observed_at=columns.observed_at,
            price_minor=None if np.isnan(price) else int(price),
            currency=columns.currency[row],
            is_open=bool(columns.is_open[row]),
            units_left=int(columns.units_left[row]),
            min_stay_nights=int(columns.min_stay_nights[row]),
            fees_minor=int(columns.fees_minor[row]),
            raw_id=columns.raw_id,
        )
        for row, price in enumerate(columns.price_minor.tolist())
    ]
