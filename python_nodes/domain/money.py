"""Money as integer minor units: how many digits a currency has, and exact conversion from what vendors write."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, Overflow
from functools import cache

from babel import Locale
from babel.numbers import get_currency_precision

from python_nodes.errors import RejectedRecord

MAX_MINOR = 2**53 - 1
"""Beyond this a float64 column no longer holds every integer, so larger amounts are refused, not rounded."""
_PLAIN_LENGTH = 12
"""So many digits, in any currency, stay below that."""


@cache
def known_currencies() -> frozenset[str]:
    """ISO 4217 codes that Babel (CLDR) knows."""
    return frozenset(Locale("en").currencies)


@cache
def currency_digits(currency: str) -> int:
    """Digits after the decimal point: 2 for EUR, 0 for JPY, 3 for KWD."""
    if currency not in known_currencies():
        raise RejectedRecord(f"currency: {currency[:8]!r} is not a known ISO 4217 code", field="currency")
    return get_currency_precision(currency)


def to_minor(decimal_text: str, currency: str) -> int:
    """Exact minor units of a decimal text; more digits than the currency has are refused, never rounded."""
    digits = currency_digits(currency)
    whole, _, part = decimal_text.partition(".")
    # Nearly every amount is plain digits, and a Decimal costs ten times as much; whatever else it is, Decimal judges.
    if len(part) <= digits and len(decimal_text) <= _PLAIN_LENGTH and (plain := whole + part).isdecimal():
        return int(plain + "0" * (digits - len(part)))
    try:
        scaled = Decimal(decimal_text.strip()).scaleb(digits)
    except (InvalidOperation, Overflow):
        raise RejectedRecord(f"amount: {decimal_text[:40]!r} is not a decimal number", field="amount") from None
    if not scaled.is_finite() or abs(scaled) > MAX_MINOR:
        raise RejectedRecord(f"amount: {decimal_text[:40]!r} is out of range", field="amount")
    if scaled != scaled.to_integral_value():
        raise RejectedRecord(f"amount: {decimal_text[:40]!r} has more digits than {currency} has", field="amount")
    return int(scaled)


def round_minor(amount: Decimal) -> int:
    """Round half to even, so that many conversions do not drift one way."""
    return int(amount.to_integral_value(rounding=ROUND_HALF_EVEN))
