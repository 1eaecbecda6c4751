"""What each view says that the next points should be: the level, the season, what was just before."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detectors.series import FloatArray, IntArray
from detectors.single import medians
from detectors.single.past import Params, Periods, State

# So few points alone are a view of their own, where a moment has more.
LAST_POINTS = 5


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
    ratio = 1.0
    for seasonal in state.seasonal[: len(periods.seasons)]:
        both = past[np.isfinite(seasonal[past]) & np.isfinite(state.references[0, past])]
        if len(both):
            left, level = (
                np.median(np.abs(state.values[both] - told[both])) for told in (seasonal, state.references[0])
            )
            ratio = min(ratio, float(left / level)) if level > 0 else ratio
    return ratio


def _left_over(state: State, row: int, past: IntArray) -> float:
    """Return the share of the variance that a season leaves, of what is left without it: 1 if it explains nothing.

    The mean of n values of one place is worth ``n / (n + share)`` of itself and the rest of what it is shrunk towards,
    up to how much places differ; so a season that explains much is trusted soon, and one that explains nothing late.
    """
    coarser = state.references[0] if row == 0 else state.seasonal[row - 1]
    both = past[np.isfinite(state.seasonal[row, past]) & np.isfinite(coarser[past])]
    if not len(both):
        return 1.0
    left, before = (np.median(np.abs(state.values[both] - told[both])) for told in (state.seasonal[row], coarser))
    return 1.0 if left >= before else float((left / before) ** 2)


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
    told = medians.row_medians(places.reshape(len(rows), -1, end - start))
    weight = counts / (counts + shrinkage)
    return np.asarray(np.where(np.isfinite(told), otherwise + weight * (told - otherwise), otherwise), dtype=np.float64)


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
    """Return a weight a row, 1 in all, by one over the square of the row's median error.

    A row that is a thousand times nearer than the worst counts all, so that a perfect one leaves numbers finite.
    """
    usual = np.median(errors, axis=1)
    worst = float(usual.max())
    if worst <= 0:
        return np.full(len(usual), 1.0 / len(usual))
    weights = 1.0 / np.maximum(usual / worst, 1e-3) ** 2
    return np.asarray(weights / weights.sum(), dtype=np.float64)
