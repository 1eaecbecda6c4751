"""Guests must stay longer than usual: shorter stays can no longer be booked."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.guards.finding import for_sale, nights_finding, share_for_sale
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "min_stay_raised"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing with open nights whose minimum stay rose above what stood there."""
    asked, usual = inputs.ari.min_stay_nights, inputs.usual.min_stay_nights
    with np.errstate(invalid="ignore"):
        raised = for_sale(inputs, settings) & (asked - usual >= settings.min_stay_rise_nights)
    away = turned_away(inputs.stay_shares, usual, asked)
    lost = share_for_sale(inputs, np.where(raised, away, 0.0), settings)
    found = []
    for row in np.flatnonzero(raised.any(axis=1)).tolist():
        now_nights, usual_nights = (float(np.median(one[row, raised[row]])) for one in (asked, usual))
        found.append(
            nights_finding(
                inputs, int(row), raised, kind=NAME, metric="availability", cause="min_stay_raised",
                share_lost=float(lost[row]), observed=now_nights, expected=usual_nights, up=True,
                evidence={"min_stay_nights": int(now_nights), "usual_min_stay_nights": int(usual_nights)},
            )
        )  # fmt: skip
    return found


def turned_away(stay_shares: FloatArray, usual: FloatArray, asked: IntArray) -> FloatArray:
    """Return the share of bookings that are as long as was usual and shorter than is asked now, in ``asked``'s shape.

    ``stay_shares`` is as ``GuardInputs`` has it; an unknown usual minimum is one night.
    """
    shorter = np.concatenate([np.zeros((len(stay_shares), 1)), np.cumsum(stay_shares, axis=1)], axis=1)
    longest = stay_shares.shape[1]
    rows = np.arange(len(stay_shares))[:, None]
    before = np.clip(np.nan_to_num(usual, nan=1.0).astype(np.int64) - 1, 0, longest)
    now = np.clip(asked - 1, 0, longest)
    return np.asarray(np.maximum(shorter[rows, now] - shorter[rows, before], 0.0), dtype=np.float64)
