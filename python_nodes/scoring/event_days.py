"""Days on which a series may behave unlike itself, known beforehand: public holidays, and events of an iCal file."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import holidays
import recurring_ical_events
from icalendar import Calendar, Component, Event

from python_nodes.errors import PermanentError

MAX_DAYS = 5_000
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")


def public(place: str, first: date, last: date) -> set[date]:
    """Return the public holidays of a country (``DE``) or a part of it (``DE-BY``).

    Parameters
    ----------
    place : str
        ISO 3166-1 or -2.
    first, last : date
        Both included.

    Returns
    -------
    set of date

    Raises
    ------
    PermanentError
        If the `holidays` library does not know the place.
    """
    country, _, part = place.strip().upper().partition("-")
    try:
        known = holidays.country_holidays(country, subdiv=part or None, years=range(first.year, last.year + 1))
    except NotImplementedError:
        # The library's way to say that it does not know the place; somebody typed this one, so they are told.
        raise PermanentError(f"no public holidays are known of {place!r} (wanted: DE, or DE-BY)") from None
    return {day for day in known if first <= day <= last}


def of_calendar(content: bytes, first: date, last: date) -> set[date]:
    """Return the days that an iCal file's events touch, those that come back each year or week among them.

    Parameters
    ----------
    content : bytes
        The file.
    first, last : date
        Both included.

    Returns
    -------
    set of date
        Of an event with times the days on its own clock.

    Raises
    ------
    PermanentError
        If the file is no calendar, or its events touch more days than is sensible.
    """
    try:
        calendar = Calendar.from_ical(content)
        _check_rules(calendar)
        found = recurring_ical_events.of(calendar, skip_bad_series=False).between(first, last + timedelta(days=1))
    except PermanentError:
        raise
    except Exception as error:  # the two libraries' own errors are of many unrelated kinds
        raise PermanentError(f"the calendar cannot be read: {type(error).__name__}: {error}") from None
    days: set[date] = set()
    for event in found:
        days.update(day for day in _days(event) if first <= day <= last)
        if len(days) > MAX_DAYS:
            raise PermanentError(f"the calendar's events touch more than {MAX_DAYS:,} days")
    return days


def _check_rules(calendar: Component) -> None:
    """Refuse what comes back within a day: a line of it would be counted for minutes."""
    for event in calendar.walk("VEVENT"):
        rules = event.get("RRULE", ())
        for rule in rules if isinstance(rules, list) else [rules]:
            (frequency,) = rule.get("FREQ", ("",)) if rule else ("DAILY",)
            if frequency not in FREQUENCIES:
                raise PermanentError(f"the calendar: FREQ is one of {', '.join(FREQUENCIES)}")


def _days(event: Event) -> list[date]:
    """Return an event's days; one that ends at midnight does not touch the day that begins then."""
    start, end = event.start, event.end
    first = start.date() if isinstance(start, datetime) else start
    if isinstance(end, datetime):
        last = (end - timedelta(microseconds=1)).date() if end > start else end.date()
    else:
        last = end - timedelta(days=1)
    return [first + timedelta(days=at) for at in range(max((last - first).days, 0) + 1)]
