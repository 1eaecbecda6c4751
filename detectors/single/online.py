"""Judge each point of one series by its past alone, at any grain.

Three views say what the point should be: the level of the last few seasons (a running median), the usual value of its
place in the season (a median over seasons and neighbours, shrunk towards the level where few seasons are known), and
what was there just before. A point is as strange as the sum of its distances from the three, so that a spike is far
from all, a shifted level soon only from the season's, and a season's steep edge only from what was just before. The
sum is divided by what such sums usually were, and its square is remembered for about an hour of a day's season:

    z[t] = (|x - level| + |x - season| + |x - just before|) / usual          usual = median of past sums
    score[t] = sqrt(z[t] ** 2 + keep * z[t - 1] ** 2 + keep ** 2 * z[t - 2] ** 2 + ...)

Where places of the season differ in how far points lie from it (`unevenness`), or heights do (`heights`), the season's
distance is also told in units of what is usual there, squared and remembered likewise. It counts by how surely they do:
by places beside the sum, by heights in place of it.

The memory never delays an onset: a new distance counts in full at once. What each view is fitted on ends before the
stretch that is judged by it; refits happen 6 times a season.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import signal

from detectors.series import FloatArray, IntArray
from detectors.single import heights, medians, seasons, tails, unevenness, views
from detectors.single.contract import MAX_SCORE, Budget, Scores, checked
from detectors.single.past import Params, Periods, State, begin

DEFAULT_SEASON = 24
# Up to so many points a moment (five minutes, of a day's season) their sum ranks better.
FEW_POINTS = 12
# What a distance from the last few points counts beside the sum: by itself it ranks events of minutes, and little else.
JUMP = 0.25
# How far beyond what is usual, 99 % of the time, an incident lies.
FAR = 2.0
# Beyond this share of the past a distance counts no more than there.
BOUND = 0.98


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
    state = begin(series)
    pace = min((hint for hint in hints if hint >= 4), default=DEFAULT_SEASON)
    step, stretch = max(pace // params.moments, 1), max(pace // params.refits, 1)
    found: tuple[int, ...] = (pace,)
    looked_at, start, seen = 0, 0, 0
    while start < size:
        # Looked for anew whenever the past has grown by half, at moments that the past alone decides.
        if start >= max(2 * min(pace, DEFAULT_SEASON), looked_at + looked_at // 2):
            found, looked_at = _seasons(series[:start], hints, pace), start
        # The first points are few: each quarter more is new ground to fit on.
        end = min(start + min(stretch, max(seen // 4, 1)), size)
        _judge(state, start, end, Periods(pace, found, step), budget, params)
        if progress is not None:
            progress(end)
        seen += int(state.known[start:end].sum())
        start = end
    return Scores(state.expected, state.lower, state.upper, state.p_value, state.score, state.p_value < budget.p_limit)


def _seasons(past: FloatArray, hints: Sequence[int], pace: int) -> tuple[int, ...]:
    """Return the season to look at, and with it the next of the calendar once it has been seen twice."""
    found = seasons.find(past, hints)
    shortest = pace if found is None or found in hints else found
    longer = [hint for hint in hints if hint > shortest and 2 * hint <= len(past)]
    return (shortest, *sorted(longer)[:1])


def _judge(state: State, start: int, end: int, periods: Periods, budget: Budget, params: Params) -> None:
    """Work out the points from ``start`` to ``end`` by what is before ``start`` (and, of each, just before it)."""
    present, known = slice(start, end), state.known
    # Bounded, so that a long file costs what its length does.
    first = max(start - max(params.past_seasons * periods.pace, 16 * params.sample), 0)
    past = np.flatnonzero(known[first:start] & np.isfinite(state.references[0, first:start])) + first
    past = medians.sampled(past, params.sample)
    recent = past[past >= start // 2]
    recent = recent if len(recent) >= params.min_points else past
    ratio = views.refer(state, start, end, periods, recent, params)
    distance = np.abs(state.values[present] - state.references[:, present])
    # A season that is half the level's error or less leaves the level little to say: how high the season is.
    distance[0] *= min(2.0 * ratio, 1.0)
    state.distance[:, present] = [distance[1], distance.sum(axis=0)]
    if len(past) < params.min_points:
        _expect_early(state, start, end)
        return
    calm = recent[state.p_value[recent] >= budget.p_limit]
    _expect(state, start, end, calm if len(calm) >= params.min_points else recent, budget)
    _remember(state, start, end, past, recent, periods, params)
    quiet = _without_incidents(state, recent, params)
    each = [tails.p_values(row[present], row[usual]) for row, usual in zip(state.strength, quiet, strict=True)]
    # The stranger of the two speaks; Bonferroni's factor keeps the p-value's word whatever they share.
    combined = np.minimum(np.min(each, axis=0) * len(each), 1.0)
    state.p_value[present] = np.where(known[present], combined, 1.0)
    state.strength[:, present] = np.where(known[present], state.strength[:, present], 0.0)
    state.score[present] = np.where(known[present], state.score[present], 0.0)


def _without_incidents(state: State, past: IntArray, params: Params) -> list[IntArray]:
    """Return for each row of strengths the past without the strongest of what was all but impossible, and far off."""
    impossible = state.p_value[past] < params.incident
    if not impossible.any() or impossible.all():
        return [past] * len(state.strength)
    most = int(params.most_incidents * len(past))
    kept = []
    for row in state.strength:
        # Counts go in steps: a tail drawn through two of them calls the next step impossible, which it is not.
        far = np.flatnonzero(impossible & (row[past] > FAR * np.quantile(row[past[~impossible]], 0.99)))
        kept.append(np.delete(past, far[np.argsort(-row[past[far]], kind="stable")][:most]))
    return kept


def _expect_early(state: State, start: int, end: int) -> None:
    """Say what little is known of the first points: their median, and where they lay."""
    seen = state.values[:start]
    seen = seen[np.isfinite(seen)]
    state.expected[start:end] = state.references[0, start:end]
    state.lower[start:end] = seen.min() if len(seen) else np.nan
    state.upper[start:end] = seen.max() if len(seen) else np.nan


def _expect(state: State, start: int, end: int, past: IntArray, budget: Budget) -> None:
    """Blend the views by how near each has been where nothing was strange, with a band as wide as the blend was off."""
    expected = views.nearness(np.abs(state.values[past] - state.references[:, past])) @ state.references[:, start:end]
    tail = (1.0 - budget.coverage) / 2.0
    low, high = np.quantile(state.values[past] - state.expected[past], [tail, 1.0 - tail])
    state.expected[start:end] = expected
    state.lower[start:end] = expected + min(low, 0.0)
    state.upper[start:end] = expected + max(high, 0.0)


def _remember(
    state: State, start: int, end: int, past: IntArray, recent: IntArray, periods: Periods, params: Params
) -> None:
    """Turn distances into strengths: in units of the usual one at that place, squared and remembered."""
    overall = np.append(_overall(state.distance[0, recent]), _overall(state.distance[1, past]))
    scale = np.repeat(overall[:, None], end - start, axis=1)
    season = periods.seasons[0]
    # Only what came after the first half: before, the views were learning, and far from what they should have been.
    most = max(min(params.past_seasons, start // 2 // season), 1)
    # The sum keeps one unit throughout: the score ranks by size, the p-value also by what is usual at a place.
    scale[:1] = views.usual_at(state.distance[:1], start, end, season, scale[:1], most, params.shrinkage)
    # Values that go in steps, as counts do, lie no nearer than half of one: what is usual there is told from nothing.
    least = 0.5 * heights.quantum(state.values[past])
    scale[:1] = np.maximum(scale[:1], least)
    by_height, told = _at_height(state, start, end, recent, overall[0])
    by_height, told = np.maximum(by_height, least), told if overall[0] > least else 0.0
    distance = np.concatenate([state.distance[:, start:end], state.distance[:1, start:end]])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        unit = np.where(distance > 0, distance / np.concatenate([scale, by_height]), 0.0)
    squares = np.minimum(unit, MAX_SCORE) ** 2
    keep = params.keep ** (1.0 / periods.step)
    energy, _ = signal.lfilter([1.0], [1.0, -keep], squares, zi=keep * state.energy[:, None])
    before = np.append(state.energy[1], energy[1, :-1])
    state.energy = energy[:, -1]
    state.strength[:, start:end] = np.minimum(np.sqrt(energy[:2]), MAX_SCORE)
    if periods.step <= FEW_POINTS:
        # Where nights are calm and days loud, a night's distance is also told in units of what is usual at night.
        uneven = unevenness.share(state.distance[0, max(start - most * season, 0) : start], season)
        together = (1.0 - told) * energy[1] + uneven * energy[0] + told * energy[2]
        state.score[start:end] = np.minimum(np.sqrt(together), MAX_SCORE)
        return
    # Where a moment has many points, a memory of them all drowns an event of one: of it and their mean the larger.
    fresh = (1.0 - keep) / (1.0 - params.keep)
    largest = np.maximum(squares[1] + params.keep * fresh * before, fresh * energy[1])
    usual = _overall(state.jump[past])
    jumps = np.minimum(JUMP * state.jump[start:end] / usual, MAX_SCORE) if usual > 0 else np.zeros(end - start)
    state.score[start:end] = np.minimum(np.sqrt(largest + jumps**2), MAX_SCORE)


def _at_height(state: State, start: int, end: int, past: IntArray, overall: float) -> tuple[FloatArray, float]:
    """Return the season's usual distance where it is as high as at each point, (1, n), and how surely that differs."""
    distances, said = state.distance[0, past], state.references[1]
    told = heights.share(distances, said[past])
    if told <= 0:
        return np.full((1, end - start), overall), 0.0
    usual = heights.usual_at(distances, said[past], said[start:end])
    return np.maximum(usual, heights.LEAST_UNIT * overall)[None, :], told


def _overall(distances: FloatArray) -> float:
    """Return the usual distance; where half are zero or more, a share of the mean says what a move is.

    The farthest count as the first of them, so that one spike of a thousand times moves no unit; unless all others are
    zero.
    """
    most = float(np.quantile(distances, BOUND, method="lower"))
    bounded = np.minimum(distances, most) if most > 0 else distances
    return max(float(np.median(distances)), 0.1 * float(np.mean(bounded)))
