"""Reads availability and rates as text where a document is written without blanks and with attributes in their order.

Every character of the document is accounted for, so that what is read is what an XML parser would read, at a fifth of
its time; of any other document, and where any night is not as it should be, nothing is read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from python_nodes.domain.columns import AriColumns, ObjectArray, RawRow
from python_nodes.domain.metrics import DayArray
from python_nodes.domain.money import to_minor
from python_nodes.errors import RejectedRecord
from python_nodes.vendors import covered_text
from python_nodes.vendors.booking_com.ota import read_date

_EPOCH = date(1970, 1, 1).toordinal()
_ROOT = "OTA_HotelAvailGetRS"
_NAME = covered_text.NAME
_MONEY = r'AmountAfterTax="([\d.]+)" CurrencyCode="([A-Z]{3})"/>'
_HEAD = re.compile(rf"{covered_text.DECLARATION}<{_ROOT}>(?:<!--[^<>-]*-->)?")
_TAIL = f"</AvailStatusMessages></{_ROOT}>"
_NIGHT = re.compile(
    rf'((?:(</AvailStatusMessages>)?(<AvailStatusMessages HotelCode="{_NAME}">))?'
    r'<AvailStatusMessage BookingLimit="(\d{1,6})">'
    rf'<StatusApplicationControl Start="([0-9-]{{10}})" End="([0-9-]{{10}})" InvTypeCode="({_NAME})"'
    rf' RatePlanCode="({_NAME})"/><RestrictionStatus Status="(Open|Close)"/>'
    r'(?:<LengthsOfStay><LengthOfStay MinMaxMessageType="SetMinLOS" Time="(\d{1,6})"/></LengthsOfStay>)?'
    rf"(?:<BaseByGuestAmt {_MONEY})?(?:<Fees><Fee {_MONEY}</Fees>)?</AvailStatusMessage>)",
    re.ASCII,
)


def text_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None,
    raw_rows: Callable[[bytes, list[int]], RawRow],
) -> AriColumns | None:  # fmt: skip
    """One row a room, rate plan and night, or None where the document is written in any other way."""
    told = covered_text.columns(content, _HEAD, _NIGHT, _TAIL)
    if told is None:
        return None
    _, limits, starts, ends, rooms, plans, status, stays, prices, currencies, fees, fee_currencies = told
    try:
        first, last = _days(starts), _days(ends)
        price, fee = _amounts(prices, currencies, np.nan), _amounts(fees, fee_currencies, 0)
    except RejectedRecord:
        return None
    if not np.isin((last - first).astype(np.int64), (0, 1)).all():
        return None
    return AriColumns(
        source=source,
        raw_id=raw_id,
        observed_at=observed_at.astimezone(UTC),
        listing_external_id=_texts(rooms),
        rate_plan_external_id=_texts(plans),
        stay_date=first,
        price_minor=price,
        currency=_texts(currencies),
        is_open=np.array(_each(status, "Open".__eq__), dtype=np.bool_),
        units_left=np.array(_each(limits, int), dtype=np.int64),
        min_stay_nights=np.array(_each(stays, lambda told: int(told or 1)), dtype=np.int64),
        fees_minor=fee.astype(np.int64),
        raw_row=raw_rows(content, list(range(len(rooms)))),
    )


def _days(told: Sequence[str]) -> DayArray:
    # By number: numpy reads dates one by one.
    number = _each(told, lambda one: read_date(one, "Start").toordinal() - _EPOCH)
    return np.array(number, dtype=np.int64).astype("datetime64[D]")


def _each(told: Sequence[str], read: Callable[[str], Any]) -> list[Any]:
    """What each text says; a text that comes often is read once."""
    known = {one: read(one) for one in set(told)}
    return [known[one] for one in told]


def _amounts(told: Sequence[str], currency: Sequence[str], missing: float) -> Any:
    pairs = list(zip(told, currency, strict=True))
    known = {pair: to_minor(*pair) if pair[0] else missing for pair in set(pairs)}
    return np.array([known[pair] for pair in pairs], dtype=np.float64)


def _texts(told: Sequence[str]) -> ObjectArray:
    array = np.empty(len(told), dtype=object)
    array[:] = told
    return array
