"""A level that moved: the exact likelihood of a single change, over every place it may have come.

With residuals ``z`` of variance one and gains ``g`` (see `contract`), a level that is ``b`` times the expectation
higher adds ``b g`` to ``z``. Over the last ``WINDOW`` seasons, split ``k`` points before the end,

    b0, b1 = sum(z g) / sum(g^2) before and after,   D_k = (b1 - b0) / sqrt(1 / sum0(g^2) + 1 / sum1(g^2) + drift^2)

and the strength is the largest ``|D_k|``: for normal residuals the root of twice the log likelihood ratio of one change
against none (Hinkley 1970; PELT's cost for a single change, Killick, Fearnhead and Eckley 2012). Both levels are
free, so that an expectation that is off by a little is no change; the drift is what a level may do by itself.
"""

from __future__ import annotations

import numpy as np

from detectors.inspect.contract import Judged, Subjects, trailing

NAME = "level_shift"
WINDOW, LONGEST = 12, 4
"""Seasons looked at, and seasons that a change may be old."""
DRIFT = 0.05


def judge(subjects: Subjects) -> Judged:
    """Judge every column by the best split of what came up to it.

    Parameters
    ----------
    subjects : Subjects

    Returns
    -------
    Judged
        ``size`` is the share of the expectation by which the level moved.
    """
    residual, gain = subjects.weighted()
    n_series, n_times = residual.shape
    product, power = residual * gain, gain**2
    all_product, all_power = (trailing(one, WINDOW * subjects.season) for one in (product, power))
    best, since = np.zeros((n_series, n_times)), np.zeros((n_series, n_times), dtype=np.int64)
    moved = np.zeros((n_series, n_times))
    told = trailing((gain > 0).astype(np.float64), n_times)
    own_product, own_power = np.zeros((n_series, n_times)), np.zeros((n_series, n_times))
    for length in range(1, min(LONGEST * subjects.season, n_times - 1) + 1):
        own_product[:, length - 1 :] += product[:, : n_times - length + 1]
        own_power[:, length - 1 :] += power[:, : n_times - length + 1]
        past_power = all_power - own_power
        usable = (own_power > 0) & (past_power > 0) & (told >= length + 2 * subjects.season)
        own, past = (1.0 / np.maximum(one, 1e-9) for one in (own_power, past_power))
        step = np.where(usable, own_product * own - (all_product - own_product) * past, 0.0)
        height = np.abs(step) / np.sqrt(own + past + DRIFT**2)
        better = height > best
        best[better], since[better], moved[better] = height[better], length, step[better]
    onset = np.where(best[:, -1] > 0, n_times - since[:, -1], -1) if n_times else np.full(n_series, -1)
    return Judged(best, onset.astype(np.int64), moved[:, -1] if n_times else np.zeros(n_series))
