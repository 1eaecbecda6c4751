"""What a new series borrows: a prior of its level from those most like it, by empirical Bayes.

The logarithms of the likes' levels have a mean and a variance between them; a gamma law of that mean ``m`` and relative
variance ``v`` is the prior, and after ``n`` counts of dispersion ``phi`` over an exposure of ``x`` the level is
``(n + phi / v) / (x + phi / (v m))`` with the relative variance ``phi / (n + phi / v)``: the own counts speak as soon
as they outweigh what the likes differ by. The prior fades out between ``FULL_DAYS`` and ``GONE_DAYS`` days of own past.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.peers import Compared
from detectors.series import FloatArray, IntArray

FULL_DAYS, GONE_DAYS = 28.0, 56.0
JUDGED_DAYS = 28.0
"""A series that borrows counts as having so many days at least."""
LENDS_FROM_DAYS = GONE_DAYS
"""Who still borrows lends nothing: where all are new, the many that have had nothing yet would not be in the mean."""
LEAST_LIKES = 5
LEAST_VARIANCE = 0.01
"""Those most alike are never taken to be more alike than a tenth."""


@dataclass(frozen=True, slots=True)
class LevelPrior:
    """Of some ``rows``: what their level should be, and the variance of its logarithm, both (n_rows, n_times).

    NaN where too few likes are known.
    """

    rows: IntArray
    mean: FloatArray
    variance: FloatArray


@dataclass(frozen=True, slots=True)
class Own:
    """What series know by themselves: ``level``, the ``evidence`` in counts over what was ``offered``, and ``days``.

    All but the level as of a long past, in which a decayed sum is worth ``1 + kept`` times its size in even weights
    (Kish's effective number); in a short past it is worth itself.
    """

    level: FloatArray
    evidence: FloatArray
    offered: FloatArray
    days: FloatArray
    kept: float


def learn(own: Own, beside: Compared | None) -> LevelPrior:
    """Learn the priors of the series that are new on the last day.

    Parameters
    ----------
    own : Own
    beside : Compared, optional
        Whom series are like; where too few of these are told, and without it, all others.

    Returns
    -------
    LevelPrior
    """
    days = own.days / (1.0 + own.kept)
    rows = np.flatnonzero(days[:, -1] < GONE_DAYS) if days.shape[1] else np.zeros(0, dtype=np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where((days >= LENDS_FROM_DAYS) & (own.level > 0), np.log(own.level), np.nan)
    mean, variance = (np.repeat(part, rows.size, axis=0) for part in _moments(logs[None], np.ones((1, len(logs)))))
    if beside is not None and rows.size and beside.near.shape[1]:
        near, spread = _moments(logs[beside.near[rows]], beside.weight[rows])
        mean, variance = np.where(np.isfinite(near), near, mean), np.where(np.isfinite(near), spread, variance)
    return LevelPrior(rows, np.exp(mean), variance)


def lend(prior: LevelPrior, own: Own, dispersion: FloatArray, from_days: float) -> Own:
    """Return what series know of their level with what the new ones borrow; those without a prior keep their own.

    Parameters
    ----------
    prior : LevelPrior
    own : Own
    dispersion : ndarray, shape (n_times,)
        Variance ÷ mean of the counts.
    from_days : float
        From how many own days on a series that borrows counts as having a long enough past.

    Returns
    -------
    Own
    """
    rows = prior.rows
    days = own.days[rows] / (1.0 + own.kept)
    fades = np.clip((GONE_DAYS - days) / (GONE_DAYS - FULL_DAYS), 0.0, 1.0)
    worth = (1.0 + own.kept * (1.0 - fades)) / (1.0 + own.kept)
    lent = fades * dispersion / prior.variance
    counts = worth * own.evidence[rows] + lent
    past = np.where(days >= from_days, np.maximum(own.days[rows], JUDGED_DAYS), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        level = counts / (worth * own.offered[rows] + lent / prior.mean)
    found = Own(own.level.copy(), own.evidence.copy(), own.offered, own.days.copy(), own.kept)
    for whole, part in ((found.level, level), (found.evidence, counts), (found.days, past)):
        whole[rows] = np.where(np.isfinite(level), part, whole[rows])
    return found


def _moments(logs: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return weighted mean and variance over the second axis of (n, k, n_times); NaN where too few told."""
    told = np.isfinite(logs) & (weight > 0)[:, :, None]
    counts = np.where(told, weight[:, :, None], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(told, logs * counts, 0.0).sum(axis=1) / counts.sum(axis=1)
        square = np.where(told, counts * (logs - mean[:, None]) ** 2, 0.0).sum(axis=1) / counts.sum(axis=1)
    enough = told.sum(axis=1) >= LEAST_LIKES
    return np.where(enough, mean, np.nan), np.where(enough, np.maximum(square, LEAST_VARIANCE), np.nan)
