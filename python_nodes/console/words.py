"""How the pages write things: names of channels and markets, money, moments, ages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from python_nodes.domain.money import currency_digits

CHANNELS = {"booking_com": "Booking.com", "airbnb": "Airbnb", "vrbo": "Vrbo", "expedia": "Expedia"}
"""How channels write themselves; one that is not here is written as it is named, with its words apart."""
OPERATIONS = {
    "ari": "Availability and prices", "ical_calendar": "Calendar feed", "health": "State on the channel",
    "performance": "Performance report", "reservations": "Reservations", "reservation_history": "Past reservations",
    "reviews": "Reviews", "content": "Page content", "operator_calendar": "Your own calendar",
}  # fmt: skip
"""What an operation brings, by its name."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_BRIEF_DAYS = 3
_DAY_LENGTH = len("2026-01-01")


def named(name: str | None) -> str:
    """Write the name of a channel, market, operation or cause for people."""
    if not name:
        return ""
    return CHANNELS.get(name) or name.replace("_", " ").replace("-", " ").capitalize()


def operation(name: str) -> str:
    """Write what an operation brings."""
    return OPERATIONS.get(name) or named(name)


def amount(value: float | None, currency: str | None = "") -> str:
    """Write money in whole units."""
    if value is None:
        return "not known"
    return f"{value:,.0f} {currency or ''}".rstrip()


def day_of(told: str) -> date:
    """Read a day, or the day in UTC of a moment, as the panels' rows write them."""
    return date.fromisoformat(told) if len(told) == _DAY_LENGTH else moment_of(told).date()


def moment_of(told: str) -> datetime:
    """Read a moment as the panels' rows write it."""
    return datetime.fromisoformat(told).astimezone(UTC)


def money(amount_minor: int, currency: str) -> str:
    """Write minor units in whole ones: nobody reads cents in a list."""
    return amount(amount_minor / 10 ** currency_digits(currency), currency)


def on(told: str | None) -> str:
    """Write a day with its year."""
    if told is None:
        return "never"
    day = day_of(told)
    return f"{day.day} {day:%b %Y}"


def moment(told: str | datetime | None) -> str:
    """Write a moment, in UTC."""
    if told is None:
        return "never"
    at = moment_of(told) if isinstance(told, str) else told.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def age(span: timedelta) -> str:
    """Write how long ago, in the unit that says enough."""
    if span < _HOUR:
        return f"{max(0, round(span.total_seconds() / 60))} min"
    if span < _BRIEF_DAYS * _DAY:
        return f"{span / _HOUR:.0f} h"
    return f"{span / _DAY:.0f} days"
