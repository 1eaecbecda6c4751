"""More exposure than the step before it brings: how far what is watched follows it, and what is then believed of it.

Views times as many as usual of impressions that stayed the same are visitors whom no search brought: bots, a tracker
counted twice, a link passed round. A rate told by them falls although nobody books less. ``usual`` is the step before
times the rate that it lately brought; what is over it, in the logarithm, counts by ``follows``: 1 believes all of it,
0 none. Less than usual is believed as it is, so that what really fell is not hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import signal, special

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring.learn.changes import Exposure

ABOVE = {"listing_views": "search_impressions"}
"""The step of the funnel before each that some watch's counts are held against."""
HALF_LIFE_DAYS = 28.0
POOL = 200.0
"""Counts of the step before that the rate of all listings weighs as, beside a listing's own."""
BLOCK_DAYS = 28
"""Within so many days a rate is taken as steady, so that only days are held against one another."""
PRIOR_SD = 0.25
"""Before anything was counted, exposure is believed, give or take this much."""
GRID = np.linspace(0.0, 1.0, 41)


@dataclass(frozen=True, slots=True)
class Follows:
    """By how much counts follow a surplus of their exposure: mean, and how sure it is that it is under `DOUBTED`.

    ``evidence`` is the log of how likely the counts are, whatever they follow by, over that of exposure believed;
    ``dispersion`` Pearson's variance ÷ mean.
    """

    mean: float
    doubted: float
    evidence: float
    dispersion: float


@dataclass(frozen=True, slots=True)
class Told:
    """Counts, their exposure and what is `usual` of it, each (n_listings, n_days)."""

    counts: FloatArray
    exposure: FloatArray
    usual: FloatArray

    def of(self, rows: Sequence[int]) -> Told:
        """Return some listings'."""
        return Told(self.counts[rows], self.exposure[rows], self.usual[rows])


DOUBTED = 0.75
"""Exposure whose surplus counts for more than this is as good as any."""


def usual(exposure: FloatArray, above: FloatArray) -> FloatArray:
    """Return what the step before should have brought, (n_listings, n_days), by each day and those before it.

    Parameters
    ----------
    exposure, above : ndarray, shape (n_listings, n_days)
        Counts of the step and of the one before it; NaN where not told.

    Returns
    -------
    ndarray
        ``above`` times the rate of the last weeks, drawn towards that of all; NaN where either is not told.
    """
    told = np.isfinite(exposure) & np.isfinite(above)
    reached = _faded(np.where(told, exposure, 0.0))
    shown = _faded(np.where(told, above, 0.0))
    all_shown = np.maximum(shown.sum(axis=0), 1.0)
    common = reached.sum(axis=0) / all_shown
    rate = (reached + POOL * common[None, :]) / (shown + POOL)
    return np.where(told, above * rate, np.nan)


def held(exposure: FloatArray, wanted: FloatArray, follows: float) -> FloatArray:
    """Return the exposure with what is over ``wanted`` counted by ``follows`` only; as it is where that is unknown."""
    over = np.isfinite(wanted) & (wanted > 0.0) & (exposure > wanted)
    share = np.divide(exposure, wanted, out=np.ones_like(exposure), where=over)
    return np.where(over, wanted * share**follows, exposure)


def believed(
    changes: Sequence[Exposure], metric: str, name: str | None, exposure: FloatArray | None, listing_ids: IntArray,
    told: Callable[[str], FloatArray | None],
) -> FloatArray | None:  # fmt: skip
    """Return a watch's exposure as what was learnt believes it, (n_listings, n_days); not changed in place.

    Parameters
    ----------
    changes : sequence of Exposure
    metric, name : str
        What is watched, beside which exposure.
    exposure : ndarray, shape (n_listings, n_days), optional
    listing_ids : ndarray of int
    told : callable
        Another metric's values on the same listings and days; None where it is not told.

    Returns
    -------
    ndarray, or None where there was none
    """
    result = exposure
    for one in changes:
        above = told(one.above) if (one.metric, one.exposure) == (metric, name) else None
        if above is None or result is None:
            continue
        rows = np.isin(listing_ids, one.listing_ids)
        result = result.copy() if result is exposure else result
        result[rows] = held(result[rows], usual(result, above)[rows], one.follows)
    return result


def follows(one: Told, dispersion: float | None = None) -> Follows:
    """Return how far counts follow their exposure where that is more than the step before brings.

    Parameters
    ----------
    one : Told
    dispersion : float, optional
        Variance ÷ mean; None takes Pearson's of the likeliest.

    Returns
    -------
    Follows

    Notes
    -----
    Of each listing's counts in a block of days the split over its days is multinomial, in proportion to `held`; so the
    level of its rate does not matter. The log-likelihood is divided by the dispersion; the prior is a normal around 1,
    cut at 0 and 1; the posterior is summed on a grid.
    """
    parts = [slice(at, at + BLOCK_DAYS) for at in range(0, one.counts.shape[1], BLOCK_DAYS)]
    told = np.isfinite(one.counts) & np.isfinite(one.exposure) & np.isfinite(one.usual) & (one.exposure > 0.0)
    found = [_fits(one.counts, held(one.exposure, one.usual, float(at)), told, parts) for at in GRID]
    logs, pearson = np.array([each[0] for each in found]), np.array([each[1] for each in found])
    spread = max(float(pearson[int(np.argmax(logs))]), 1.0) if dispersion is None else dispersion
    prior = special.log_softmax(-0.5 * ((GRID - 1.0) / PRIOR_SD) ** 2)
    joint = (logs - logs[-1]) / spread + prior
    total = float(special.logsumexp(joint))
    posterior = np.exp(joint - total)
    return Follows(float((posterior * GRID).sum()), float(posterior[GRID < DOUBTED].sum()), total, spread)


def _fits(counts: FloatArray, exposure: FloatArray, told: BoolArray, parts: Sequence[slice]) -> tuple[float, float]:
    """Return the log-likelihood of the split of counts over days, and Pearson's variance ÷ mean."""
    likelihood, squares, free = 0.0, 0.0, 0
    for part in parts:
        seen = np.where(told[:, part], counts[:, part], 0.0)
        weight = np.where(told[:, part], exposure[:, part], 0.0)
        share = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
        mean = share * seen.sum(axis=1, keepdims=True)
        at = mean > 0.0
        likelihood += float((seen[at] * np.log(share[at])).sum())
        squares += float(((seen[at] - mean[at]) ** 2 / mean[at]).sum())
        free += int(at.sum() - at.any(axis=1).sum())
    return likelihood, squares / max(free, 1)


def _faded(values: FloatArray) -> FloatArray:
    """Return the sum of each day and those before it, each half as heavy as `HALF_LIFE_DAYS` later."""
    kept = 0.5 ** (1.0 / HALF_LIFE_DAYS)
    return np.asarray(signal.lfilter([1.0], [1.0, -kept], values, axis=-1), dtype=np.float64)
