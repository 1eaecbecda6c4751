"""From a panel of the past to what judges the next points: learn what series share, then fit each with it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from threadpoolctl import ThreadpoolController

from detectors.screen import conformal, pools, rolling, runs, shapes, tails
from detectors.screen.contract import JUDGED, NEVER_ANYTHING, TOO_SHORT, Baseline, Panel, Params, Priors, Reals
from detectors.series import FloatArray, IntArray

CALIBRATED_DAYS = 14
RATIO_STRENGTH_SD = 0.5
"""How far apart ratios of one group are taken to lie, as a share: what a new listing's level is drawn by."""


def learn(panel: Panel, params: Params) -> Priors:
    """Learn what the series of a panel share.

    Parameters
    ----------
    panel : Panel
    params : Params

    Returns
    -------
    Priors
    """
    with _one_thread().limit(limits=1):
        return _fitted(panel, params, None)[1]


def fit(panel: Panel, priors: Priors, params: Params) -> Baseline:
    """Return the baseline of each series, given what series share.

    Parameters
    ----------
    panel : Panel
    priors : Priors
        Of the same times and groups.
    params : Params
    """
    with _one_thread().limit(limits=1):
        return _fitted(panel, params, priors)[0]


def fit_pooled(panel: Panel, params: Params) -> Baseline:
    """Return what `fit` does with what `learn` learns from the same panel, at half the cost.

    Parameters
    ----------
    panel : Panel
    params : Params
    """
    with _one_thread().limit(limits=1):
        return _fitted(panel, params, None)[0]


@lru_cache(maxsize=1)
def _one_thread() -> ThreadpoolController:
    """Return what keeps BLAS to one thread: at products this small the others only spin, at four times the CPU."""
    return ThreadpoolController()


def _fitted(panel: Panel, params: Params, given: Priors | None) -> tuple[Baseline, Priors]:
    """Learn what is not given, and fit."""
    if params.family == "run" or not len(panel.values) or not rolling.span(len(panel.times), params):
        return runs.fit(panel, params, given)
    shape = shapes.learn(panel, params) if given is None else given.shape
    rolled, week = rolling.roll(panel, shape, params, None if given is None else given.week_variance)
    group = panel.group_of()
    prior = _group_level(rolled, group, panel.n_groups, params) if given is None else given.level
    told = pools.levels(rolled, prior, group)
    segment = pools.segments(rolled, told, params)
    blend = pools.blend(rolled, told, segment, params) if given is None else given.blend
    one = pools.judged(rolled, told, blend, segment, _trials(panel, params, len(rolled.values)))
    own, count = pools.dispersions(one, params)
    pooled = pools.pooled_dispersion(own, count, segment, params) if given is None else given.dispersion
    dispersion = pools.shrunk(own, count, pooled, segment, params)
    drift = pools.drift(one, dispersion, segment, params) if given is None else given.drift
    begin = np.maximum(len(rolled.values) + 1 - np.array(params.windows), 0)
    variance = pools.level_variance(one, blend, dispersion, segment, params, begin)
    if given is None:
        ranks, tail = _ranks(one, dispersion, variance + drift[segment].T.astype(np.float32), segment, params)
        given = Priors(shape, week, prior, blend, pooled, drift, ranks, tail)
    return _baseline(panel, params, given, one, segment, dispersion, variance, begin), given


def _trials(panel: Panel, params: Params, rolled: int) -> Reals | None:
    """Return the exposure of the last points where a value's is told, (rolled, n)."""
    if params.family != "ratio" or panel.exposure is None:
        return None
    start = len(panel.times) - rolled
    values, exposure = panel.values[:, start:], np.asarray(panel.exposure[:, start:], dtype=np.float32)
    told = shapes.seen(np.asarray(values, dtype=np.float32), exposure, params)
    return np.ascontiguousarray(np.where(told, exposure, np.float32(0.0)).T)


def _group_level(rolled: rolling.Rolled, group: IntArray, n_groups: int, params: Params) -> FloatArray:
    """Return each group's mean ratio and the exposure that it counts as; of what is no ratio nothing is borrowed."""
    found = np.zeros((n_groups, 2))
    if params.family != "ratio":
        return found
    total = np.bincount(group, rolled.total[-1, -1], n_groups)
    offered = np.bincount(group, rolled.offered[-1, -1], n_groups)
    everyone = total.sum() / max(offered.sum(), 1e-30)
    mean = np.where(total > 0, total / np.maximum(offered, 1e-30), everyone)
    found[:, 0] = mean
    # A gamma of that spread around the mean is worth 1 / sd² counts.
    found[:, 1] = np.where(mean > 0, 1.0 / RATIO_STRENGTH_SD**2 / np.maximum(mean, 1e-30), 0.0)
    return found


def _ranks(
    one: pools.Judged, dispersion: Reals, variance: Reals, segment: IntArray, params: Params
) -> tuple[FloatArray, FloatArray]:
    """Return the strengths of the last weeks' points, each by the levels before it."""
    rolled = one.rolled
    at = np.arange(len(rolled.values) - 1, max(len(rolled.values) - 2 * CALIBRATED_DAYS, 0) - 1, -2)
    strengths, where = [np.empty(0)], [np.empty(0, dtype=np.int64)]
    for which in range(len(params.segment_edges) + 1):
        rows = np.flatnonzero((segment == which) & (rolled.points >= params.min_points) & rolled.varied)
        rows = rows[:: max(1, len(rows) * len(at) // params.calibration_points)]
        if not len(rows):
            continue
        known = (rolled.usable[at][:, rows] & (one.level[at][:, rows] > 0)).ravel()
        questions = pools.asked(one, at, rows, dispersion, variance, params)
        strengths.append(tails.strength(questions, params)[known])
        where.append(np.full(int(known.sum()), which))
    return conformal.learn(np.concatenate(strengths), np.concatenate(where), len(params.segment_edges) + 1)


def _baseline(
    panel: Panel, params: Params, priors: Priors, one: pools.Judged, segment: IntArray, dispersion: Reals, variance:
    Reals, begin: IntArray,
) -> Baseline:  # fmt: skip
    """Keep what judges the next points, and nothing else."""
    rolled, n_series = one.rolled, len(panel.values)
    behind = min(max(params.windows) - 1, len(rolled.values))
    reason = np.full(n_series, JUDGED, dtype=np.int8)
    reason[~rolled.varied | ~(one.level[-1] > 0)] = NEVER_ANYTHING
    reason[rolled.points < params.min_points] = TOO_SHORT
    whole = np.array(params.windows) <= len(rolled.values) + 1
    level = np.where(whole[:, None], one.level[begin], np.float32(np.nan))
    exposed = None
    if one.trials is not None:
        exposed = np.diff(one.trials, axis=0)[len(rolled.values) - behind :]
    nothing = np.zeros(n_series, dtype=np.float32)
    return Baseline(
        params, runs.start_of(panel), priors.shape[:, len(panel.times) :], panel.group_of(), segment,
        rolled.own_week[rolling.horizon_place(panel, params)], np.asarray(level, dtype=np.float32), variance,
        dispersion, rolled.values[len(rolled.values) - behind :], rolled.unit[len(rolled.values) - behind :],
        exposed, rolled.points, reason, priors.drift, priors.ranks, priors.tail, nothing, nothing, nothing,
    )  # fmt: skip
