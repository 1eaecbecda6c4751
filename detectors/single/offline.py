"""Judge each point of one series by all others, before and after: for a file looked at in hindsight.

As `online`, but the level is a centred running median, the season is learnt from the whole, a point is held against
both neighbours, and the memory runs both ways. Three things are asked of a point: how far it is from everything
(size), how far from what is usual at its place in the season, for that place (place), and how unlike others the
windows around it are (`shape`). The score is their summed rank surprise, ``-log(rank p-value)`` of each: none needs a
weight, and what all call strange comes first. Where noise grows with the level, all three are asked once more on the
scale on which it does not (`heights`), and the two answers averaged. The p-value is that of size and place, as `online`
tells it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import signal, stats

from detectors.series import BoolArray, FloatArray
from detectors.single import heights, medians, seasons, shape, tails, weeks
from detectors.single.contract import MAX_SCORE, Budget, Scores, checked
from detectors.single.online import DEFAULT_SEASON
from detectors.single.past import Params
from detectors.single.views import nearness, share, sharpened

# Looked at once and not at every refit, so that more may be sorted.
PARAMS = Params(sample=4096)
# A shape is a quarter of the shortest season long.
TAPS = 6


def detect(
    values: FloatArray, hints: Sequence[int] = (), budget: Budget | None = None, params: Params | None = None
) -> Scores:
    """Judge every point by all the others.

    Parameters
    ----------
    values : ndarray, shape (n_times,)
        Equally spaced; NaN and infinite are missing.
    hints : sequence of int
        Periods of the calendar in points.
    budget : Budget, optional
    params : Params, optional
        Those of `online`; what looks back on seasons or refits has no meaning here.

    Returns
    -------
    Scores
        ``score`` is a sum of three surprises, each at most ``log(n_times + 1)``, or the mean of two such sums.

    Raises
    ------
    SeriesError
        If no value is known.
    """
    budget, params = budget or Budget(), params or PARAMS
    series = checked(values)
    known = np.isfinite(series)
    pace = min((hint for hint in hints if hint >= 4), default=DEFAULT_SEASON)
    step = max(pace // params.moments, 1)
    season = seasons.find(series, hints) or pace
    filled = np.interp(np.arange(len(series)), np.flatnonzero(known), series[known])
    middle = np.full(len(series), median_of(series))
    level = _level(series, params.level_seasons * pace, step, params.sample)
    usual = _seasons(series, season, hints, params)
    views = np.stack([filled, usual, level, middle])
    sizes, places, score = _strangeness(views, known, season, step, params)
    off = np.abs(series - usual)[known]
    straight = heights.scale(series, usual, max(float(np.median(off)), 0.1 * float(np.mean(off))))
    if straight is not None:
        # Medians go with their values wherever a scale that rises puts these.
        score = (score + _strangeness(straight(views), known, season, step, params)[2]) / 2.0
    each = [
        tails.p_values(one, medians.sampled(one[known], params.sample), tails.ROBUST_ANCHORS) for one in (sizes, places)
    ]
    p_value = np.where(known, np.minimum(np.min(each, axis=0) * len(each), 1.0), 1.0)
    expected, lower, upper = _band(series, known, np.stack([level, usual]), budget)
    return Scores(expected, lower, upper, p_value, score, p_value < budget.p_limit)


def _strangeness(
    views: FloatArray, known: BoolArray, season: int, step: int, params: Params
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return sizes, places and the summed surprise of both and of shape, of values, season, level and median."""
    filled, usual, level, middle = views
    left = share(np.where(known, filled, np.nan), usual, level, np.flatnonzero(known))
    # As in `online`: a near season leaves level and median little to say, and neighbours are held against what it does.
    high = np.abs(filled - level) + np.abs(filled - middle)
    distance = min(2.0 * left, 1.0) * high + np.abs(filled - usual) + _jump(filled - (1.0 - left) * usual)
    keep = params.keep ** (1.0 / step)
    sizes = _energy(np.where(known, distance, 0.0), known, keep)
    misplaced = np.where(known, np.abs(filled - usual), 0.0)
    places = _energy(misplaced / _spread(np.where(known, misplaced, np.nan), season, params), known, keep)
    odd = shape.strangeness(filled - (1.0 - left) * usual, step, TAPS)
    return sizes, places, np.where(known, sum(_surprise(each, known) for each in (sizes, odd, places)), 0.0)


def median_of(series: FloatArray) -> float:
    """Return the median of what is known."""
    return float(np.nanmedian(series))


