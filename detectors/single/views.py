"""What each view says that the next points should be: the level, the season, what was just before."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detectors.series import FloatArray, IntArray
from detectors.single import medians
from detectors.single.past import Params, Periods, State

# So few points alone are a view of their own, where a moment has more.
LAST_POINTS = 5
# Beyond this share of the distances from the nearest view lie incidents, which say nothing of any.
TRIM = 0.95
# How many standard errors part neighbours for sure, and from how many seasons on.
SHARP, SHARP_SEASONS = 3.0, 4
# Of normal noise: its standard deviation in median distances, and what a median's variance is of a mean's.
MAD_SD, MEDIAN_VARIANCE = 1.4826, 1.57


def refer(state: State, start: int, end: int, periods: Periods, past: IntArray, params: Params) -> float:
    """Fill in what each view says: level, season, just before; return the season's error as a share of the level's."""
    values, present = state.values, slice(start, end)
    recent = values[max(start - params.level_seasons * periods.pace, 0) : start]
    if not np.isfinite(recent).any():
        recent = values[:start]
    level = medians.median(recent, params.sample)
    whole = medians.median(values[max(start - params.past_seasons * periods.pace, 0) : start], params.sample)
    usual = np.full((1, end - start), whole if np.isfinite(whole) else level)
    for row, season in enumerate(periods.seasons):
        doubt = params.shrinkage * _left_over(state, row, past)
        usual = usual_at(values[None, :], start, end, season, usual, params.past_seasons, doubt)
        state.seasonal[row, present] = usual[0]
    state.references[0, present] = level
    state.references[1, present] = _blended(state, present, len(periods.seasons), past)
    before = _just_before(values, start, end, periods.step, level)
    ratio = error_ratio(state, periods, past)
    # What was just before comes with what the season has done since, as far as there is one.
    since = state.references[1, present] - _just_before(state.references[1], start, end, periods.step, np.nan)
    state.references[2, present] = before + np.where(np.isfinite(since), (1.0 - ratio) * since, 0.0)
    if periods.step > LAST_POINTS:
        off = np.abs(values[present] - _just_before(values, start, end, LAST_POINTS, np.nan))
        state.jump[present] = np.where(np.isfinite(off), off, 0.0)
    return ratio


def error_ratio(state: State, periods: Periods, past: IntArray) -> float:
    """Return the nearest season's usual error as a share of the level's; 1 where no season is nearer."""
    level = state.references[0]
    shares = [share(state.values, seasonal, level, past) for seasonal in state.seasonal[: len(periods.seasons)]]
    return min([1.0, *shares])


def share(values: FloatArray, view: FloatArray, coarser: FloatArray, past: IntArray) -> float:
    """Return a view's usual error as a share of a coarser one's; 1 where nothing shows it to be nearer."""
    both = past[np.isfinite(view[past]) & np.isfinite(coarser[past])]
    if not len(both):
        return 1.0
    distances = np.abs(values[both] - np.stack([view[both], coarser[both]]))
    # By the middle, which long incidents leave alone, or by the mean, which sees an hour a day: what shows it nearer.
    pairs = (np.median(distances, axis=1), errors_of(distances))
    return min([1.0, *(float(left / before) for left, before in pairs if before > 0)])


def errors_of(distances: FloatArray) -> FloatArray:
    """Return the mean distance of each view, without what is far from all of them; (n_views, n) gives (n_views,).

    Medians would not see a view that is right for an hour a day where the others never are.
    """
    nearest = distances.min(axis=0)
    return np.asarray(distances[:, nearest <= np.quantile(nearest, TRIM)].mean(axis=1), dtype=np.float64)


def _left_over(state: State, row: int, past: IntArray) -> float:
    """Return the share of the variance that a season leaves, of what is left without it: 1 if it explains nothing.

    The mean of n values of one place is worth ``n / (n + share)`` of itself and the rest of what it is shrunk towards,
    up to how much places differ; so a season that explains much is trusted soon, and one that explains nothing late.
    """
    coarser = state.references[0] if row == 0 else state.seasonal[row - 1]
    return share(state.values, state.seasonal[row], coarser, past) ** 2


def usual_at(
    rows: FloatArray, start: int, end: int, season: int, otherwise: FloatArray, most: int, shrinkage: float
) -> FloatArray:
    """Return the median of the same places of past seasons and their neighbours, shrunk towards ``otherwise``.

    ``rows`` has shape (n_rows, n_times), ``otherwise`` and the answer (n_rows, end - start); ``most`` is how many
    seasons are looked back on, ``shrinkage`` how many of them ``otherwise`` weighs.
    """
    back = np.arange(1, min(most, start // season + 1) + 1) * season
    columns = np.arange(start, end)[None, None, :] - back[:, None, None] + np.arange(-1, 2)[None, :, None]
    outside = (columns < 0) | (columns >= start)
    places = rows[:, np.where(outside, 0, columns)]
    places[:, outside] = np.nan
    counts = np.isfinite(places[:, :, 1]).sum(axis=1)
    told = sharpened(places, counts)
    weight = counts / (counts + shrinkage)
    return np.asarray(np.where(np.isfinite(told), otherwise + weight * (told - otherwise), otherwise), dtype=np.float64)


def sharpened(places: FloatArray, counts: IntArray) -> FloatArray:
    """Return each place's median together with its neighbours', drawn to its own as far as chance cannot part them.

    ``places`` has shape (n_rows, n_seasons, 3, n), the middle one the place itself; ``counts`` (n_rows, n) says how
    many of its values are known; the answer has shape (n_rows, n). The positive part of James and Stein's estimator: at
    a steep edge neighbours say something else, elsewhere they make few seasons tell more.
    """
    rows, back, around, size = places.shape
    pooled = medians.row_medians(places.reshape(rows, -1, size))
    if back < SHARP_SEASONS:
        return pooled
    alone = places.transpose(0, 2, 1, 3).reshape(rows * around, back, size)
    own = medians.row_medians(alone)
    off = np.abs(alone - own[:, None, :]).reshape(rows, around * back, size)
    spread = MAD_SD * medians.row_medians(off)
    apart = own.reshape(rows, around, size)[:, 1] - pooled
    # A median of n varies by 1.57 spread ** 2 / n; between it and the median of 3 n that hold it two thirds are left.
    chance = MEDIAN_VARIANCE * spread**2 * (2.0 / 3.0) / np.maximum(counts, 1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        trusted = np.maximum(1.0 - SHARP**2 * chance / apart**2, 0.0)
    is_sharp = (counts >= SHARP_SEASONS) & np.isfinite(trusted)
    return np.asarray(pooled + np.where(is_sharp, trusted * apart, 0.0), dtype=np.float64)


def _blended(state: State, present: slice, rows: int, past: IntArray) -> FloatArray:
    """Return what the seasons say together, each by how near it has been where both spoke."""
    seasonal = state.seasonal[:rows]
    both = past[np.isfinite(seasonal[:, past]).all(axis=0)]
    if not len(both):
        return seasonal[0, present]
    return np.asarray(nearness(np.abs(state.values[both] - seasonal[:, both])) @ seasonal[:, present])


def _just_before(values: FloatArray, start: int, end: int, step: int, otherwise: float) -> FloatArray:
    """Return the median of the ``step`` points before each; the level where none of them is known."""
    begin = max(start - step, 0)
    padded = np.concatenate([np.full(step - (start - begin), np.nan), values[begin : end - 1]])
    before = medians.column_medians(sliding_window_view(padded, step).T)
    return np.asarray(np.where(np.isfinite(before), before, otherwise), dtype=np.float64)


def nearness(errors: FloatArray) -> FloatArray:
    """Return a weight a row, 1 in all, by one over the square of the row's usual error.

    A row that is a thousand times nearer than the worst counts all, so that a perfect one leaves numbers finite.
    """
    usual = errors_of(errors)
    worst = float(usual.max())
    if worst <= 0:
        return np.full(len(usual), 1.0 / len(usual))
    weights = 1.0 / np.maximum(usual / worst, 1e-3) ** 2
    return np.asarray(weights / weights.sum(), dtype=np.float64)
