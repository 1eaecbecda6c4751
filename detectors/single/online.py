"""Judge each point of one series by its past alone, at any grain.

Three views say what the point should be: the level of the last few seasons (a running median), the usual value of its
place in the season (a median over seasons and neighbours, shrunk towards the level where few seasons are known), and
what was there just before. A point is as strange as the sum of its distances from the three, so that a spike is far
from all, a shifted level soon only from the season's, and a season's steep edge only from what was just before. The
sum is divided by what such sums usually were, and its square is remembered for about an hour of a day's season:

    z[t] = (|x - level| + |x - season| + |x - just before|) / usual          usual = median of past sums
    score[t] = sqrt(z[t] ** 2 + keep * z[t - 1] ** 2 + keep ** 2 * z[t - 2] ** 2 + ...)

The memory never delays an onset: a new distance counts in full at once. What each view is fitted on ends before the
stretch that is judged by it; refits happen 24 times a season.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

from detectors.series import FloatArray, IntArray
from detectors.single import medians, seasons, tails
from detectors.single.contract import MAX_SCORE, Budget, Scores, checked

DEFAULT_SEASON = 24


@dataclass(frozen=True, slots=True)
class Params:
    """Settings, in seasons and shares so that they mean the same at every grain.

    ``level_seasons`` is how much past the level is the median of; ``past_seasons`` how much the season and the
    calibration look back on; ``shrinkage`` how many seasons the level weighs against a slot's own; ``refits`` how often
    a season everything is fitted anew, and the unit in which the memory is told: ``keep`` is the share of the squared
    distance kept from one to the next; ``sample`` bounds how many past points a refit sorts.
    """

    level_seasons: int = 3
    past_seasons: int = 28
    shrinkage: float = 3.0
    refits: int = 24
    keep: float = 0.25
    sample: int = 4096
    min_points: int = 8


@dataclass(frozen=True, slots=True)
class _Periods:
    """In points: the calendar's shortest period, the season that the series shows, and how far apart refits are."""

    pace: int
    season: int
    step: int


@dataclass
class _State:
    """What has been worked out up to now; arrays of shape (n_times,), NaN or 0 from the present on."""

    values: FloatArray
    references: FloatArray
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    distance: FloatArray
    score: FloatArray
    p_value: FloatArray
    energy: float = 0.0


