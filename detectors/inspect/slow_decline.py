"""A level that slips a little every day: Page's cumulative sum of residuals, both ways.

``S_t = max(0, S_{t-1} + sign * z'_t - allowance)`` (Page, "Continuous Inspection Schemes", Biometrika 41, 1954), where
``z'`` is the residual without what the seasons before showed of it, and with the drift that a level may have by itself
counted into its variance. The strength is the larger of the two sums.
"""

from __future__ import annotations

import numpy as np

from detectors.inspect.contract import Judged, Subjects, trailing

NAME = "slow_decline"
ALLOWANCE = 0.5
DRIFT = 0.08
PAST, GAP = 8, 4
"""Seasons from which the level before is learnt, and seasons that lie between: what slips must not teach."""


def judge(subjects: Subjects) -> Judged:
    """Judge every column by the sums up to it.

    Parameters
    ----------
    subjects : Subjects

    Returns
    -------
    Judged
        ``size`` is the mean share of the expectation that is gone (or, above zero, too many) since the onset.
    """
    residual, gain = subjects.weighted()
    n_series, n_times = residual.shape
    season = subjects.season
    product, power = (trailing(one, PAST * season, GAP * season) for one in (residual * gain, gain**2))
    bias = product / np.maximum(power, 1e-9)
    known = (gain > 0) & (power > 0)
    steps = np.where(known, (residual - bias * gain) / np.sqrt(1.0 + (DRIFT * gain) ** 2), 0.0)
    strength = np.zeros((n_series, n_times))
    sums, since = np.zeros((2, n_series)), np.zeros((2, n_series), dtype=np.int64)
    sign = np.array([[1.0], [-1.0]])
    for column in range(n_times):
        moved = np.maximum(sums + np.where(known[:, column], sign * steps[:, column] - ALLOWANCE, 0.0), 0.0)
        since = np.where((sums == 0) & (moved > 0), column, since)
        sums = moved
        strength[:, column] = sums.max(axis=0)
    way = sums.argmax(axis=0)
    onset = np.where(sums.max(axis=0) > 0, since[way, np.arange(n_series)], -1)
    inside = (np.arange(n_times) >= onset[:, None]) & (onset >= 0)[:, None] & known
    weight = np.where(inside, gain**2, 0.0).sum(axis=1)
    size = np.where(inside, (residual - bias * gain) * gain, 0.0).sum(axis=1) / np.maximum(weight, 1e-9)
    return Judged(strength, onset.astype(np.int64), size)
