"""What a usual stay costs with its fees is far from usual, though the night's price alone is not."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards.finding import judged, mean_stay, nights_finding
from python_nodes.guards.price_out_of_range import assumed_elasticity, lost_by_price, out_of_range
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "total_out_of_range"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing whose totals, price and fees of a stay of mean length, left their range.

    Nights whose price is out of range by itself are that guard's; a fee that vanished is told as such.
    """
    ari, usual = inputs.ari, inputs.usual
    stay = mean_stay(inputs)[:, None]
    by_price = out_of_range(inputs, settings)
    total = np.where(ari.price_minor > 0, ari.price_minor, np.nan) + ari.fees_minor / stay
    reference = usual.price_minor + np.nan_to_num(usual.fees_minor) / stay
    told = ari.known & ari.is_open & judged(inputs, settings) & (ari.fees_minor > 0)
    told &= ~(by_price.collapsed | by_price.dear)
    with np.errstate(invalid="ignore"):
        low = told & (total < settings.price_low_ratio * reference)
        high = told & (total > settings.price_high_ratio * reference)
    lost = lost_by_price(total, reference, low, high, inputs.night_demand, settings)
    wrong = low | high
    found = []
    for row in np.flatnonzero(wrong.any(axis=1)).tolist():
        nights = wrong[row]
        observed, expected = (float(np.median(one[row, nights])) for one in (total, reference))
        evidence = {
            "total_per_night_minor": round(observed), "usual_total_per_night_minor": round(expected),
            "fees_minor": int(np.median(ari.fees_minor[row, nights])),
            "usual_fees_minor": int(np.nanmedian(np.nan_to_num(usual.fees_minor[row, nights]))),
            "stay_nights": round(float(stay[row, 0]), 1), "currency": inputs.listings[row].currency,
            "assumed_price_elasticity": assumed_elasticity(observed > expected, settings),
        }  # fmt: skip
        found.append(
            nights_finding(
                inputs, int(row), wrong, kind=NAME, metric="listed_price", cause="price_error",
                share_lost=float(lost[row]), observed=observed, expected=expected, evidence=evidence,
                up=observed > expected,
            )
        )  # fmt: skip
    return found
