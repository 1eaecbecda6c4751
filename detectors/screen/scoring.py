"""New points held against a baseline: the one function that both a sweep and a single arrival are judged by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors import families
from detectors.screen import conformal, tails
from detectors.screen.contract import (
    HORIZON,
    IMPOSSIBLE,
    JUDGED,
    LEAST,
    MOST,
    NO_EXPOSURE,
    NO_VALUE,
    NOT_FINITE,
    TOO_OLD,
    Baseline,
    Scores,
)  # fmt: skip
from detectors.screen.tails import Asked
from detectors.series import FloatArray, IntArray

TAIL = 0.005


def score(
    baseline: Baseline, rows: IntArray, day: np.datetime64 | NDArray[np.datetime64], values: FloatArray,
    exposure: FloatArray | None = None, *, bands: bool = True,
) -> Scores:  # fmt: skip
    """Judge new points.

    Parameters
    ----------
    baseline : Baseline
    rows : ndarray of int, shape (n_points,)
        Which series each point is of.
    day : datetime64, or ndarray of them, shape (n_points,)
        From the baseline's start on, within its horizon; what is known of holidays is in the baseline.
    values : ndarray, shape (n_points,)
    exposure : ndarray, shape (n_points,), optional
        Of ratios.
    bands : bool
        Whether to tell ``lower`` and ``upper``, NaN without: their quantiles cost as much as the rest.

    Returns
    -------
    Scores
        The p-value is 1 where ``reason`` is not 0, never NaN.
    """
    values = np.asarray(values, dtype=np.float64)
    ahead = np.broadcast_to(np.asarray(day - baseline.start).astype(np.int64), values.shape)
    reason = _reasons(baseline, rows, ahead, values, exposure)
    good = np.flatnonzero(reason == JUDGED)
    found = [np.full(values.shape, np.nan) for _ in range(3)]
    p_value, sure = np.ones(values.shape), np.zeros(values.shape)
    if baseline.params.family == "run":
        p_value[good] = _run(baseline, rows[good], values[good])
        sure[good] = baseline.points[rows[good]] / (baseline.points[rows[good]] + 8.0)
        return Scores(found[0], found[1], found[2], p_value, sure, reason)
    told = np.flatnonzero((reason == JUDGED) | (reason == NO_VALUE) | (reason == NOT_FINITE))
    if baseline.params.family == "ratio" and exposure is None:
        told = good
    asked = _asked(baseline, rows[told], ahead[told], values[told], None if exposure is None else exposure[told])
    found[0][told] = asked.expected[0]
    sure[told] = _sure(asked, baseline.params.family)
    if bands:
        found[1][told], found[2][told] = tails.band(asked, baseline.params, TAIL)
    part = np.isin(told, good)
    own = _only(asked, part)
    segment = baseline.segment[rows[good]]
    p_value[good] = conformal.p_values(tails.strength(own, baseline.params), segment, baseline.ranks, baseline.tail)
    return Scores(found[0], found[1], found[2], p_value, sure, reason)


def _reasons(
    baseline: Baseline, rows: IntArray, ahead: IntArray, values: FloatArray, exposure: FloatArray | None
) -> NDArray[np.int8]:
    """Return why a point cannot be judged; the first that holds is told."""
    reason = baseline.reason[rows].copy()
    judged = reason == JUDGED
    if baseline.params.family in ("positive", "rank"):
        # A price or rank of nothing is none.
        reason[judged & (values <= LEAST)] = NO_VALUE
    reason[judged & (np.abs(values) >= MOST)] = NOT_FINITE
    reason[judged & np.isnan(values)] = NO_VALUE
    if exposure is not None:
        none = ~((exposure > LEAST) & (exposure < MOST))
        reason[judged & none] = NO_EXPOSURE
        reason[judged & ~none & (values > exposure)] = IMPOSSIBLE
    reason[(ahead < 0) | (ahead >= HORIZON)] = TOO_OLD
    return reason


def _run(baseline: Baseline, rows: IntArray, values: FloatArray) -> FloatArray:
    run = np.where(values > 0, 0.0, baseline.kept[rows] + 1.0)
    return families.run_tail(run, baseline.starts[rows].astype(np.float64), baseline.stays[rows].astype(np.float64))


def _asked(
    baseline: Baseline, rows: IntArray, ahead: IntArray, values: FloatArray, exposure: FloatArray | None
) -> Asked:
    """Put the point into its windows: what was seen before it, and it."""
    unit = baseline.shape[baseline.group[rows], ahead] * baseline.own_week[ahead, rows]
    if exposure is not None:
        unit = unit * np.where(np.isfinite(exposure), exposure, np.nan)
    behind = len(baseline.recent)
    observed, expected, trials = [], [], []
    for at, width in enumerate(baseline.params.windows[: len(baseline.level)]):
        # Of a later point the days that lie between are unknown: they count on neither side.
        kept = np.clip(width - 1 - ahead, 0, behind)
        weight = np.arange(behind)[:, None] >= behind - kept
        observed.append(values + _behind(baseline.recent, rows, weight))
        expected.append((unit + _behind(baseline.offered, rows, weight)) * baseline.level[at, rows])
        if baseline.exposed is not None and exposure is not None:
            trials.append(exposure + _behind(baseline.exposed, rows, weight))
    variance = baseline.level_variance[:, rows] + baseline.drift[baseline.segment[rows]].T
    return Asked(
        np.array(observed), np.array(expected), baseline.dispersion[rows].astype(np.float64),
        variance.astype(np.float64), np.array(trials) if trials else None,
    )  # fmt: skip


def _behind(recent: NDArray[np.float32], rows: IntArray, weight: NDArray[np.bool_]) -> FloatArray:
    return np.asarray(np.where(weight, recent[:, rows], 0.0).sum(axis=0, dtype=np.float64))


def _sure(asked: Asked, family: str) -> FloatArray:
    """Return one over one plus the level's variance in units of a point's own."""
    point = (
        asked.dispersion if family in ("positive", "rank") else asked.dispersion / np.maximum(asked.expected[0], 1e-9)
    )
    return np.asarray(np.nan_to_num(1.0 / (1.0 + asked.variance[0] / np.maximum(point, 1e-12))), dtype=np.float64)


def _only(asked: Asked, part: NDArray[np.bool_]) -> Asked:
    return Asked(
        asked.observed[:, part], asked.expected[:, part], asked.dispersion[part], asked.variance[:, part],
        None if asked.trials is None else asked.trials[:, part],
    )  # fmt: skip
