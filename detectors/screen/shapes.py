"""What comparable series share: the shape of the week, a season of last year, what holidays and events do.

All of it is read off one index a group: the mean of its series, each in units of its own mean, cut where it is absurd
and weighing by how much it counts. A group with little evidence is drawn towards all groups (empirical Bayes).
"""

from __future__ import annotations

import numpy as np

from detectors.screen.contract import HORIZON, LEAST, MOST, Panel, Params, Reals
from detectors.series import BoolArray, FloatArray, IntArray

WEEKS = 52
RECENT_WEEKS = 26
SMOOTH_WEEKS = 4
FULL_COUNT = 3.0
"""A series that counts this much a point weighs as a whole one in its group's index."""
GROUP_STRENGTH = 20.0
CALENDAR_STRENGTH = 5.0


def phase(panel: Panel, period: int) -> IntArray:
    """Return the place in the week of each point and of the ``HORIZON`` after them, Monday's first being 0."""
    start = int(panel.times[0].astype(np.int64)) if len(panel.times) else 0
    # The epoch was a Thursday.
    return (np.arange(len(panel.times) + HORIZON) + start + 3 * period // 7) % period


def learn(panel: Panel, params: Params) -> FloatArray:
    """Return the factor of each group and point, (n_groups, n_times + HORIZON).

    Parameters
    ----------
    panel : Panel
    params : Params

    Returns
    -------
    ndarray
        1 throughout for a panel without a series, or shorter than two periods.
    """
    n_times = len(panel.times)
    flat = np.ones((panel.n_groups, n_times + HORIZON))
    if params.family == "run" or n_times < 2 * params.period or not len(panel.values):
        return flat
    index, weight = _index(panel, params)
    week = _week(index, weight, phase(panel, params.period)[:n_times], params.period)
    shape = week[:, phase(panel, params.period)]
    level = index / shape[:, :n_times]
    if panel.calendar is not None:
        marked = _calendar(level, weight, panel.calendar, params.period)
        shape, level = shape * marked, level / marked[:, :n_times]
    return shape * _season(level, params.period)


def seen(values: Reals, exposure: Reals | None, params: Params) -> BoolArray:
    """Return where a value can be learnt from: its square must be a number, too."""
    with np.errstate(invalid="ignore"):
        usable = np.abs(values) < MOST
        if params.family in ("positive", "rank"):
            usable &= values > LEAST
    if exposure is not None:
        usable &= (exposure > LEAST) & (exposure < MOST)
    return usable


def _index(panel: Panel, params: Params) -> tuple[FloatArray, FloatArray]:
    """Return each group's mean series and how many whole series are behind each point, (n_groups, n_times)."""
    group = panel.group_of()
    shape = (panel.n_groups, len(panel.times))
    top, bottom = np.zeros(shape), np.zeros(shape)
    for first in range(0, len(panel.values), params.block_rows):
        rows = slice(first, first + params.block_rows)
        values = np.asarray(panel.values[rows], dtype=np.float32)
        exposure = None if panel.exposure is None else np.asarray(panel.exposure[rows], dtype=np.float32)
        told = seen(values, exposure, params)
        values = np.where(told, values, np.float32(0.0))
        offered = told.astype(np.float32) if exposure is None else np.where(told, exposure, np.float32(0.0))
        values, usual, weight = _in_own_units(values, offered, told, params)
        member = np.zeros((panel.n_groups, len(values)), dtype=np.float32)
        member[group[rows], np.arange(len(values))] = weight
        top += (member / np.where(usual > 0, usual, 1.0)) @ values
        bottom += member @ (offered if exposure is None else offered / _mean(offered, told)[:, None])
    top, bottom = _towards_all(top, bottom)
    with np.errstate(invalid="ignore", divide="ignore"):
        index = np.where(bottom > 0, top / bottom, np.nan)
    mean = np.nanmean(np.where(np.isnan(index), np.nan, index), axis=1, keepdims=True) if index.size else index
    return _filled(index / np.where(mean > 0, mean, 1.0)), bottom


def _mean(values: Reals, told: BoolArray) -> Reals:
    count = np.maximum(told.sum(axis=1), 1).astype(np.float32)
    mean = values.sum(axis=1) / count
    return np.asarray(np.where(mean > 0, mean, 1.0), dtype=np.float32)


def _in_own_units(values: Reals, offered: Reals, told: BoolArray, params: Params) -> tuple[Reals, Reals, Reals]:
    """Return values cut at eight times their mean, that mean, and how much the series weighs."""
    mean = values.sum(axis=1) / np.maximum(offered.sum(axis=1), np.float32(1e-30))
    slack = np.float32(params.slack if params.family in ("count", "ratio") else 0.0)
    cut = np.minimum(values, (np.float32(8.0) * mean)[:, None] * offered + slack)
    count = np.maximum(told.sum(axis=1), 1)
    usual = cut.sum(axis=1) / count
    weight = np.ones_like(usual)
    if params.family in ("count", "ratio"):
        weight = np.minimum(usual / np.float32(FULL_COUNT), np.float32(1.0))
    return cut, np.asarray(usual, dtype=np.float32), np.asarray(weight, dtype=np.float32)


def _towards_all(top: FloatArray, bottom: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give each group a share of all groups' evidence, worth ``GROUP_STRENGTH`` series."""
    if len(top) == 1:
        return top, bottom
    share = GROUP_STRENGTH / max(float(bottom.sum(axis=0).max(initial=0.0)), 1e-12)
    return top + share * top.sum(axis=0), bottom + share * bottom.sum(axis=0)


def _filled(index: FloatArray) -> FloatArray:
    """Return the index with what is missing taken from the point before, or 1."""
    at = np.where(np.isnan(index), -1, np.arange(index.shape[1]))
    last = np.maximum.accumulate(at, axis=1)
    return np.where(last >= 0, np.take_along_axis(index, np.maximum(last, 0), axis=1), 1.0)


def smooth(index: FloatArray, width: int) -> FloatArray:
    """Return the centred mean of ``width`` points, fewer at the ends."""
    total = np.cumsum(np.pad(index, ((0, 0), (1, 0))), axis=1)
    at = np.arange(index.shape[1])
    first, last = np.maximum(at - width // 2, 0), np.minimum(at + width // 2 + 1, index.shape[1])
    return np.asarray((total[:, last] - total[:, first]) / (last - first), dtype=np.float64)


def _week(index: FloatArray, weight: FloatArray, place: IntArray, period: int) -> FloatArray:
    """Return the factor of each place in the week, (n_groups, period): the median ratio to the week around a point."""
    ratio = index / np.maximum(smooth(index, period), 1e-9)
    ratio = ratio[:, -RECENT_WEEKS * period :]
    recent = place[-RECENT_WEEKS * period :]
    week = np.stack([np.median(ratio[:, recent == one], axis=1) for one in range(period)], axis=1)
    evidence = weight[:, -RECENT_WEEKS * period :].sum(axis=1, keepdims=True) / period
    week = (week * evidence + 2.0) / (evidence + 2.0)
    return np.asarray(np.clip(week / week.mean(axis=1, keepdims=True), 0.05, 20.0), dtype=np.float64)


def _calendar(level: FloatArray, weight: FloatArray, calendar: BoolArray, period: int) -> FloatArray:
    """Return what each group's marked points are multiplied by: one factor a kind, drawn towards 1."""
    n_times = level.shape[1]
    usual = smooth(level, 3 * period)
    factor = np.ones((len(level), calendar.shape[2]))
    for kind in calendar:
        known = kind[:, :n_times]
        mass = np.minimum(weight, GROUP_STRENGTH) / GROUP_STRENGTH
        ratio = np.where(known, level / np.maximum(usual, 1e-9), 0.0) * mass
        all_top, all_count = ratio.sum(), (known * mass).sum()
        pooled = (all_top + CALENDAR_STRENGTH) / (all_count + CALENDAR_STRENGTH)
        count = (known * mass).sum(axis=1)
        own = (ratio.sum(axis=1) + CALENDAR_STRENGTH * pooled) / (count + CALENDAR_STRENGTH)
        factor = np.where(kind, factor * np.clip(own, 0.05, 20.0)[:, None], factor)
    return factor


def _season(level: FloatArray, period: int) -> FloatArray:
    """Return how last year moved around each of the last points, (n_groups, n_times + HORIZON); 1 where unknown.

    As far as last year's weeks told this year's: the power is the slope of one on the other, within 0 and 1.
    """
    n_groups, n_times = level.shape
    year, month = WEEKS * period, SMOOTH_WEEKS * period
    season = np.ones((n_groups, n_times + HORIZON))
    if n_times < year + 3 * month:
        return season
    curve = np.log(np.maximum(smooth(level, month + 1), 1e-6))
    last_year = np.concatenate([curve[:, :year], curve[:, : n_times + HORIZON - year]], axis=1)
    at = np.arange(max(year + month, n_times - 6 * month), n_times - month // 2)
    then = last_year[:, at] - last_year[:, at - month]
    now = curve[:, at] - curve[:, at - month]
    slope = float((then * now).sum() / max(float((then * then).sum()), 1e-12))
    season[:, year:] = np.exp(np.clip(slope, 0.0, 1.0) * last_year[:, year:])
    season[:, :year] = season[:, year : year + 1]
    return season
