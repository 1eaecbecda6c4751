"""Whether quiet points lie farther from a season at some of its places than at others: loud days beside calm nights."""

from __future__ import annotations

import numpy as np

from detectors.series import FloatArray
from detectors.single import medians

# A season has so many places here, however many points.
PLACES = 24
# Of the logarithm of a median of n distances the variance is 1.36 / n where they are a normal law's.
OF_MEDIAN = 1.36
# How many standard errors chance is given.
CERTAIN = 3.0


def share(distances: FloatArray, season: int) -> float:
    """Return how surely places differ in how far points lie from the season.

    The positive part of James and Stein's estimator, of the variance between places: what chance could have brought is
    taken off.

    Parameters
    ----------
    distances : ndarray, shape (n_times,)
        Zero or more, NaN where missing; the last whole seasons are looked at.
    season : int
        In points.

    Returns
    -------
    float
        From 0, where they do not differ or nothing is known, towards 1.
    """
    rounds = len(distances) // season
    width = max(season // PLACES, 1)
    places = season // width
    if rounds < 2:
        return 0.0
    block = distances[len(distances) - rounds * season :].reshape(rounds, season)[:, : places * width]
    block = block.reshape(rounds, places, width)
    near = np.concatenate([np.roll(block, by, axis=1) for by in (-1, 0, 1)], axis=2)
    usual = medians.column_medians(near.transpose(0, 2, 1).reshape(-1, places))
    told = usual[usual > 0]
    between = float(np.var(np.log(told))) if 2 * len(told) >= places else 0.0
    # Points of one place in one season are near one another in time, and so worth one.
    chance = OF_MEDIAN / (3 * rounds)
    return max(1.0 - CERTAIN**2 * chance / between, 0.0) if between > 0 else 0.0
