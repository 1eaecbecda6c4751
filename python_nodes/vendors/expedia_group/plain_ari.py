"""Reads PARR's availability and rates column by column where every night is as plain as they usually are.

The same as ``ari`` reads one by one, at a third of the time; whatever is not plain is left to it, so that what is
refused, and why, is told in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import chain, repeat
from typing import Any

import numpy as np
from lxml import etree

from python_nodes.domain.columns import AriColumns, ObjectArray, RawRow
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.expedia_group import text_ari
from python_nodes.vendors.expedia_group.night import amount, read_day
from python_nodes.vendors.expedia_group.parr import NAMESPACE
from python_nodes.vendors.safe_xml import read_xml

_EPOCH = date(1970, 1, 1).toordinal()
_ROOMS = "p:AvailRateList/p:AvailRate/p:RoomType"
_RATE = "p:RatePlan/p:Rate"


def _xpath(path: str) -> Callable[[etree._Element], Any]:
    return etree.XPath(path, namespaces={"p": NAMESPACE}, smart_strings=False)


# With at most one of each, and as many of each as there are rooms, the n-th of each attribute is of the n-th room.
_ODD = _xpath(
    f"boolean({_ROOMS}/p:Inventory[2] | {_ROOMS}/p:RatePlan[2] | {_ROOMS}/{_RATE}[2] | {_ROOMS}/{_RATE}/p:PerDay[2]"
    f" | {_ROOMS}/p:RatePlan/p:Restrictions[2] | {_ROOMS}/p:RatePlan/p:Fees[2] | {_ROOMS}/{_RATE}/@lengthofStay)"
)
_DAYS = _xpath("p:AvailRateList/p:AvailRate")
_TOLD = {
    "room": _xpath(f"{_ROOMS}/@id"),
    "room_closed": _xpath(f"{_ROOMS}/@closed"),
    "available": _xpath(f"{_ROOMS}/p:Inventory/@totalInventoryAvailable"),
    "sold": _xpath(f"{_ROOMS}/p:Inventory/@totalInventorySold"),
    "plan": _xpath(f"{_ROOMS}/p:RatePlan/@id"),
    "plan_closed": _xpath(f"{_ROOMS}/p:RatePlan/@closed"),
    "currency": _xpath(f"{_ROOMS}/{_RATE}/@currency"),
    "price": _xpath(f"{_ROOMS}/{_RATE}/p:PerDay/@rate"),
    "min_stay": _xpath(f"{_ROOMS}/p:RatePlan/p:Restrictions/@minLOS"),
}
_FEES = _xpath(f"{_ROOMS}/p:RatePlan/p:Fees/@perStay")
_FEES_CURRENCY = _xpath(f"{_ROOMS}/p:RatePlan/p:Fees/@currency")
_CLOSED = {"true": True, "1": True, "false": False, "0": False}


def plain_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None,
    raw_rows: Callable[[bytes, Sequence[int]], RawRow],
) -> AriColumns | None:  # fmt: skip
    """One row a room type and night, or None where one of them is not plain."""
    try:
        told = _of_text(content) or _told(read_xml(content))
        if told is None:
            return None
        dates, fees, texts = told
        is_closed = _each(texts["room_closed"], _CLOSED.__getitem__) | _each(texts["plan_closed"], _CLOSED.__getitem__)
        return AriColumns(
            source=source,
            raw_id=raw_id,
            observed_at=observed_at.astimezone(UTC),
            listing_external_id=_texts(texts["room"]),
            rate_plan_external_id=_texts(texts["plan"]),
            # By number: numpy reads dates one by one.
            stay_date=np.array([one.toordinal() - _EPOCH for one in dates], dtype=np.int64).astype("datetime64[D]"),
            price_minor=_amounts(texts["price"], texts["currency"]).astype(np.float64),
            currency=_texts(texts["currency"]),
            is_open=~is_closed,
            units_left=np.maximum(_each(texts["available"], _count) - _each(texts["sold"], _count), 0),
            min_stay_nights=_each(texts["min_stay"], _count),
            fees_minor=fees,
            raw_row=raw_rows(content, range(len(dates))),
        )
    except (RejectedRecord, ValueError, KeyError):
        return None


def _of_text(content: bytes) -> tuple[list[date], Any, Mapping[str, Sequence[str]]] | None:
    told = text_ari.told(content)
    if told is None:
        return None
    dates, texts = told
    # Where no fee is told there is none.
    fees = _amounts([one or "0" for one in texts["fees"]], [one or "EUR" for one in texts["fees_currency"]])
    return list(map(read_day, dates)), fees, texts


def _told(root: etree._Element) -> tuple[list[date], Any, Mapping[str, Sequence[str]]] | None:
    if root.tag != f"{{{NAMESPACE}}}{text_ari.ROOT}" or root.find(f"{{{NAMESPACE}}}Error") is not None or _ODD(root):
        return None
    days = _DAYS(root)
    dates = list(chain.from_iterable(repeat(read_day(day.get("date", "")), len(day)) for day in days))
    texts = {name: find(root) for name, find in _TOLD.items()}
    if not dates or any(len(one) != len(dates) for one in texts.values()):
        return None
    fees, currency = _FEES(root), _FEES_CURRENCY(root)
    if not fees and not currency:
        return dates, np.zeros(len(dates), dtype=np.int64), texts
    if len(fees) != len(dates) or len(currency) != len(dates):
        return None
    return dates, _amounts(fees, currency), texts


def _amounts(told: Sequence[str], currency: Sequence[str]) -> Any:
    return np.array([amount(one, code, 1) for one, code in zip(told, currency, strict=True)], dtype=np.int64)


def _each(told: Sequence[str], read: Callable[[str], Any]) -> Any:
    """What each text says; a text that comes often is read once."""
    known = {one: read(one) for one in set(told)}
    return np.array([known[one] for one in told])


def _count(told: str) -> int:
    if not (told.isascii() and told.isdecimal() and len(told) <= 6):
        raise ValueError("not a count")
    return int(told)


def _texts(told: Sequence[str]) -> ObjectArray:
    if not all(told):
        raise ValueError("an empty text")
    array = np.empty(len(told), dtype=object)
    array[:] = told
    return array
