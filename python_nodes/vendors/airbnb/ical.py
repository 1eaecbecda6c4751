"""Reads a listing's iCal feed into nights: what is sold, what is closed, what is free; one feed is one record.

A feed with an event that cannot be read is refused whole: its nights would look free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from icalendar import Calendar, Event
from icalendar.error import BrokenCalendarProperty

from python_nodes.domain.columns import BoolArray
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.airbnb.envelope import Opened

MAX_EVENTS = 5_000
BOOKED_PREFIX = "reserved"
BOOKED_LINK = "/hosting/reservations/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Nights that an event takes, ``last`` excluded; the newest ``version`` of a uid stands."""

    uid: str
    version: tuple[int, str]
    first: date
    last: date
    is_booking: bool
    is_cancelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Nights:
    """Of each night asked for: ``sold`` to a guest, or ``closed``, or kept back by the host's own ``rule``."""

    sold: BoolArray
    closed: BoolArray
    rule: BoolArray


def read_nights(opened: Opened) -> Nights:
    """Lay the feed's events on the nights that were asked for; raises RejectedRecord."""
    stretches = _standing(_stretches(opened.feed))
    if not stretches:
        raise RejectedRecord("VEVENT: the feed is empty, which is a fault and not a free calendar", field="VEVENT")
    count = (opened.last - opened.first).days + 1
    sold, closed, rule = (np.zeros(count, dtype=np.bool_) for _ in range(3))
    for one in stretches:
        low = max((one.first - opened.first).days, 0)
        high = max((one.last - opened.first).days, 0)
        taken = sold if one.is_booking else rule if _is_rule(one, opened) else closed
        taken[low:high] = True
    return Nights(sold=sold, closed=closed & ~sold, rule=rule & ~sold & ~closed)


def _is_rule(one: Stretch, opened: Opened) -> bool:
    """Tell the blocks that the host's advance notice and booking window make, and that move on each day."""
    notice = timedelta(days=opened.notice_nights)
    if one.first <= opened.first and one.last <= opened.first + notice:
        return True
    # East of Greenwich tomorrow has begun while it is still today in UTC, by which nights are asked for.
    tomorrow = opened.first + timedelta(days=1)
    if one.first == tomorrow and one.last == tomorrow + notice:
        return True
    # A day's slack: the feed may be made before midnight at the listing and read after it.
    window = opened.first + timedelta(days=opened.window_nights - 1)
    return opened.window_nights > 0 and one.first >= window


def _standing(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Of an event told twice the newest, and none that is cancelled."""
    newest: dict[str, Stretch] = {}
    for one in stretches:
        if one.uid not in newest or one.version >= newest[one.uid].version:
            newest[one.uid] = one
    return [one for one in newest.values() if not one.is_cancelled]


def _stretches(feed: bytes) -> Iterator[Stretch]:
    try:
        calendar = Calendar.from_ical(feed)
        events = [part for part in calendar.walk("VEVENT") if isinstance(part, Event)]
    except Exception as error:  # the parser's own errors are of many unrelated kinds
        raise RejectedRecord(f"VCALENDAR: not an iCalendar ({type(error).__name__})", field="VCALENDAR") from None
    if len(events) > MAX_EVENTS:
        raise RejectedRecord(f"VEVENT: more than {MAX_EVENTS} events", field="VEVENT")
    zone = _zone(calendar)
    yield from (_stretch(event, number, zone) for number, event in enumerate(events))


def _zone(calendar: Any) -> tzinfo:
    try:
        return ZoneInfo(str(calendar.get("X-WR-TIMEZONE", "UTC")))
    except (ValueError, OSError):
        return UTC


def _stretch(event: Event, number: int, zone: tzinfo) -> Stretch:
    if "RRULE" in event:
        raise RejectedRecord("RRULE: a repeated event cannot be a stay", field="RRULE")
    first = _day(event, "DTSTART", zone)
    last = _day(event, "DTEND", zone) if "DTEND" in event else first + _length(event)
    if last <= first:
        raise RejectedRecord(f"DTEND: {last} is not after DTSTART {first}", field="DTEND")
    summary, description = (str(event.get(name, "")).strip().lower() for name in ("SUMMARY", "DESCRIPTION"))
    sequence = str(event.get("SEQUENCE", "0"))
    stamp = _dt(event, "LAST-MODIFIED") or _dt(event, "DTSTAMP")
    return Stretch(
        uid=str(event.get("UID", f"without uid {number}")),
        version=(int(sequence) if sequence.isascii() and sequence.isdecimal() else 0, _stamp(stamp)),
        first=first,
        last=last,
        is_booking=summary.startswith(BOOKED_PREFIX) or BOOKED_LINK in description,
        is_cancelled=str(event.get("STATUS", "")).upper() == "CANCELLED",
    )


def _day(event: Event, name: str, zone: tzinfo) -> date:
    """A date as it stands; a moment's day where the listing is: its own zone, or the calendar's for UTC."""
    told = _dt(event, name)
    if isinstance(told, datetime):
        return told.astimezone(zone).date() if told.tzinfo is UTC or _is_utc(told) else told.date()
    if not isinstance(told, date):
        raise RejectedRecord(f"{name}: missing or not a date", field=name)
    return told


def _is_utc(told: datetime) -> bool:
    return told.tzinfo is not None and told.tzname() == "UTC"


def _length(event: Event) -> timedelta:
    told = _dt(event, "DURATION")
    return timedelta(days=told.days) if isinstance(told, timedelta) else timedelta(days=1)


def _stamp(moment: Any) -> str:
    return moment.astimezone(UTC).isoformat() if isinstance(moment, datetime) and moment.tzinfo else ""


def _dt(event: Event, name: str) -> Any:
    """The value of a date's property, None where it is missing, broken or told twice."""
    told: Any = event.get(name)
    try:
        return told.dt
    except (AttributeError, BrokenCalendarProperty):
        return None
