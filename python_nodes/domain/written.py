"""Money, days, shares and numbers as the readers of the spoken language write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_skeleton, get_day_names
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision

from python_nodes.domain.speech import current

SHORT = 1000
"""A number below this is written with three digits, one above as a whole one."""


def money(amount_minor: int | float, currency: str) -> str:
    """Write minor units as people do; whole units from a hundred up, since cents there are false precision."""
    locale = current().locale
    amount = Decimal(str(amount_minor)).scaleb(-get_currency_precision(currency))
    if abs(amount) >= 100:
        whole = re.sub(r"\.0+", "", locale.currency_formats["standard"].pattern)
        return format_currency(amount.to_integral_value(), currency, whole, locale, currency_digits=False)
    return format_currency(amount, currency, locale=locale)


def day(value: date) -> str:
    """Write a day without a chance of reading the month as the day."""
    return format_skeleton("yMMMd", value, locale=current().locale)


def moment(at: datetime) -> str:
    """Write a moment in UTC, whose hour is the same to everybody who reads it."""
    shown = at.astimezone(UTC) if at.tzinfo else at
    return f"{day(shown)}, {shown:%H:%M} UTC"


def share(value: float, digits: int = 1) -> str:
    """Write a share as percent."""
    return format_percent(round(value, digits + 2), locale=current().locale, decimal_quantization=False)


def change(value: float) -> str:
    """Write a share as whole percent with its sign."""
    sign = "+" if round(value, 2) >= 0 else "-"
    return f"{sign}{share(abs(value), 0)}"


def number(value: int | float) -> str:
    """Write a number: whole ones in full, others as short as they are read."""
    if isinstance(value, int):
        return _whole(value, current().locale)
    told = Decimal(f"{value:.3g}") if abs(value) < SHORT else Decimal(f"{value:.0f}")
    return format_decimal(told, locale=current().locale, decimal_quantization=False)


@lru_cache(maxsize=4096)
def _whole(value: int, locale: Locale) -> str:
    # The same few counts stand in the titles of thousands of alerts.
    return format_decimal(value, locale=locale)


def listed(names: Sequence[str]) -> str:
    """Write several one after the other."""
    return ", ".join(names)


def tenths(value: float) -> str:
    """Write a number with one digit, also where that is 0."""
    return format_decimal(round(value, 1), "#,##0.0", locale=current().locale)


def short_day(value: date) -> str:
    """Write a day of a year that nobody doubts, as short as an axis asks."""
    return format_skeleton("MMMd", value, locale=current().locale)


def month(value: date) -> str:
    """Write a month's short name."""
    return format_date(value, "LLL", locale=current().locale)


def weekdays() -> list[str]:
    """Name the days of the week shortly, Monday first."""
    return [get_day_names("abbreviated", "stand-alone", current().locale)[day] for day in range(7)]
