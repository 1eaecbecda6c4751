"""Maps calendars to columns: our assumed JSON with prices, and the iCal feed without; rows are listing × night."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_nodes.domain.columns import AriColumns, ObjectArray
from python_nodes.domain.records import AriRecord, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.airbnb.document import amount, column, count, day, objects, read_items, text, told, wrapped
from python_nodes.vendors.airbnb.envelope import unseal
from python_nodes.vendors.airbnb.ical import read_nights
from python_nodes.vendors.airbnb.settings import FEED
from python_nodes.vendors.ari_columns import ari_records

STATUSES = ("available", "booked", "blocked")
DOCUMENT = "calendars"
NO_CALENDAR = b'{"calendars": []}'


@dataclass(frozen=True, slots=True)
class _Calendar:
    """One listing's nights, a list a column."""

    came: Any
    listing: str
    plan: str
    currency: str
    stay: list[date]
    status: list[str]
    price_minor: list[float]
    units_left: list[int]
    min_stay_nights: list[int]
    fees_minor: list[int]


def map_ari_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[AriColumns, list[Rejected]]:
    """One row a listing and night; a calendar with a night that cannot be read is refused whole."""
    told, bad = read_items(content, DOCUMENT, _calendar, source=source, operation="ari", raw_id=raw_id)
    ends = np.cumsum([len(one.stay) for one in told])

    def raw_row(row: int) -> bytes:
        number = int(np.searchsorted(ends, row, side="right"))
        one = told[number]
        at = row - int(ends[number]) + len(one.stay)
        return wrapped(DOCUMENT, {**one.came, "days": [one.came["days"][at]]})

    def flat(name: str, kind: str) -> NDArray[Any]:
        return np.array(list(chain.from_iterable(getattr(one, name) for one in told)), dtype=kind)

    def each(name: str) -> ObjectArray:
        return objects(chain.from_iterable(repeat(getattr(one, name), len(one.stay)) for one in told))

    columns = AriColumns(
        source=source,
        raw_id=raw_id,
        observed_at=observed_at.astimezone(UTC),
        listing_external_id=each("listing"),
        rate_plan_external_id=each("plan"),
        stay_date=flat("stay", "datetime64[D]"),
        price_minor=flat("price_minor", "float64"),
        currency=each("currency"),
        is_open=flat("status", "str") != "blocked",
        units_left=flat("units_left", "int64"),
        min_stay_nights=flat("min_stay_nights", "int64"),
        fees_minor=flat("fees_minor", "int64"),
        raw_row=raw_row,
    )
    return columns, bad


def map_ari(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[AriRecord], list[Rejected]]:
    """The same as records."""
    columns, bad = map_ari_columns(content, source=source, observed_at=observed_at, raw_id=raw_id)
    return ari_records(columns), bad


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
        nothing, _ = map_ari_columns(NO_CALENDAR, source=source, observed_at=observed_at, raw_id=raw_id)
        return nothing, [refused]
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
    return ari_records(columns), bad


def _calendar(item: Any) -> _Calendar:
    listing, plan, currency = (text(item, name) for name in ("listing_id", "rate_plan_id", "currency"))
    days = told(item, "days")
    if not isinstance(days, list):
        raise RejectedRecord("days: not a list", field="days")

    def money(one: Any, field: str) -> float:
        return np.nan if one[field] is None else float(amount(one, field, currency))

    def fees(one: Any, field: str) -> int:
        return 0 if one[field] is None else amount(one, field, currency)

    status, left = column(days, "status", _status), column(days, "available_count", count)
    return _Calendar(
        came=item,
        listing=listing,
        plan=plan,
        currency=currency,
        stay=column(days, "date", day),
        status=status,
        price_minor=column(days, "price", money),
        units_left=[number if told == "available" else 0 for number, told in zip(left, status, strict=True)],
        min_stay_nights=column(days, "min_nights", count),
        fees_minor=column(days, "fees", fees),
    )


def _status(item: Any, field: str) -> str:
    status = text(item, field)
    if status not in STATUSES:
        raise RejectedRecord(f"{field}: {status[:20]!r} is not one of {', '.join(STATUSES)}", field=field)
    return status
