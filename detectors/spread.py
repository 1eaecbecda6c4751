"""How far counts spread that vary by a share of themselves: their dispersion grows with their mean.

Impressions go up and down by so many percent, whatever their number: of two series with the same noise the larger has
the larger variance ÷ mean, and one series has a larger one in its high season than in the months before it. So the
squared share is what is learnt, of each series' past and of all series together, and the dispersion of a day follows
from the day's expectation: ``dispersion = 1 + share² * expected``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detectors import trailing
from detectors.series import BoolArray, Forecast

RUN_DAYS = 7
LOW_RUN = 0.6
"""A week that had less of what it should have is no noise."""
MOST_SHARE = 1.0


def relative(forecast: Forecast, half_life_days: float = 140.0, gap_days: int = 10, strength: float = 60.0) -> Forecast:
    """Return the forecast with dispersions of noise that is a share of the expectation.

    Parameters
    ----------
    forecast : Forecast
    half_life_days, gap_days : float, int
        Of the past that the share is learnt from.
    strength : float
        Days of the pooled share mixed into each series' own.

    Returns
    -------
    Forecast
        Days up to ``t - gap_days`` tell the dispersion of ``t``; before any tell it, it stays what it was.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        off = forecast.capped / forecast.expected - 1.0
        # What chance alone brings to a count of this size is not the share's.
        excess = np.minimum(off, MOST_SHARE) ** 2 - 1.0 / forecast.expected
    usable = np.isfinite(excess) & (forecast.expected > 0) & ~_low_weeks(forecast)
    weight = np.where(usable, forecast.expected, 0.0)
    total, told, days = (
        trailing.decayed(part, half_life_days, gap_days)
        for part in (np.where(usable, excess, 0.0) * weight, weight, usable.astype(np.float64))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        pool = total.sum(axis=0) / told.sum(axis=0)
        own = np.where(told > 0, total / told, pool)
        share = np.maximum((own * days + pool * strength) / (days + strength), 0.0)
        dispersion = 1.0 + share * forecast.expected
    dispersion = np.where(np.isfinite(dispersion), dispersion, forecast.dispersion)
    return replace(forecast, dispersion=dispersion)


def _low_weeks(forecast: Forecast) -> BoolArray:
    """Return the days in a week far under its expectation."""
    known = np.isfinite(forecast.expected) & np.isfinite(forecast.capped)
    had, wanted = (
        trailing.run_sums(np.where(known, part, 0.0), RUN_DAYS) for part in (forecast.capped, forecast.expected)
    )
    low = had < LOW_RUN * wanted
    found = low.copy()
    for later in range(1, min(RUN_DAYS, low.shape[1])):
        found[:, :-later] |= low[:, later:]
    return np.asarray(found, dtype=np.bool_)
