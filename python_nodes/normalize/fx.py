"""Exchange rates and conversion between currencies, in minor units."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path

from python_nodes.domain.money import currency_digits, round_minor
from python_nodes.errors import PermanentError


def convert_minor(amount_minor: int, source: str, target: str, rates: Mapping[str, Decimal]) -> int:
    """Convert between currencies; ``rates`` are units for one euro. Half rounds to even."""
    if source == target:
        return amount_minor
    for currency in (source, target):
        if currency not in rates:
            raise PermanentError(f"no exchange rate for {currency}", field="currency")
    digits = currency_digits(target) - currency_digits(source)
    return round_minor((Decimal(amount_minor) * rates[target] / rates[source]).scaleb(digits))


@cache
def reference_rates() -> Mapping[str, Decimal]:
    """The shipped, illustrative rates; see the file's own comment."""
    path = Path(__file__).parents[1] / "data" / "fx_rates.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {row["currency"]: Decimal(row["per_eur"]) for row in rows}
