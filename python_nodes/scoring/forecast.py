"""What listings will have in the days to come, and what of it an incident takes at its present pace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from detectors.forecast import chooser
from detectors.forecast.contract import LEVELS, ForecastError
from python_nodes.domain.inputs import BoolArray, Economics
from python_nodes.domain.metrics import DayArray, FloatArray, IntArray

HORIZON_DAYS = 42
TRIAL_DAYS = 28
LOOK_AHEAD_DAYS = 14
LONGEST_DAYS = 90
"""Beyond this no model is asked; an incident that is older than it leaves room for is how things are now."""


@dataclass(frozen=True, slots=True)
class Made:
    """A forecast of one series: the model that speaks, and what is kept of it as JSON has it."""

    model: str
    payload: dict[str, Any]


def worth_it(economics: Economics, at_most: int) -> IntArray:
    """Return the rows of the listings with the highest expected revenue a day, the highest first.

    Parameters
    ----------
    economics : Economics
    at_most : int

    Returns
    -------
    ndarray of int, shape (<= at_most,)
        Listings that bring nothing are left out.
    """
    a_day = economics.bookings_per_day * economics.revenue_per_booking_minor * economics.kept_share
    order = np.argsort(-a_day, kind="stable")[:at_most]
    return np.asarray(order[a_day[order] > 0.0], dtype=np.int64)


def make(
    values: FloatArray, days: DayArray, horizon: int, holidays: BoolArray | None = None,
    events: BoolArray | None = None,
) -> Made | None:  # fmt: skip
    """Forecast one series by the model that did best on its past.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One a day, NaN for missing; days within past incidents should be missing too.
    days : ndarray of datetime64[D], shape (n,)
    horizon : int
        Days to say, at least 1.
    holidays, events : ndarray of bool, shape (n + horizon,), optional

    Returns
    -------
    Made or None
        None where nothing is known of the series. ``payload`` holds ``first_date``, ``mean``, for each level (``80``,
        ``95``) ``lower`` and ``upper``, and how the models did: ``mase``, ``pinball``, ``origins``, ``stretched``.
    """
    if not np.isfinite(values).any():
        return None
    try:
        found = chooser.choose(values, days, horizon, holidays, events, LEVELS, trial_days=TRIAL_DAYS)
    except ForecastError:
        return None
    told = found.predicted
    names = [f"{level:.0%}".rstrip("%") for level in told.levels]
    payload = {
        "first_date": str(days[-1] + 1),
        "mean": _rounded(told.mean),
        "lower": {name: _rounded(row) for name, row in zip(names, told.lower, strict=True)},
        "upper": {name: _rounded(row) for name, row in zip(names, told.upper, strict=True)},
        "mase": {name: round(value, 4) for name, value in found.mase.items()},
        "pinball": {name: round(value, 6) for name, value in found.pinball.items()},
        "origins": found.origins,
        "stretched": [round(factor, 3) for factor in found.stretched],
    }
    return Made(told.model, payload)


def _rounded(values: FloatArray) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


@dataclass(frozen=True, slots=True)
class Lost:
    """What the next days lose at the present pace; money in minor units of the tenant's currency."""

    bookings: float
    expected_minor: int
    lost_minor: int


def next_days(payload: Mapping[str, Any], today: date, days: int = LOOK_AHEAD_DAYS) -> FloatArray | None:
    """Return the forecast means of ``days`` days from ``today`` on; None where it does not reach so far."""
    first = (today - date.fromisoformat(payload["first_date"])).days
    mean = np.asarray(payload["mean"], dtype=np.float64)
    return mean[first : first + days] if 0 <= first <= len(mean) - days else None


def lost_ahead(
    payloads: Sequence[Mapping[str, Any]], shares: Sequence[float], today: date, days: int = LOOK_AHEAD_DAYS
) -> Lost | None:  # fmt: skip
    """Return what an incident takes of the next days' bookings if it goes on as it does.

    Parameters
    ----------
    payloads : sequence of mapping
        The forecast of ``booking_velocity`` of each listing concerned, made before the incident began, with
        ``booking_worth_minor``: what a booking brings on average, cancellations allowed for.
    shares : sequence of float
        The share of its bookings that each listing loses now, 0 to 1.
    today : date
        The first of the days.
    days : int

    Returns
    -------
    Lost or None
        None where a forecast does not reach so far.
    """
    bookings, expected, lost = 0.0, 0.0, 0.0
    for payload, share in zip(payloads, shares, strict=True):
        ahead = next_days(payload, today, days)
        if ahead is None:
            return None
        brings = float(ahead.sum()) * float(payload["booking_worth_minor"])
        bookings, expected, lost = bookings + float(ahead.sum()), expected + brings, lost + brings * share
    return Lost(round(bookings, 2), round(expected), round(lost))
