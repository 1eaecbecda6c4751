"""Who is on call: a rotation is an iCal file whose events are shifts and name people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Event

from python_nodes.errors import ConfigError

LINE = "X-NIGHTPORTER-LINE"
"""Property that carries an event's line of the file through the expansion of what comes back."""
MARGIN = timedelta(days=2)
"""Times without a zone are asked for in UTC and placed on the rotation's clock afterwards."""
_BEGIN = re.compile(rb"BEGIN:VEVENT\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Somebody is on call from ``start`` until before ``end``; ``line`` is the event's in the file."""

    start: datetime
    end: datetime
    people: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Nobody is on call from ``start`` until before ``end``; ``after`` and ``before`` are the shifts around it."""

    start: datetime
    end: datetime
    after: Shift | None
    before: Shift | None

    def place(self) -> str:
        """Say between which events of the file it is."""
        words = (("after", self.after), ("before", self.before))
        told = [f"{word} the event of line {one.line} ({', '.join(one.people)})" for word, one in words if one]
        return " and ".join(told) or "it has no shift at all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One iCal file: ``zone`` is the clock of events that name none, ``people`` whom names and addresses stand for."""

    name: str
    file: str
    zone: str
    content: bytes = field(repr=False)
    people: Mapping[str, str] = field(default_factory=dict, repr=False)

    def on_call(self, at: datetime) -> tuple[str, ...]:
        """Return who is on call: at a hand-over only those who begin, in an overlap all."""
        there = (one for one in self.shifts(at, at + timedelta(microseconds=1)) if one.start <= at < one.end)
        return tuple(dict.fromkeys(name for one in there for name in one.people))

    def until(self, at: datetime) -> datetime | None:
        """Return when those on call change next; None where nobody is."""
        there = [one.end for one in self.shifts(at, at + timedelta(microseconds=1)) if one.start <= at < one.end]
        begins = [one.start for one in self.shifts(at, max(there, default=at)) if one.start > at]
        return min([*there, *begins]) if there else None

    def shifts(self, start: datetime, end: datetime) -> list[Shift]:
        """Return the shifts that touch a stretch of time, in order of their start."""
        key = tuple(sorted(self.people.items()))
        first, last = (start - MARGIN).date(), (end + MARGIN).date()
        found = _expanded(self.content, self.file, self.zone, key, first, last)
        return [one for one in found if one.start < end and one.end > start]

    def gap(self, start: datetime, end: datetime) -> Gap | None:
        """Return the first stretch in which nobody is on call."""
        reached, last = start, None
        for one in self.shifts(start, end):
            if one.start > reached:
                return Gap(start=reached, end=one.start, after=last, before=one)
            if one.end > reached:
                reached, last = one.end, one
        return Gap(start=reached, end=end, after=last, before=None) if reached < end else None

    def is_end(self, gap: Gap) -> bool:
        """Tell whether the calendar has shifts and they are over, rather than that one is missing among them."""
        return gap.before is None and bool(_read(self.content, self.file).events)


@lru_cache(maxsize=256)
def _expanded(
    content: bytes, file: str, zone: str, people: tuple[tuple[str, str], ...], first: date, last: date
) -> tuple[Shift, ...]:
    known = dict(people)
    series = recurring_ical_events.of(_read(content, file), skip_bad_series=False)
    try:
        found = series.between(first, last + timedelta(days=1))
        shifts = [_shift(event, file, ZoneInfo(zone), known) for event in found]
    except (ValueError, KeyError, IndexError) as error:
        raise ConfigError(f"{file}: the calendar cannot be read: {error}") from None
    return tuple(sorted((one for one in shifts if one is not None), key=lambda one: (one.start, one.line)))


def check(rotation: Rotation) -> None:
    """Refuse a file that is no calendar, and an event with nobody we know, by its line."""
    for event in _read(rotation.content, rotation.file).events:
        _shift(event, rotation.file, ZoneInfo(rotation.zone), rotation.people)


def _read(content: bytes, file: str) -> Calendar:
    lines = (at for at, line in enumerate(content.splitlines(), 1) if _BEGIN.fullmatch(line))
    try:
        calendar = Calendar.from_ical(content)
        for event, line in zip(calendar.events, lines, strict=True):
            event.add(LINE, str(line))
    except (ValueError, KeyError, IndexError) as error:
        raise ConfigError(f"{file}: the calendar cannot be read: {error}") from None
    return calendar


def _shift(event: Event, file: str, zone: ZoneInfo, people: Mapping[str, str]) -> Shift | None:
    """Read one event; None for one that was cancelled."""
    line = int(str(event.get(LINE)))
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return None
    where = f"{file}, event of line {line}"
    try:
        _check_zone(event, where)
        begins, ends = event.start, event.end
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    start, end = _moment(begins, zone), _moment(ends, zone)
    if end <= start:
        raise ConfigError(f"{where}: ends no later than it begins")
    named = tuple(_named(event, where, people))
    return Shift(start=start, end=end, people=named, line=line)


def _check_zone(event: Event, where: str) -> None:
    """Refuse a zone that is not known; it would be taken for the rotation's own without a word."""
    for name in ("DTSTART", "DTEND"):
        told = event.get(name)
        wanted = told.params.get("TZID") if told is not None else None
        if wanted is not None and isinstance(told.dt, datetime) and told.dt.tzinfo is None:
            raise ConfigError(f"{where}: {wanted!r} is no time zone that is known")


def _moment(told: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(told, datetime):
        return datetime.combine(told, time(), zone).astimezone(UTC)
    # In UTC: two times of one zone are compared by its clock, which goes back once a year.
    return (told if told.tzinfo is not None else told.replace(tzinfo=zone)).astimezone(UTC)


def _named(event: Event, where: str, people: Mapping[str, str]) -> Iterator[str]:
    """Yield the people of an event: those its summary lists, or else those it invites."""
    listed = [one.strip() for one in str(event.get("SUMMARY", "")).split(",") if one.strip()]
    found = [people[one.casefold()] for one in listed if one.casefold() in people]
    if listed and len(found) == len(listed):
        yield from found
        return
    invited = [str(one).casefold().removeprefix("mailto:") for one in _several(event.get("ATTENDEE"))]
    guests = [people[one] for one in invited if one in people]
    if not guests:
        unknown = ", ".join(one for one in listed if one.casefold() not in people) or "nobody"
        known = ", ".join(sorted(set(people.values()))) or "nobody"
        raise ConfigError(f"{where}: names {unknown}; people are: {known}")
    yield from guests


def _several(told: Any) -> Sequence[Any]:
    return told if isinstance(told, list) else [told] if told is not None else []