def _level(series: FloatArray, width: int, step: int, most: int) -> FloatArray:
    """Return the centred running median, worked out every ``step`` points and drawn straight in between."""
    centres = np.unique(np.append(np.arange(0, len(series), step), len(series) - 1))
    half = width // 2
    heights = np.array([medians.median(series[max(at - half, 0) : at + half + 1], most) for at in centres])
    told = np.isfinite(heights)
    return np.asarray(np.interp(np.arange(len(series)), centres[told], heights[told]), dtype=np.float64)


def _seasons(series: FloatArray, season: int, hints: Sequence[int], params: Params) -> FloatArray:
    """Return the season, and what the next of the calendar moves it by where it holds whole ones of it."""
    usual = _season(series, season, params)
    longer = min((hint for hint in hints if hint > season), default=0)
    if longer % season or not 0 < 2 * longer <= len(series):
        return usual
    # Weekends draw the usual day down; it is told anew once they are moved to where days lie.
    usual = _season(series - weeks.moved_by(series - usual, season, longer), season, params)
    return np.asarray(usual + weeks.moved_by(series - usual, season, longer), dtype=np.float64)


def _season(series: FloatArray, season: int, params: Params) -> FloatArray:
    """Return each place's median, trusted by what it explains: shrunk less where it leaves little of the variance."""
    plain = _profile(series, season, params.shrinkage)
    left = share(series, plain, np.full(len(series), median_of(series)), np.flatnonzero(np.isfinite(series)))
    return _profile(series, season, params.shrinkage * left**2)


def _spread(distances: FloatArray, season: int, params: Params) -> FloatArray:
    """Return each place's usual distance; one where nothing ever is away from its place."""
    overall = max(median_of(distances), 0.1 * float(np.nanmean(distances)))
    if overall <= 0:
        return np.ones(len(distances))
    return np.maximum(_profile(distances, season, params.shrinkage), 0.1 * overall)


def _profile(series: FloatArray, season: int, shrinkage: float) -> FloatArray:
    """Return each place's median over all seasons and its neighbours, shrunk towards the median of everything."""
    size = len(series)
    rounds = -(-size // season)
    padded = np.append(series, np.full(rounds * season - size, np.nan)).reshape(rounds, season)
    places = np.stack([np.roll(padded, by, axis=1) for by in (1, 0, -1)], axis=1)[None]
    counts = np.isfinite(padded).sum(axis=0)
    whole = median_of(series)
    slots = sharpened(places, counts[None])[0]
    weight = np.where(np.isfinite(slots), counts / np.maximum(counts + shrinkage, 1e-9), 0.0)
    profile = whole + weight * (np.where(np.isfinite(slots), slots, whole) - whole)
    return np.asarray(np.tile(profile, rounds)[:size], dtype=np.float64)


def _jump(filled: FloatArray) -> FloatArray:
    """Return the larger of the distances to the point before and the point after."""
    steps = np.abs(np.diff(filled))
    return np.asarray(np.maximum(np.append(0.0, steps), np.append(steps, 0.0)), dtype=np.float64)


def _energy(distance: FloatArray, known: BoolArray, keep: float) -> FloatArray:
    """Return distances in units of the usual one, squared and remembered both ways, as a root."""
    told = distance[known]
    scale = max(float(np.median(told)), 0.1 * float(np.mean(told)))
    if scale <= 0:
        return np.zeros(len(distance))
    squares = np.minimum(distance / scale, MAX_SCORE) ** 2
    forward = signal.lfilter([1.0], [1.0, -keep], squares)
    backward = signal.lfilter([1.0], [1.0, -keep], squares[::-1])[::-1]
    return np.asarray(np.minimum(np.sqrt(np.maximum(forward + backward - squares, 0.0)), MAX_SCORE), dtype=np.float64)


def _surprise(values: FloatArray, known: BoolArray) -> FloatArray:
    """Return minus the log of each value's rank p-value among those known, ties sharing the middle one."""
    size = int(known.sum())
    result = np.zeros(len(values))
    result[known] = np.log(size + 1.0) - np.log(size + 1.0 - stats.rankdata(values[known]))
    return result


def _band(
    series: FloatArray, known: BoolArray, references: FloatArray, budget: Budget
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Blend the views by how near each is, and put a band around by how far the blend is."""
    expected = nearness(np.abs(series[known] - references[:, known])) @ references
    tail = (1.0 - budget.coverage) / 2.0
    low, high = np.quantile((series - expected)[known], [tail, 1.0 - tail])
    return expected, expected + min(float(low), 0.0), expected + max(float(high), 0.0)
