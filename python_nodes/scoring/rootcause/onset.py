"""On which day it broke, as a distribution: where the steps of the funnel, the rank and the neighbours' price move."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring.rootcause.case import LEVELS, SCAN_DAYS, Panel
from python_nodes.scoring.rootcause.funnel import HALF, Step

SEEN_WEIGHT = 0.9
"""A guard's day is the day it broke, but for so much: a poll can be late."""
LEVEL_SD = 0.08
"""The least spread of the log of a rank or a price from day to day."""
MOST_SUPPORT = 60.0
MIN_BEFORE = 14


def posterior(
    steps: tuple[Step, ...], panel: Panel, seen: IntArray
) -> FloatArray:  # fmt: skip
    """Return the probability of each day of the scan, and of today, as the first one, (n, SCAN_DAYS + 1).

    The likelihood ratio of a change on a day over none, of counts that are Poisson but for their spread, and of levels
    that are normal; each day equally likely beforehand. The last entry is today, whose figures are not told yet.

    Parameters
    ----------
    steps : tuple of Step
        As from `funnel.steps`.
    panel : Panel
    seen : ndarray, shape (n,)
        Column of the day that a guard saw (``n_days`` is today), -1 where none did.
    """
    support = np.zeros((panel.days.size + 1, seen.size)).T
    for step in steps:
        support[:, :-1] += _of_counts(step)
    for name in LEVELS:
        support[:, :-1] += _of_level(panel.own[name])
    scanned = np.minimum(support[:, -(SCAN_DAYS + 1) :], MOST_SUPPORT)
    # Today's change has moved no figure: it is as likely as any, no more.
    scanned -= scanned.max(axis=1, keepdims=True)
    told = np.exp(scanned)
    told /= told.sum(axis=1, keepdims=True)
    first = panel.days.size + 1 - told.shape[1]
    place = np.clip(seen - first, 0, told.shape[1] - 1)
    sure = np.zeros_like(told)
    sure[np.arange(seen.size), place] = 1.0
    weight = np.where(seen >= 0, SEEN_WEIGHT, 0.0)[:, None]
    return np.asarray(weight * sure + (1.0 - weight) * told)


def likeliest(told: FloatArray, n_days: int) -> IntArray:
    """Return the column of the likeliest first day, (n,)."""
    return np.asarray(told.argmax(axis=1) + n_days + 1 - told.shape[1], dtype=np.int64)


def _of_counts(step: Step) -> FloatArray:
    """Return the log-likelihood ratio of a change on each day, (n, n_days)."""
    count, exposure = np.nan_to_num(step.count), np.nan_to_num(step.exposure)
    done, given = np.cumsum(count, axis=1), np.cumsum(exposure, axis=1)
    b, past = done - count, given - exposure
    n, since = done[:, -1:] - b, given[:, -1:] - past
    known = (past > 0) & (since > 0)
    usual, now = (b + HALF) / np.maximum(past, 1e-9), (n + HALF) / np.maximum(since, 1e-9)
    whole = (done[:, -1:] + HALF) / np.maximum(given[:, -1:], 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = n * np.log(now / whole) + b * np.log(usual / whole)
    return np.asarray(np.where(known, np.maximum(ratio, 0.0), 0.0) / step.spread[:, None])


def _of_level(level: FloatArray) -> FloatArray:
    """Return the same of a level whose mean moves; half of it, since neighbouring days are alike."""
    there = np.isfinite(level)
    value, one = np.nan_to_num(level), there.astype(np.float64)
    total, days = np.cumsum(value, axis=1), np.cumsum(one, axis=1)
    before, past = total - value, days - one
    after, since = total[:, -1:] - before, days[:, -1:] - past
    known = (past >= MIN_BEFORE) & (since > 0)
    moved = after / np.maximum(since, 1) - before / np.maximum(past, 1)
    half = slice(0, level.shape[1] // 2)
    mean = value[:, half].sum(axis=1) / np.maximum(one[:, half].sum(axis=1), 1)
    square = (np.where(there, value - mean[:, None], 0.0) ** 2)[:, half].sum(axis=1)
    sd = np.maximum(np.sqrt(square / np.maximum(one[:, half].sum(axis=1), 1)), LEVEL_SD)
    weight = past * since / np.maximum(past + since, 1)
    return np.asarray(np.where(known, 0.25 * weight * (moved / sd[:, None]) ** 2, 0.0))


def level_change(level: FloatArray, onset: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the log-change of a level since the onset and its z, (n,) each; 0 where untold."""
    column = np.arange(level.shape[1])[None, :]
    there = np.isfinite(level)
    value = np.nan_to_num(level)
    after = there & (column >= onset[:, None])
    before = there & (column < onset[:, None])
    past, since = before.sum(axis=1), after.sum(axis=1)
    mean = (value * before).sum(axis=1) / np.maximum(past, 1)
    spread = (np.where(before, value - mean[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(past, 1)
    sd = np.maximum(np.sqrt(spread), LEVEL_SD)
    known = (past >= MIN_BEFORE) & (since > 0)
    moved = np.where(known, (value * after).sum(axis=1) / np.maximum(since, 1) - mean, 0.0)
    se = sd * np.sqrt(1.0 / np.maximum(since, 1) + 1.0 / np.maximum(past, 1))
    return np.asarray(moved), np.asarray(np.where(known, moved / se, 0.0))
