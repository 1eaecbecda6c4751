"""A fee that guests were charged is gone: each stay sold meanwhile gives it away, and a few more are sold for it."""

from __future__ import annotations

import warnings

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards.finding import judged, mean_stay, nights_finding, touched_demand
from python_nodes.guards.price_out_of_range import lost_at
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "fee_missing"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing with open nights without the fee that stood there, or on its other nights."""
    ari = inputs.ari
    with warnings.catch_warnings():
        # numpy warns of a median of nothing; that is the NaN wanted here.
        warnings.simplefilter("ignore", RuntimeWarning)
        by_listing = np.nanmedian(inputs.usual.fees_minor, axis=1)
        price = np.nanmedian(inputs.usual.price_minor, axis=1)
    fee = np.nan_to_num(np.where(np.isfinite(inputs.usual.fees_minor), inputs.usual.fees_minor, by_listing[:, None]))
    gone = ari.known & ari.is_open & (ari.fees_minor == 0) & (fee > 0) & judged(inputs, settings)
    share = touched_demand(inputs, gone)
    stay = mean_stay(inputs)
    found = []
    for row in np.flatnonzero(gone.any(axis=1)).tolist():
        usual = float(np.median(fee[row, gone[row]]))
        stay_price = float(np.nan_to_num(price[row])) * float(stay[row])
        ratio = stay_price / (usual + stay_price)
        found.append(
            nights_finding(
                inputs, int(row), gone, kind=NAME, metric="listed_price", cause="fee_missing",
                share_lost=float(share[row]) * float(lost_at(np.array(ratio), settings)), observed=0.0, expected=usual,
                evidence={
                    "usual_fees_minor": round(usual), "currency": inputs.listings[row].currency,
                    "fee_share_of_stay": round(1.0 - ratio, 4),
                    "assumed_price_elasticity": settings.price_elasticity_below,
                },
            )
        )  # fmt: skip
    return found
