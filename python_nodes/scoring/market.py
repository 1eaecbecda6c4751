"""Whole markets as series: what each one's listings had together, and what they should have had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detectors import pooled
from detectors.baselines import yearly_regression
from detectors.series import Forecast, SeriesBatch
from python_nodes.domain.metrics import IntArray

MIN_LISTINGS = 5
"""A market of fewer listings that tell is those listings, not a market."""
MOST_OF_MEAN = 3.0
"""A listing weighs at most as three ordinary ones of its market."""
MIN_OTHERS = 2
COMMON_DAYS = 3
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
        Row ``i`` is market ``i``. What moved all other markets as well is in the forecast: a channel's doing, or the
        times; one market's fall is beyond it.
    """
    first = np.unique(groups, return_index=True)[1]
    holidays = None if batch.holidays is None else batch.holidays[first]
    index = pooled.index(batch.values, groups, MIN_LISTINGS, MOST_OF_MEAN)
    markets = SeriesBatch(index * COUNTS, batch.days, None, holidays)
    forecast = yearly_regression.fit(markets, params, columns)
    common = pooled.moved_by_others(forecast, COMMON_DAYS, MIN_OTHERS)
    return markets, replace(forecast, expected=forecast.expected * common, dispersion=forecast.dispersion * common)
