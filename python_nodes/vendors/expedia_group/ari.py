"""Maps PARR's availability and rates to columns; a rate plan's night that cannot be read costs only itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import datetime
from functools import cache
from typing import NamedTuple

from lxml import etree

from python_nodes.domain.columns import AriColumns, RawRow
from python_nodes.domain.records import AriRecord, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.ari_columns import Night, ari_columns, ari_records
from python_nodes.vendors.expedia_group.answers import rejected
from python_nodes.vendors.expedia_group.night import amount, read_day
from python_nodes.vendors.expedia_group.parr import NAMESPACE
from python_nodes.vendors.expedia_group.plain_ari import plain_columns
from python_nodes.vendors.expedia_group.text_ari import ROOT
from python_nodes.vendors.safe_xml import read_xml

GUESTS = 2
"""The party whose price is compared over time and channels, where a price depends on the party."""


class _Place(NamedTuple):
    """One rate plan of one room type on one night; ``plan`` is None where nothing is loaded."""

    day: etree._Element
    room: etree._Element
    plan: etree._Element | None


def map_ari_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[AriColumns, list[Rejected]]:
    """One row a room type, rate plan and night."""
    plain = plain_columns(content, source=source, observed_at=observed_at, raw_id=raw_id, raw_rows=_raw_rows)
    if plain is not None:
        return plain, []
    nights: list[Night] = []
    numbers: list[int] = []
    bad: list[Rejected] = []
    try:
        for number, place in enumerate(_places(content)):
            try:
                nights.append(_night(place))
                numbers.append(number)
            except RejectedRecord as error:
                bad.append(rejected(error, _document(place), source, "ari", raw_id))
    except RejectedRecord as error:
        bad = [rejected(error, content, source, "ari", raw_id)]
    raw_row = _raw_rows(content, numbers)
    return ari_columns(nights, source=source, observed_at=observed_at, raw_id=raw_id, raw_row=raw_row), bad


def map_ari(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[AriRecord], list[Rejected]]:
    """The same as records; prefer the columns for whole documents."""
    columns, bad = map_ari_columns(content, source=source, observed_at=observed_at, raw_id=raw_id)
    return ari_records(columns), bad


def _places(content: bytes) -> Iterator[_Place]:
    root = read_xml(content)
    if etree.QName(root).localname != ROOT:
        raise RejectedRecord(f"document: is no {ROOT}", field="document")
    error = root.find("{*}Error")
    if error is not None:
        raise RejectedRecord(f"Error: {error.get('code', '')[:8]} instead of rates", field="Error")
    for day in root.iterfind("{*}AvailRateList/{*}AvailRate"):
        for room in day.iterfind("{*}RoomType"):
            plans = room.findall("{*}RatePlan")
            if not plans:
                yield _Place(day, room, None)
            for plan in plans:
                yield _Place(day, room, plan)


def _night(place: _Place) -> Night:
    day, room, plan = place
    if plan is None:
        raise RejectedRecord("RatePlan: nothing is loaded for this night", field="RatePlan")
    inventory = room.find("{*}Inventory")
    if inventory is None:
        raise RejectedRecord("Inventory: missing", field="Inventory")
    left = _count(inventory, "totalInventoryAvailable", None) - _count(inventory, "totalInventorySold", "0")
    restrictions = plan.find("{*}Restrictions")
    price_minor, currency = _price(plan)
    return Night(
        listing_external_id=_required(room, "id"),
        rate_plan_external_id=_required(plan, "id"),
        stay_date=read_day(day.get("date", "")),
        price_minor=price_minor,
        currency=currency,
        is_open=not (_closed(room) or _closed(plan)),
        units_left=max(left, 0),
        min_stay_nights=1 if restrictions is None else _count(restrictions, "minLOS", "1"),
        fees_minor=_fees(plan, currency),
    )


def _price(plan: etree._Element) -> tuple[int | None, str]:
    """The night's price for two guests, by the shortest stay where it depends on the stay; None if none is loaded."""
    rates = plan.findall("{*}Rate")
    if not rates:
        return None, ""
    rate = min(rates, key=lambda one: _count(one, "lengthofStay", "1"))
    currency = rate.get("currency", "")
    per_day, per_person = rate.find("{*}PerDay"), rate.find("{*}PerPerson")
    if per_day is not None:
        return amount(per_day.get("rate", ""), currency, 1), currency
    if per_person is not None:
        return amount(per_person.get("rate", ""), currency, GUESTS), currency
    told = {_count(one, "occupancy", None): one for one in rate.iterfind("{*}PerOccupancy")}
    if not told:
        raise RejectedRecord("Rate: holds no price", field="Rate")
    fitting = [size for size in told if size <= GUESTS]
    return amount(told[max(fitting) if fitting else min(told)].get("rate", ""), currency, 1), currency


def _fees(plan: etree._Element, currency: str) -> int:
    """What a stay costs besides its nights; our assumption, for no document shows a read of it beside the rates."""
    fees = plan.find("{*}Fees")
    return 0 if fees is None else amount(fees.get("perStay", ""), fees.get("currency", currency), 1)


def _count(element: etree._Element, name: str, default: str | None) -> int:
    told = element.get(name, default)
    if told is None or not (told.isascii() and told.isdecimal() and len(told) <= 6):
        raise RejectedRecord(f"{name}: {str(told)[:20]!r} is not a count", field=name)
    return int(told)


def _required(element: etree._Element, name: str) -> str:
    value = element.get(name)
    if not value:
        field = f"{etree.QName(element).localname}@{name}"
        raise RejectedRecord(f"{field}: missing", field=field)
    return value


def _closed(element: etree._Element) -> bool:
    """A plan's own status may be missing where a night is partly loaded; then it is its price that tells."""
    told = element.get("closed", "false")
    if told not in ("true", "false", "1", "0"):
        raise RejectedRecord(f"closed: {told[:20]!r} is neither true nor false", field="closed")
    return told in ("true", "1")


def _raw_rows(content: bytes, numbers: Sequence[int]) -> RawRow:
    """Rows are rarely asked for, so the tree is not kept: it is many times as large as the document."""

    @cache
    def parts() -> list[bytes]:
        return [_document(place) for place in _places(content)]

    return lambda row: parts()[numbers[row]]


def _document(place: _Place) -> bytes:
    """The place alone, in its wrapping."""
    root = etree.fromstring(f'<{ROOT} xmlns="{NAMESPACE}"/>')
    rates = etree.SubElement(root, f"{{{NAMESPACE}}}AvailRateList")
    day, room = _bare(place.day), _bare(place.room)
    rates.append(day)
    day.append(room)
    for part in (place.room.find("{*}Inventory"), place.plan):
        if part is not None:
            room.append(deepcopy(part))
    return etree.tostring(root)


def _bare(element: etree._Element) -> etree._Element:
    """The element without what is in it."""
    found = etree.Element(element.tag)
    for name, value in element.attrib.items():
        found.set(name, value)
    return found
