"""A channel shows another currency than the property's: the number on the page is the same, its worth is not."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray, GuardInputs
from python_nodes.domain.metrics import IntArray
from python_nodes.guards.finding import finding, now
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
        finding(
            inputs, int(row), kind=NAME, metric="listed_price", cause="currency_switched",
            evidence={
                "currency": inputs.listings[row].currency, "shown_currency": str(marks.value[entry]),
                "operation": str(marks.operation[entry]), "last_told_at": f"{marks.observed_at[entry]}Z",
                "prices": "refused and kept in quarantine; the last good ones stand",
            },
        )
        for row, entry in zip(rows.tolist(), still[first].tolist(), strict=True)
    ]  # fmt: skip


def marked(inputs: GuardInputs, settings: GuardSettings) -> BoolArray:
    """Return which listings' records were lately refused for their currency, (n_listings,)."""
    found = np.zeros(len(inputs.listings), dtype=np.bool_)
    found[inputs.marks.row[_fresh(inputs, settings)]] = True
    return found


def _fresh(inputs: GuardInputs, settings: GuardSettings) -> IntArray:
    marks = inputs.marks
    oldest = now(inputs) - np.timedelta64(round(settings.ari_stale_hours * 3600), "s")
    return np.flatnonzero((marks.mark == "currency") & (marks.observed_at >= oldest))
