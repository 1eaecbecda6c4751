"""How a guard's finding about nights becomes an Anomaly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray, GuardInputs
from python_nodes.domain.metrics import FloatArray


def within(inputs: GuardInputs, horizon_nights: int) -> BoolArray:
    """Return which nights lie between today and the horizon, (n_nights,)."""
    ahead = (inputs.ari.nights - np.datetime64(inputs.as_of_day, "D")).astype(np.int64)
    return np.asarray((ahead >= 0) & (ahead < horizon_nights), dtype=np.bool_)


def demand_of(inputs: GuardInputs, nights: BoolArray) -> FloatArray:
    """Return the share of a day's bookings that touches the marked nights, (n_listings,)."""
    share = np.nansum(np.where(nights, inputs.night_demand, 0.0), axis=1)
    return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float64)


def nights_finding(
    inputs: GuardInputs, row: int, nights: BoolArray, *, kind: str, metric: str, cause: str, share_lost: float,
    observed: float | None, expected: float | None, evidence: Mapping[str, Any], up: bool = False,
) -> Anomaly:  # fmt: skip
    """Return one Anomaly of listing ``row`` with its nights listed; it holds from the day it is seen."""
    dates = [str(night) for night in inputs.ari.nights[nights[row]]]
    return Anomaly(
        listing_id=inputs.listings[row].listing_id, kind=kind, metric=metric, onset_date=inputs.as_of_day,
        observed=observed, expected=expected, lower=None, upper=None, p_value=None,
        share_lost=float(min(max(share_lost, 0.0), 1.0)), confidence=1.0, cause=cause,
        direction="up" if up else "down",
        evidence={"nights": dates, "nights_count": len(dates), "first_night": dates[0], "last_night": dates[-1]}
        | dict(evidence),
    )  # fmt: skip
