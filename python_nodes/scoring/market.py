"""Whole markets as series: what each one's listings had together, and what they should have had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors import breadth, pooled, shared
from detectors.baselines import yearly_regression
from detectors.series import Forecast, SeriesBatch
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray

MIN_LISTINGS = 5
"""A market of fewer listings that tell is those listings, not a market."""
MOST = 0.1
"""One listing is at most a tenth of its market."""
MIN_OTHERS = 2
SHARED_DAYS = 5
SHARED = 0.5
CHANNEL, MARKET = 0, 1
SHARED_PARAMS = shared.Params()
BROAD_DAYS = 7
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


@dataclass(frozen=True, slots=True)
class Places:
    """Channel, market and property of each listing, from 0 without a gap; (n_listings,)."""

    channels: IntArray
    markets: IntArray
    properties: IntArray


@dataclass(frozen=True, slots=True)
class Together:
    """What befell whole channels and markets by a rate of their listings."""

    sums: shared.Sums
    moves: shared.Moves
    places: Places

    def factor(self) -> FloatArray:
        """Return what is left of each listing's expectation, (n_listings, n_days)."""
        return shared.factor(self.sums, self.moves)


def together(forecast: Forecast, places: Places) -> Together:
    """Tell apart what channels and what markets did, from listings' own expectations.

    Parameters
    ----------
    forecast : Forecast
        Row ``i`` is listing ``i``.
    places : Places

    Returns
    -------
    Together
    """
    found = shared.sums(forecast, places.channels, places.markets, SHARED_PARAMS)
    return Together(found, shared.moves(found, SHARED_PARAMS), places)


def of_groups(found: Together, batch: SeriesBatch, scope: str) -> tuple[IntArray, SeriesBatch, Forecast]:
    """Return each channel or market as one series, without what the other kind did.

    Parameters
    ----------
    found : Together
    batch : SeriesBatch
        What the forecast was made of.
    scope : str
        "channel" or "market".

    Returns
    -------
    tuple of ndarray of int, SeriesBatch and Forecast
        The group of each listing; row ``g`` of the others is group ``g``.
    """
    kind, group = (CHANNEL, found.places.channels) if scope == "channel" else (MARKET, found.places.markets)
    own = shared.as_series(found.sums, found.moves, kind, SHARED_PARAMS)
    marks = (np.arange(own.expected.shape[0])[:, None] == group[None, :]).astype(np.float64)
    exposure = None if batch.exposure is None else marks @ (found.sums.weight * np.nan_to_num(batch.exposure))
    return group, SeriesBatch(own.capped, batch.days, exposure), own


def broad(found: Together, forecast: Forecast, group: IntArray) -> BoolArray:
    """Return where a channel or market has fallen without its worst property, too, (n_groups, n_days).

    A house of many rooms whose page is broken is no market: it has a finding of its own.
    """
    told = np.isfinite(forecast.expected) & np.isfinite(forecast.capped)
    observed, expected = (np.where(told, found.sums.weight * one, 0.0) for one in (forecast.capped, forecast.expected))
    return breadth.is_broad(observed, expected, group, found.places.properties, BROAD_DAYS, SHARED)
