"""Where each watch cuts: so that false alerts come as often as was asked, whatever the volume of a listing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import signal

from detectors import calibrate
from detectors.rules import sequential
from detectors.series import DayArray, Forecast
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring.watches import Watch

RECENT_DAYS = 28
MOST = 0.01
"""A point that one in a hundred quiet ones outdoes is no alarm, however large the budget."""
LEAST_EVIDENCE = 3.0
"""Nor is one whose own likelihoods do not speak for the drop looked for, twenty to one, however rare it is: where
levels never move, a listing with thousands of counts would else be told of a few per cent."""
YOUNG_DAYS = 100
"""Where nothing is known from so many days ago, levels are less sure than where the tails were learnt: theory holds."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How one watch cuts on the last days of its series.

    ``limits`` (n_series, n_days) are what the rule's statistic must reach; ``information``, likewise, tells the volume.
    ``tails`` (n_days,) hold on each day.
    """

    information: FloatArray
    limits: FloatArray
    tails: Sequence[calibrate.Tails]

    def p_value(self, statistic: FloatArray) -> FloatArray:
        """Return of each series' last day how often a quiet one is as strange, (n_series,)."""
        tails = self.tails[-1]
        return calibrate.p_values(tails, calibrate.segments(tails, self.information[:, -1]), statistic)


def of(
    watch: Watch, forecast: Forecast, days: DayArray, columns: int, listings: int, rows: IntArray | None = None
) -> Cut:  # fmt: skip
    """Return the cut on the last ``columns`` days.

    Parameters
    ----------
    watch : Watch
    forecast : Forecast
        What each series should have had: of the past alone, so that a day's cut is the same whenever it is looked at.
    days : ndarray of datetime64[D]
        Of the forecast.
    columns : int
    listings : int
        How many listings the series stand for.
    rows : ndarray of int, optional
        The series whose cut is asked for, of a budget that all of them share. None for all.

    Returns
    -------
    Cut
    """
    held = in_force(watch, days[-columns:], _is_young(forecast, columns))
    allowed = rates(watch, forecast, columns, listings)
    if watch.allowed is not None:
        allowed = allowed * watch.allowed[:, None]
    if rows is not None:
        forecast, allowed = forecast.of(rows), allowed[rows]
    told = information(forecast, columns)
    limits = np.full(told.shape, np.inf)
    for tails, chosen in _spans(held):
        asked = np.minimum(allowed[:, chosen] / tails.clustering, MOST)
        limits[:, chosen] = calibrate.limits(tails, calibrate.segments(tails, told[:, chosen]), asked)
    if isinstance(watch.rule_params, sequential.Params):
        limits = np.maximum(limits, LEAST_EVIDENCE)
    return Cut(told, limits, held)


def p_values(
    watch: Watch, forecast: Forecast, days: DayArray, statistic: FloatArray, information: FloatArray
) -> FloatArray:
    """Return how often a quiet series is as strange, of each of the last days by what held on it.

    Parameters
    ----------
    watch : Watch
    forecast : Forecast
    days : ndarray of datetime64[D]
        Of the forecast.
    statistic, information : ndarray, shape (n_series, n_days)
        Of the last days; what is not known gives 1.

    Returns
    -------
    ndarray, shape (n_series, n_days)
    """
    columns = statistic.shape[1]
    found = np.ones(statistic.shape)
    for tails, chosen in _spans(in_force(watch, days[-columns:], _is_young(forecast, columns))):
        segment = calibrate.segments(tails, information[:, chosen])
        found[:, chosen] = calibrate.p_values(tails, segment, statistic[:, chosen])
    return found


def information(forecast: Forecast, columns: int) -> FloatArray:
    """Return the expected counts a day over their dispersion, of the last weeks before each of the last days."""
    expected = np.where(np.isfinite(forecast.expected), forecast.expected / forecast.dispersion, 0.0)
    return _recent(expected, columns)


def rates(watch: Watch, forecast: Forecast, columns: int, listings: int) -> FloatArray:
    """Return how many false alarms each series may begin on each of the last days, (n_series, n_days)."""
    budget = watch.budget
    count = forecast.expected.shape[0]
    of_all = listings if budget.share else count
    allowed = budget.false_alerts / budget.spends / budget.days * (of_all / budget.listings if budget.listings else 1.0)
    if isinstance(watch.rule_params, sequential.Params):
        return allowed * spend(forecast, budget.full_share_bookings, columns, budget.none_from_bookings)
    return np.full((count, min(columns, forecast.expected.shape[1])), allowed / max(count, 1))


def spend(forecast: Forecast, full_share_count: float, days: int, none_from_count: float = 0.0) -> FloatArray:
    """Return each series' share of the false-alert budget on each of the last days: more where a drop can be seen.

    The square of the expected count a day, cut at ``full_share_count``, spends next to nothing on series whose quiet
    weeks say nothing; where less than a third of the series are busy, the rest of the budget is not spent at all.
    Nothing is spent on series of ``none_from_count`` or more, if that is not 0.
    The baseline of the days before each tells it, so it knows nothing of what is scored, and a day's share is the
    same whenever it is looked at: an alarm does not come and go with its threshold.
    """
    expected = np.where(np.isfinite(forecast.expected), forecast.expected, 0.0)
    usual = _recent(expected, days)
    weight = np.minimum(usual / full_share_count, 1.0) ** 2
    if none_from_count:
        weight = np.where(usual < none_from_count, weight, 0.0)
    total = np.maximum(weight.sum(axis=0), max(expected.shape[0], 1) / 3.0)
    return np.asarray(weight / total, dtype=np.float64)


def in_force(watch: Watch, days: DayArray, is_young: BoolArray) -> list[calibrate.Tails]:
    """Return the tails that hold on each day: the newest made before it; theory's where none fits."""
    window = watch.rule_params.window_days if isinstance(watch.rule_params, sequential.Params) else 1
    theory = calibrate.bound(window)
    if not watch.tails:
        return [theory] * days.size
    since = np.array([one.since_date or "0001-01-01" for one in watch.tails], dtype="datetime64[D]")
    at = np.searchsorted(since, days, side="right") - 1
    # Theory knows counts; other rules have their shipped tails or none.
    by_theory = is_young & isinstance(watch.rule_params, sequential.Params)
    return [theory if by else watch.tails[max(int(one), 0)].tails for one, by in zip(at, by_theory, strict=True)]


def _is_young(forecast: Forecast, columns: int) -> BoolArray:
    """Return on which of the last days all that is known is too new."""
    told = np.flatnonzero(np.isfinite(forecast.capped).any(axis=0))
    first = int(told[0]) if told.size else forecast.capped.shape[1]
    return np.asarray(np.arange(forecast.capped.shape[1])[-columns:] - first < YOUNG_DAYS, dtype=np.bool_)


def _spans(held: Sequence[calibrate.Tails]) -> Sequence[tuple[calibrate.Tails, slice]]:
    """Return each of the tails in force with the days that it holds on."""
    edges = [0, *(at for at in range(1, len(held)) if held[at] is not held[at - 1]), len(held)]
    return [(held[first], slice(first, end)) for first, end in pairwise(edges) if end > first]


def _recent(values: FloatArray, columns: int) -> FloatArray:
    """Return the mean of each of the last days and the weeks before it; values before the first are zero."""
    seen = values[:, -(columns + RECENT_DAYS - 1) :]
    return np.asarray(signal.lfilter(np.full(RECENT_DAYS, 1.0 / RECENT_DAYS), [1.0], seen, axis=-1)[:, -columns:])
