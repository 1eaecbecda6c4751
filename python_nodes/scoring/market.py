"""Whole markets as series: what each one's listings had together, and what they should have had."""

from __future__ import annotations

import numpy as np

from detectors import pooled
from detectors.baselines import yearly_regression
from detectors.series import Forecast, SeriesBatch
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import IntArray

MIN_LISTINGS = 5
"""A market of fewer listings that tell is those listings, not a market."""
MOST = 0.1
"""One listing is at most a tenth of its market."""
MIN_OTHERS = 2
SHARED_DAYS = 5
SHARED = 0.5
COUNTS = 1_000.0
"""A market's ordinary day is put as so many counts, so that the rule for counts can be used; its spread is learnt."""


def of_markets(
    batch: SeriesBatch, groups: IntArray, params: yearly_regression.Params, columns: int
) -> tuple[SeriesBatch, Forecast]:
    """Pool listings by market and say what the last ``columns`` days should have been.

    Parameters
    ----------
    batch : SeriesBatch
        Row ``i`` is listing ``i``.
    groups : ndarray of int, shape (n_listings,)
        The market of each, from 0 without a gap.
    params : yearly_regression.Params
    columns : int

    Returns
    -------
    tuple of SeriesBatch and Forecast
        Row ``i`` is market ``i``.
    """
    first = np.unique(groups, return_index=True)[1]
    holidays = None if batch.holidays is None else batch.holidays[first]
    index = pooled.index(batch.values, groups, MIN_LISTINGS, MOST)
    markets = SeriesBatch(index * COUNTS, batch.days, None, holidays)
    return markets, yearly_regression.fit(markets, params, columns)


def alone(forecast: Forecast, window_days: int) -> BoolArray:
    """Return where a market's fall is its own: what all markets do is a channel's doing, or the times.

    Both of the last days and of the longest window, which still holds what is over.
    """
    shared = [pooled.shared(forecast, days, MIN_OTHERS, SHARED) for days in (SHARED_DAYS, window_days)]
    return ~np.logical_or(*shared)
