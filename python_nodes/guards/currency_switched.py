"""A channel shows another currency than the property's: the number on the page is the same, its worth is not.

Guests see a price too low or too high by the ratio of the two currencies: it costs what such a price error costs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from python_nodes.domain.findings import LOSS_IS_UNKNOWN, Anomaly
from python_nodes.domain.inputs import BoolArray, GuardInputs
from python_nodes.domain.metrics import IntArray
from python_nodes.domain.money import currency_digits
from python_nodes.guards.finding import finding, now
from python_nodes.guards.price_out_of_range import assumed_elasticity, lost_at
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "currency_switched"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing whose latest prices came in another currency; they are kept in quarantine.

    A report about past days counts only until availability has been told in the right currency again.
    """
    marks = inputs.marks
    heard = inputs.ari.observed_at.astype("datetime64[s]")[marks.row]
    still = _fresh(inputs, settings)
    still = still[(marks.operation[still] == "ari") | ~(heard[still] >= marks.observed_at[still])]
    rows, first = np.unique(marks.row[still], return_index=True)
    return [
        _found(inputs, int(row), int(entry), settings)
        for row, entry in zip(rows.tolist(), still[first].tolist(), strict=True)
    ]


def _found(inputs: GuardInputs, row: int, entry: int, settings: GuardSettings) -> Anomaly:
    marks = inputs.marks
    own, shown_in = inputs.listings[row].currency, str(marks.value[entry])
    ratio = worth_ratio(inputs, own, shown_in)
    evidence: dict[str, Any] = {
        "currency": own, "shown_currency": shown_in, "operation": str(marks.operation[entry]),
        "last_told_at": f"{marks.observed_at[entry]}Z",
        "prices": "refused and kept in quarantine; the last good ones stand",
    }  # fmt: skip
    if ratio is None:
        return finding(
            inputs, row, kind=NAME, metric="listed_price", cause="currency_switched",
            evidence=evidence | {LOSS_IS_UNKNOWN: "no exchange rate"},
        )  # fmt: skip
    lost = float(lost_at(np.array(ratio), settings))
    evidence["worth_of_usual"] = round(ratio, 4)
    evidence["assumed_price_elasticity"] = assumed_elasticity(ratio > 1.0, settings)
    return finding(
        inputs, row, kind=NAME, metric="listed_price", cause="currency_switched", share_lost=lost, evidence=evidence,
        up=ratio > 1.0,
    )  # fmt: skip


def worth_ratio(inputs: GuardInputs, own: str, shown_in: str) -> float | None:
    """Return what one unit of ``shown_in`` is worth in units of ``own``; None where a rate is missing."""
    if own not in inputs.worth or shown_in not in inputs.worth:
        return None
    digits = currency_digits(shown_in) - currency_digits(own)
    return inputs.worth[shown_in] / inputs.worth[own] * 10.0**digits


def marked(inputs: GuardInputs, settings: GuardSettings) -> BoolArray:
    """Return which listings' records were lately refused for their currency, (n_listings,)."""
    found = np.zeros(len(inputs.listings), dtype=np.bool_)
    found[inputs.marks.row[_fresh(inputs, settings)]] = True
    return found


def _fresh(inputs: GuardInputs, settings: GuardSettings) -> IntArray:
    marks = inputs.marks
    oldest = now(inputs) - np.timedelta64(round(settings.ari_stale_hours * 3600), "s")
    return np.flatnonzero((marks.mark == "currency") & (marks.observed_at >= oldest))
