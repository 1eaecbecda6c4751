"""Mutes: what the operator does not want to hear of for a time, once or again and again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Event, vRecur

from python_nodes.errors import PermanentError

Origin = Literal["maintenance", "snooze", "quiet_hours"]
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
"""What comes back more often is no window, and would take long to count."""
LONGEST = timedelta(days=366)
"""Nothing is muted for good: what lasts longer is said anew."""
_KNOWN_PARTS = frozenset({"FREQ", "INTERVAL", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS", "UNTIL", "COUNT", "WKST"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """One mute: what is None matches everything; it holds from ``start_at`` until before ``end_at``.

    With ``rrule`` (RFC 5545) it comes back: start and end are of the first time, on the clock of ``zone``. ``ended_at``
    is when a person ended it before its time. Several may overlap; what any of them covers is not told.
    """

    start_at: datetime
    end_at: datetime
    reason: str
    listing_id: int | None = None
    property_id: int | None = None
    market: str | None = None
    kind: str | None = None
    cause: str | None = None
    fingerprint: str | None = None
    origin: Origin = "maintenance"
    actor: str = ""
    mute_id: int | None = None
    rrule: str | None = None
    zone: str = "UTC"
    ended_at: datetime | None = None

    def window(self, at: datetime) -> tuple[datetime, datetime] | None:
        """Return the stretch around a moment in which it holds; None where it does not."""
        if self.ended_at is not None and at >= self.ended_at:
            return None
        if self.rrule is None:
            return (self.start_at, self.end_at) if self.start_at <= at < self.end_at else None
        if at < self.start_at:
            return None
        series = recurring_ical_events.of(self._calendar(), skip_bad_series=False)
        around = series.between(at, at + timedelta(seconds=1))
        found = [(one.start, one.end) for one in around if one.start <= at < one.end]
        return max(found, key=lambda span: span[1]) if found else None

    def ended_within(self, since: datetime, until: datetime) -> datetime | None:
        """Return when it ended, if that was after ``since`` and by ``until``; what comes back ends by a person only."""
        end_at = self.end_at if self.rrule is None else self.ended_at
        if end_at is not None and self.ended_at is not None:
            end_at = min(end_at, self.ended_at)
        return end_at if end_at is not None and since < end_at <= until and self.start_at < end_at else None

    def _calendar(self) -> Calendar:
        zone, event, calendar = ZoneInfo(self.zone), Event(), Calendar()
        event.add("uid", str(self.mute_id))
        event.add("dtstart", self.start_at.astimezone(zone))
        event.add("dtend", self.end_at.astimezone(zone))
        event.add("rrule", vRecur.from_ical(self.rrule or ""))
        calendar.add_component(event)
        return calendar


def checked_rule(text: str) -> str:
    """Return a recurrence rule as it is stored; PermanentError says what is wrong with it."""
    try:
        rule = vRecur.from_ical(text.strip().removeprefix("RRULE:"))
    except ValueError as error:
        raise PermanentError(f"rrule: {error}", status=422, field="rrule") from None
    (frequency,) = rule.get("FREQ", ("",))
    if frequency not in FREQUENCIES:
        raise PermanentError(f"rrule: FREQ is one of {', '.join(FREQUENCIES)}", status=422, field="rrule")
    unknown = sorted(set(rule) - _KNOWN_PARTS)
    counts = [*rule.get("COUNT", ()), *rule.get("INTERVAL", ())]
    if unknown or any(int(one) < 1 for one in counts):
        what = f"{', '.join(unknown)} is not known" if unknown else "COUNT and INTERVAL are 1 or more"
        raise PermanentError(f"rrule: {what}", status=422, field="rrule")
    return str(rule.to_ical().decode())
