"""Daily series of the sandbox's demand, two years and a day of each, the last day labelled.

Impressions, page views and booking events of simulated listings, a third each, so that busy and sparse ones are among
them. A fiftieth of the past is missing, half of the series had a problem once, and a half of them has one now: it began
up to six days ago and takes 30 to 90 % away, or (one in five) multiplies what was there by up to three.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.demand import build_funnel, run_funnel, usual_rates
from sandbox.portfolio import draw_portfolio

FloatArray = NDArray[np.float64]
T0 = date(2026, 3, 30)
DAYS = 730
GAPS, TROUBLED, SURGES, LONGEST_DAYS = 0.02, 0.5, 0.2, 7


@dataclass(frozen=True)
class Series:
    """``past`` (n, DAYS) with gaps, ``newest`` (n,), ``labels`` (n,), the market of each, and the days of the past."""

    past: FloatArray
    newest: FloatArray
    labels: NDArray[np.bool_]
    groups: NDArray[np.int64]
    days: NDArray[np.datetime64]


def draw(seed: int, count: int) -> Series:
    """Draw that many series; the same seed gives the same."""
    rng = np.random.default_rng([seed, 730])
    listings = -(-count // 3)
    book = draw_portfolio(seed, max(listings, 40))
    first = T0 - timedelta(days=DAYS)
    funnel = build_funnel(book, seed, first, DAYS + 1)
    whole = slice(0, DAYS + 1)
    counts = run_funnel(funnel, usual_rates(funnel, book, whole), whole)
    parts = [one[:listings].astype(np.float64) for one in (counts.impressions, counts.views, counts.events)]
    values = np.stack(parts, axis=1).reshape(-1, DAYS + 1)[:count]
    labels = _trouble(values, rng)
    past = values[:, :DAYS].copy()
    past[rng.random(past.shape) < GAPS] = np.nan
    days = np.datetime64(first) + np.arange(DAYS)
    return Series(past, values[:, DAYS], labels, np.repeat(book.market_index[:listings], 3)[:count], days)


def _trouble(values: FloatArray, rng: np.random.Generator) -> Any:
    """Put problems into the past and on the last days, and say where the last day has one."""
    for row in np.flatnonzero(rng.random(len(values)) < TROUBLED):
        start, length = int(rng.integers(30, DAYS - 60)), int(rng.integers(3, 22))
        span = slice(start, start + length)
        values[row, span] = rng.binomial(values[row, span].astype(np.int64), rng.uniform(0.1, 0.6))
    labels = np.arange(len(values)) % 2 == 0
    for row in np.flatnonzero(labels):
        span = slice(DAYS - int(rng.integers(0, LONGEST_DAYS)), DAYS + 1)
        if rng.random() < SURGES:
            values[row, span] = np.round(values[row, span] * rng.uniform(1.5, 3.0))
        else:
            values[row, span] = rng.binomial(values[row, span].astype(np.int64), rng.uniform(0.1, 0.7))
    return labels
