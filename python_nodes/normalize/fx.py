"""Exchange rates by day, and conversion between currencies in minor units."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np

from python_nodes.domain.metrics import DayArray, FloatArray
from python_nodes.domain.money import currency_digits, round_minor
from python_nodes.errors import PermanentError

EURO = "EUR"
SHIPPED = Path(__file__).parents[1] / "data" / "fx_rates.csv"


@dataclass(frozen=True, slots=True, eq=False)
class RateTable:
    """Units of each currency for one euro, (n_currencies, n_days); NaN where a day tells none.

    ``currencies`` and ``days`` ascend; only days on which rates were published are there.
    """

    currencies: tuple[str, ...]
    days: DayArray
    per_eur: FloatArray

    @classmethod
    def of(cls, days: DayArray, currencies: Sequence[str], per_eur: FloatArray) -> RateTable:
        """Build from published rates, one a row, in any order; the euro itself needs no row."""
        names, column = np.unique(np.asarray(currencies, dtype="U3"), return_inverse=True)
        known, row = np.unique(days, return_inverse=True)
        table = np.full((len(names), len(known)), np.nan)
        table[column, row] = per_eur
        return cls(tuple(str(name) for name in names), known, table)

    def replaced(self, newer: RateTable) -> RateTable:
        """This table with ``newer`` in place of each currency that it tells, from its first day of it on."""
        if not len(newer.days):
            return self
        began = {name: newer.days[np.isfinite(newer.per_eur[row])][0] for row, name in enumerate(newer.currencies)}
        kept = np.array([self.days < began.get(name, self.days[-1] + 1) for name in self.currencies])
        currencies = tuple(sorted({*self.currencies, *newer.currencies}))
        days = np.union1d(self.days, newer.days)
        table = np.full((len(currencies), len(days)), np.nan)
        for part, wanted in ((self, kept), (newer, np.isfinite(newer.per_eur))):
            rows = np.array([currencies.index(name) for name in part.currencies], dtype=np.int64)
            at = np.ix_(rows, np.searchsorted(days, part.days))
            table[at] = np.where(wanted, part.per_eur, table[at])
        return RateTable(currencies, days, table)

    def on(self, currencies: Sequence[str], days: DayArray) -> FloatArray:
        """Units for one euro, (n_currencies, n_days): the last known rate up to each day, else the first known one.

        A currency that is nowhere in the table is NaN.
        """
        result = np.full((len(currencies), len(days)), np.nan)
        for row, name in enumerate(currencies):
            if name == EURO:
                result[row] = 1.0
            elif name in self.currencies:
                told = self.per_eur[self.currencies.index(name)]
                at = np.flatnonzero(np.isfinite(told))
                if len(at):
                    last = np.searchsorted(self.days[at], days, side="right") - 1
                    result[row] = told[at[np.maximum(last, 0)]]
        return result

    def minor_factors(self, sources: Sequence[str], target: str, days: DayArray) -> FloatArray:
        """Minor units of ``target`` for one minor unit of each source, (n_sources, n_days)."""
        digits = np.array([currency_digits(target) - currency_digits(name) for name in sources], dtype=np.float64)
        ratio = self.on([target], days) / self.on(sources, days)
        return np.asarray(ratio * 10.0 ** digits[:, None], dtype=np.float64)

    def latest(self, day: date | None = None) -> dict[str, Decimal]:
        """Exact rates of every currency as last known on ``day``, or at the table's end."""
        if not len(self.days):
            return {EURO: Decimal(1)}
        at = np.array([self.days[-1] if day is None else day], dtype="datetime64[D]")
        told = self.on(self.currencies, at)[:, 0].tolist()
        rates = {name: Decimal(str(rate)) for name, rate in zip(self.currencies, told, strict=True)}
        return {EURO: Decimal(1), **rates}


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
def shipped_table() -> RateTable:
    """The European Central Bank's rates that come with the package; see the file's own comment."""
    with SHIPPED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    told = [
        (row["Date"], name, float(rate))
        for row in rows
        for name, rate in row.items()
        if name != "Date" and rate not in ("", "N/A")
    ]
    days, names, rates = zip(*told, strict=True)
    return RateTable.of(np.array(days, dtype="datetime64[D]"), names, np.array(rates))


def reference_rates(day: date | None = None) -> Mapping[str, Decimal]:
    """The shipped rates as last known on ``day``, or the newest of them; units for one euro."""
    return shipped_table().latest(day)