def detect(
    values: FloatArray,
    hints: Sequence[int] = (),
    budget: Budget | None = None,
    params: Params | None = None,
    progress: Callable[[int], None] | None = None,
) -> Scores:
    """Judge every point by the points before it.

    Parameters
    ----------
    values : ndarray, shape (n_times,)
        Equally spaced; NaN and infinite are missing.
    hints : sequence of int
        Periods of the calendar in points, as of `timegrid.Grid.hints`; used where the series shows no other season.
    budget : Budget, optional
    params : Params, optional
    progress : callable, optional
        Told the number of points done, now and then.

    Returns
    -------
    Scores
        Those of a prefix are the prefix of those of the whole.

    Raises
    ------
    SeriesError
        If no value is known.
    """
    budget, params = budget or Budget(), params or Params()
    series = checked(values)
    size = len(series)
    state = _begin(series)
    pace = min((hint for hint in hints if hint >= 4), default=DEFAULT_SEASON)
    step = max(pace // params.refits, 1)
    season, looked_at, start = pace, 0, 0
    while start < size:
        # Looked for anew whenever the past has grown by half, at moments that the past alone decides.
        if start >= max(2 * pace, looked_at + looked_at // 2):
            season, looked_at = seasons.find(series[:start], hints) or pace, start
        end = min(start + step, size)
        _judge(state, start, end, _Periods(pace, season, step), budget, params)
        if progress is not None:
            progress(end)
        start = end
    return Scores(
        state.expected, state.lower, state.upper, state.p_value, state.score, state.p_value < budget.p_limit
    )  # fmt: skip


def _begin(series: FloatArray) -> _State:
    size = len(series)
    unknown = np.full(size, np.nan)
    return _State(
        values=series, references=np.full((3, size), np.nan), expected=unknown.copy(), lower=unknown.copy(),
        upper=unknown.copy(), distance=np.zeros(size), score=np.zeros(size), p_value=np.ones(size),
    )  # fmt: skip


def _judge(state: _State, start: int, end: int, periods: _Periods, budget: Budget, params: Params) -> None:
    """Work out the points from ``start`` to ``end`` by what is before ``start`` (and, of each, just before it)."""
    _refer(state, start, end, periods, params)
    known = np.isfinite(state.values)
    present = slice(start, end)
    distance = np.abs(state.values[present] - state.references[:, present]).sum(axis=0)
    state.distance[present] = np.where(np.isfinite(distance), distance, 0.0)
    # Bounded, so that a long file costs what its length does.
    first = max(start - max(params.past_seasons * periods.pace, 16 * params.sample), 0)
    past = np.flatnonzero(known[first:start] & np.isfinite(state.references[0, first:start])) + first
    if len(past) < params.min_points:
        _expect_early(state, start, end)
        return
    past = medians.sampled(past, params.sample)
    recent = past[past >= max(start - params.past_seasons * periods.pace, start // 2)]
    _expect(state, start, end, recent if len(recent) >= params.min_points else past, budget)
    usual = state.distance[past]
    # Half zeros or more is a series that mostly stands still: then its moves say what is usual.
    scale = max(float(np.median(usual)), 0.1 * float(np.mean(usual)))
    _remember(state, start, end, scale, periods.step, params)
    state.p_value[present] = tails.p_values(state.score[present], state.score[past])
    state.score[present] = np.where(known[present], state.score[present], 0.0)
    state.p_value[present] = np.where(known[present], state.p_value[present], 1.0)


def _refer(state: _State, start: int, end: int, periods: _Periods, params: Params) -> None:
    """Fill in what each view says: level, season, just before."""
    values = state.values
    recent = values[max(start - params.level_seasons * periods.pace, 0) : start]
    if not np.isfinite(recent).any():
        recent = values[:start]
    level = medians.median(recent, params.sample)
    whole = medians.median(values[max(start - params.past_seasons * periods.pace, 0) : start], params.sample)
    whole = whole if np.isfinite(whole) else level
    places = _places(values, start, end, periods.season, params)
    counts = np.isfinite(places[:, 1]).sum(axis=0)
    usual = medians.column_medians(places.reshape(-1, end - start))
    weight = np.where(np.isfinite(usual), counts / (counts + params.shrinkage), 0.0)
    state.references[0, start:end] = level
    state.references[1, start:end] = whole + weight * (np.where(np.isfinite(usual), usual, whole) - whole)
    state.references[2, start:end] = _just_before(values, start, end, periods.step, level)


def _places(values: FloatArray, start: int, end: int, season: int, params: Params) -> FloatArray:
    """Return the values a whole number of seasons back and their neighbours, (n_seasons, 3, end - start)."""
    back = np.arange(1, min(params.past_seasons, start // season + 1) + 1) * season
    columns = np.arange(start, end)[None, None, :] - back[:, None, None] + np.arange(-1, 2)[None, :, None]
    inside = (columns >= 0) & (columns < start)
    return np.where(inside, values[np.clip(columns, 0, len(values) - 1)], np.nan)


def _just_before(values: FloatArray, start: int, end: int, step: int, otherwise: float) -> FloatArray:
    """Return the median of the ``step`` points before each; the level where none of them is known."""
    begin = max(start - step, 0)
    padded = np.concatenate([np.full(step - (start - begin), np.nan), values[begin : end - 1]])
    before = medians.column_medians(sliding_window_view(padded, step).T)
    return np.where(np.isfinite(before), before, otherwise)


def _expect_early(state: _State, start: int, end: int) -> None:
    """Say what little is known of the first points: their median, and where they lay."""
    seen = state.values[:start]
    seen = seen[np.isfinite(seen)]
    state.expected[start:end] = state.references[0, start:end]
    state.lower[start:end] = seen.min() if len(seen) else np.nan
    state.upper[start:end] = seen.max() if len(seen) else np.nan


def _expect(state: _State, start: int, end: int, past: IntArray, budget: Budget) -> None:
    """Blend the views by how near each has been of late, and put a band around by how far the blend has been."""
    errors = np.median(np.abs(state.values[past] - state.references[:, past]), axis=1)
    expected = nearness(errors) @ state.references[:, start:end]
    tail = (1.0 - budget.coverage) / 2.0
    low, high = np.quantile(state.values[past] - state.expected[past], [tail, 1.0 - tail])
    state.expected[start:end] = expected
    state.lower[start:end] = expected + min(low, 0.0)
    state.upper[start:end] = expected + max(high, 0.0)


def nearness(errors: FloatArray) -> FloatArray:
    """Return weights that sum to 1, by one over the squared error; what is a thousand times nearer counts all."""
    worst = float(errors.max())
    if worst <= 0:
        return np.full(len(errors), 1.0 / len(errors))
    weights = 1.0 / np.maximum(errors / worst, 1e-3) ** 2
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _remember(state: _State, start: int, end: int, scale: float, step: int, params: Params) -> None:
    """Turn distances into scores: in units of the usual one, squared and remembered."""
    distance = state.distance[start:end]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        unit = np.where(distance > 0, distance / scale, 0.0)
    squares = np.minimum(np.nan_to_num(unit, posinf=MAX_SCORE), MAX_SCORE) ** 2
    keep = params.keep ** (1.0 / step)
    energy, _ = signal.lfilter([1.0], [1.0, -keep], squares, zi=[keep * state.energy])
    state.energy = float(energy[-1])
    state.score[start:end] = np.minimum(np.sqrt(energy), MAX_SCORE)
