"""Reads the parts of a night that PARR tells: amounts and dates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from python_nodes.domain.money import currency_digits, to_minor
from python_nodes.errors import RejectedRecord


# The same few texts come ten thousand times.
@lru_cache(maxsize=16_384)
def amount(told: str, currency: str, times: int) -> int:
    """Minor units of ``times`` the amount told."""
    try:
        digits = currency_digits(currency)
    except RejectedRecord as error:
        raise RejectedRecord(f"Rate@currency: {error.reason}", field="Rate@currency") from None
    try:
        # PARR tells up to three decimals of any currency; most are as fine as it is, and a Decimal is dear.
        if times == 1 and told.replace(".", "", 1).isdecimal() and len(told.partition(".")[2]) <= digits:
            return to_minor(told, currency)
        rounded = (Decimal(told) * times).quantize(Decimal(1).scaleb(-digits))
        return to_minor(str(rounded), currency)
    except (InvalidOperation, RejectedRecord):
        raise RejectedRecord(f"Rate@rate: {told[:40]!r} is not an amount", field="Rate@rate") from None


@lru_cache(maxsize=4_096)
def read_day(told: str) -> date:
    """A night's date."""
    try:
        return date.fromisoformat(told)
    except ValueError:
        raise RejectedRecord(f"AvailRate@date: {told[:40]!r} is not a date", field="AvailRate@date") from None
