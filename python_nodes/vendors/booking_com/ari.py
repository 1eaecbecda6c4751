"""Maps our assumed read of availability and rates to columns; a message that cannot be read costs only itself."""

from __future__ import annotations

from datetime import datetime
from functools import cache, lru_cache

from lxml import etree

from python_nodes.domain.columns import AriColumns, RawRow
from python_nodes.domain.records import AriRecord, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.ari_columns import Night, ari_columns, ari_records
from python_nodes.vendors.booking_com.ota import local_name, money, named, read_date, rejected
from python_nodes.vendors.booking_com.text_ari import text_columns
from python_nodes.vendors.safe_xml import read_xml

MESSAGE = "AvailStatusMessage"
# The same few texts come ten thousand times.
_day = lru_cache(maxsize=4_096)(read_date)
_local = lru_cache(maxsize=256)(local_name)


def map_ari_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[AriColumns, list[Rejected]]:
    """One row a room, rate plan and night, of every property in the document."""
    plain = text_columns(content, source=source, observed_at=observed_at, raw_id=raw_id, raw_rows=_raw_rows)
    if plain is not None:
        return plain, []
    nights: list[Night] = []
    numbers: list[int] = []
    bad: list[Rejected] = []
    try:
        for number, message in enumerate(named(read_xml(content), MESSAGE)):
            try:
                nights.append(_night(message))
                numbers.append(number)
            except RejectedRecord as error:
                bad.append(rejected(error, etree.tostring(message, with_tail=False), source, "ari", raw_id))
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


def _raw_rows(content: bytes, numbers: list[int]) -> RawRow:
    """Rows are rarely asked for, so the tree is not kept: it is many times as large as the document."""

    @cache
    def parts() -> list[bytes]:
        return [etree.tostring(one, with_tail=False) for one in named(read_xml(content), MESSAGE)]

    return lambda row: parts()[numbers[row]]


def _night(message: etree._Element) -> Night:
    parts = {_local(part.tag): part for part in message.iter()}
    control = parts.get("StatusApplicationControl")
    if control is None:
        raise RejectedRecord("StatusApplicationControl: missing", field="StatusApplicationControl")
    room, plan = _required(control, "InvTypeCode"), _required(control, "RatePlanCode")
    start = _day(control.get("Start", ""), "Start")
    end = _day(control.get("End", "") or start.isoformat(), "End")
    if not 0 <= (end - start).days <= 1:
        raise RejectedRecord("End: one message tells one night", field="End")
    status = parts["RestrictionStatus"].get("Status") if "RestrictionStatus" in parts else None
    if status not in ("Open", "Close"):
        raise RejectedRecord(f"RestrictionStatus@Status: {status!r} is neither Open nor Close", field="Status")
    price, stay = parts.get("BaseByGuestAmt"), parts.get("LengthOfStay")
    price_minor, currency = money(price, "BaseByGuestAmt") if price is not None else (None, "")
    return Night(
        listing_external_id=room,
        rate_plan_external_id=plan,
        stay_date=start,
        price_minor=price_minor,
        currency=currency,
        is_open=status == "Open",
        units_left=_count(message.get("BookingLimit", "0"), "BookingLimit"),
        min_stay_nights=_count(stay.get("Time", "1"), "LengthOfStay@Time") if stay is not None else 1,
        fees_minor=_fees(message) if "Fee" in parts else 0,
    )


def _fees(message: etree._Element) -> int:
    """All that is charged once a stay."""
    return sum(money(fee, "Fee")[0] for fee in named(message, "Fee"))


def _required(control: etree._Element, name: str) -> str:
    value = control.get(name)
    if not value:
        raise RejectedRecord(f"{name}: missing", field=name)
    return value


@lru_cache(maxsize=1_024)
def _count(text: str, field: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        raise RejectedRecord(f"{field}: {text[:20]!r} is not a count", field=field)
    return int(text)
