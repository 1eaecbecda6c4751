"""What levels of many memories are worth, by how large a series is, and how far points lie from them.

The last points are judged by the levels that stood before each, so all that is learnt here is of forecasts: how the
memories are best blended (stacking, Breiman 1996, drawn towards a first blend), how wide points are (a series' own
variance drawn towards its segment's), and how far levels truly move over a window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.screen.contract import Params, Reals
from detectors.screen.rolling import Rolled, decays
from detectors.screen.tails import Asked
from detectors.series import BoolArray, FloatArray, IntArray

BLEND_POINTS = 28
BLEND_STRENGTH = 60.0
BLEND_SHARE = 1e-3
CUT_SD = 4.0
LEAST = np.float32(1e-30)
STEP = 7


@dataclass(frozen=True, slots=True)
class Judged:
    """Blended levels before each of the last points and after them, (rolled + 1, n); running sums of what was seen."""

    rolled: Rolled
    level: Reals
    seen: Reals
    unit: Reals
    trials: Reals | None


def levels(rolled: Rolled, prior: FloatArray, group: IntArray) -> Reals:
    """Return the level of each memory before each point, (rolled + 1, n_half_lives, n); NaN where nothing was told."""
    mean = np.asarray(prior[group, 0], dtype=np.float32)
    strength = np.asarray(prior[group, 1], dtype=np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((rolled.total + mean * strength) / (rolled.offered + strength), dtype=np.float32)


def segments(rolled: Rolled, told: Reals, params: Params) -> IntArray:
    """Return each series' segment: how much it usually counts a point, before the last one."""
    if not params.segment_edges:
        return np.zeros(told.shape[2], dtype=np.int64)
    first = np.array(params.first_blend, dtype=np.float32)
    volume = (told[-1] * first[:, None]).sum(axis=0) * _usual_unit(rolled)
    at = np.searchsorted(np.array(params.segment_edges), np.nan_to_num(volume), side="right")
    return np.asarray(at, dtype=np.int64)


def _usual_unit(rolled: Rolled) -> Reals:
    """Return what a level of one brings on a usual one of the last points, (n,)."""
    told = rolled.unit > 0
    return np.asarray(rolled.unit.sum(axis=0) / np.maximum(told.sum(axis=0), 1), dtype=np.float32)


def blend(rolled: Rolled, told: Reals, segment: IntArray, params: Params) -> FloatArray:
    """Return the weight of each memory, (n_segments, n_half_lives), by ridge regression on forecasts."""
    first = np.array(params.first_blend) / sum(params.first_blend)
    found = np.tile(first, (len(params.segment_edges) + 1, 1))
    last = slice(max(len(rolled.values) - BLEND_POINTS, 0), len(rolled.values))
    for one in range(len(found)):
        rows = np.flatnonzero(segment == one)
        rows = rows[:: max(1, len(rows) // params.calibration_points)]
        forecast = told[:-1][last][:, :, rows] * rolled.unit[last][:, None, rows]
        middle = np.tensordot(forecast, first.astype(np.float32), axes=(1, 0))
        usable = rolled.usable[last][:, rows] & np.isfinite(forecast).all(axis=1) & (middle > 0)
        if not usable.any():
            continue
        reach = np.float32(CUT_SD) * np.sqrt(np.maximum(middle, LEAST) * rolled.dispersion[rows])
        target = np.clip(rolled.values[last][:, rows], middle - reach, middle + reach + np.float32(1.0))
        scale = np.sqrt(middle * np.maximum(rolled.dispersion[rows], LEAST))
        design = (forecast / np.maximum(scale, LEAST)[:, None]).transpose(0, 2, 1)[usable].astype(np.float64)
        found[one] = _ridge(design, (target / np.maximum(scale, LEAST))[usable].astype(np.float64), first)
    return found


def _ridge(design: FloatArray, target: FloatArray, first: FloatArray) -> FloatArray:
    """Return the weights that forecast best, drawn towards ``first``; they add up to one."""
    square = design.T @ design
    size = float(np.trace(square)) / len(first)
    penalty = size * (BLEND_SHARE + BLEND_STRENGTH / max(len(design), 1))
    move = np.eye(len(first)) - np.ones((len(first), len(first))) / len(first)
    # Only moves between memories are learnt: a common factor would be this month's season.
    gain = move @ design.T @ (target - design @ first)
    step = np.linalg.solve(move @ square @ move + penalty * np.eye(len(first)), gain)
    return np.asarray(first + move @ step, dtype=np.float64)


def judged(rolled: Rolled, told: Reals, weights: FloatArray, segment: IntArray, trials: Reals | None) -> Judged:
    """Blend the levels and run the sums."""
    by_series = np.asarray(weights[segment].T, dtype=np.float32)
    level = np.einsum("rkn,kn->rn", told, by_series)
    # A blend that draws a trend on may go under nothing; the slowest memory then stands.
    level = np.where(level > 0, level, told[:, -1])
    return Judged(
        rolled, level, _running(rolled.values), _running(rolled.unit), None if trials is None else _running(trials)
    )


def _running(values: Reals) -> Reals:
    total = np.zeros((len(values) + 1, values.shape[1]), dtype=np.float32)
    np.cumsum(values, axis=0, out=total[1:])
    return total


def is_log(params: Params) -> bool:
    """Return whether the family is judged by logarithms."""
    return params.family in ("positive", "rank")


def dispersions(one: Judged, params: Params) -> tuple[Reals, Reals]:
    """Return each series' variance ÷ mean (of sizes: the logarithm's variance) by the last points, and their number."""
    rolled = one.rolled
    expected = one.level[:-1] * rolled.unit
    usable = rolled.usable & (expected > 0)
    mean = np.where(usable, expected, np.float32(0.0))
    if is_log(params):
        ratio = np.where(usable & (rolled.values > 0), rolled.values, np.float32(1.0)) / np.where(
            usable, expected, np.float32(1.0)
        )
        square = np.where(usable, np.log(np.maximum(ratio, LEAST)) ** 2, np.float32(0.0))
        limit = np.float32(CUT_SD**2) * (rolled.dispersion / np.maximum(mean.max(axis=0, initial=0.0), LEAST))
        square = np.minimum(square, limit + np.float32(params.floor**2))
        top, bottom = square.sum(axis=0), usable.sum(axis=0)
    else:
        limit = np.float32(CUT_SD**2) * np.maximum(rolled.dispersion, np.float32(1.0)) * (mean + np.float32(1.0))
        square = np.where(usable, np.minimum((rolled.values - mean) ** 2, limit), np.float32(0.0))
        top, bottom = square.sum(axis=0), mean.sum(axis=0)
    count = usable.sum(axis=0).astype(np.float32)
    return np.asarray(top / np.maximum(bottom, LEAST), dtype=np.float32), count


def pooled_dispersion(own: Reals, count: Reals, segment: IntArray, params: Params) -> FloatArray:
    """Return each segment's dispersion, (n_segments,): the mean of its series', however many they are."""
    found = np.full(len(params.segment_edges) + 1, 1.0 if not is_log(params) else max(params.floor, 0.05) ** 2)
    for at in range(len(found)):
        here = (segment == at) & (count >= STEP)
        if here.any():
            found[at] = float(np.average(own[here], weights=count[here]))
    return found


def shrunk(own: Reals, count: Reals, pooled: FloatArray, segment: IntArray, params: Params) -> Reals:
    """Return each series' dispersion drawn towards its segment's."""
    strength = np.float32(params.dispersion_points)
    found = (own * count + pooled[segment].astype(np.float32) * strength) / (count + strength)
    return np.asarray(np.maximum(found, params.floor**2 if is_log(params) else 1e-3), dtype=np.float32)


def level_variance(
    one: Judged, weights: FloatArray, dispersion: Reals, segment: IntArray, params: Params, at: IntArray
) -> Reals:
    """Return the relative variance of the blended level before point ``at`` (n_windows,), (n_windows, n)."""
    usual = np.maximum(_usual_unit(one.rolled), LEAST)
    points = one.rolled.offered[at] * (1.0 + decays(params))[:, None] / usual
    share = np.asarray(np.abs(weights)[segment].T, dtype=np.float32)
    per_point = dispersion if is_log(params) else dispersion / np.maximum(one.level[at] * usual, LEAST)
    spread = (share / np.maximum(points, np.float32(1e-6))).sum(axis=1) / share.sum(axis=0)
    return np.asarray(per_point * spread, dtype=np.float32)


def drift(one: Judged, dispersion: Reals, segment: IntArray, params: Params) -> FloatArray:
    """Return how far levels truly move over each window, (n_segments, n_windows): a variance, as a share squared."""
    found = np.zeros((len(params.segment_edges) + 1, len(params.windows)))
    if is_log(params):
        return found
    rolled = len(one.rolled.values)
    for column, width in enumerate(params.windows):
        ends = np.arange(rolled, max(width, rolled - BLEND_POINTS), -STEP)
        if width == 1 or not len(ends):
            continue
        expected = (one.unit[ends] - one.unit[ends - width]) * one.level[ends - width]
        seen = one.seen[ends] - one.seen[ends - width]
        chance = dispersion * expected
        reach = np.float32(CUT_SD) * np.sqrt(chance) + np.float32(0.5) * expected
        square = np.minimum((seen - expected) ** 2, reach**2)
        for at in range(len(found)):
            found[at, column] = _moved(square, chance, expected, segment == at)
    return found


def _moved(square: Reals, chance: Reals, expected: Reals, here: BoolArray) -> float:
    """Return the excess of squared distances over chance, per squared expectation, by precision."""
    part = np.isfinite(expected) & (expected > 0) & here
    if not part.any():
        return 0.0
    mean, excess = expected[part].astype(np.float64), (square - chance)[part].astype(np.float64)
    weight = 1.0 / (chance[part] / mean**2 + 0.1**2) ** 2
    return float(np.clip((weight * excess / mean**2).sum() / weight.sum(), 0.0, 1.0))


def asked(one: Judged, at: IntArray, rows: IntArray, dispersion: Reals, variance: Reals, params: Params) -> Asked:
    """Return the questions of ``at`` (points) × ``rows`` (series) of the last points, in that order, flattened.

    ``variance`` (n_windows, n) is the levels' at the end, drift included: that of a few weeks ago differs little.
    """
    observed, expected, trials = [], [], []
    for width in params.windows:
        begin = at - width + 1
        valid = begin >= 0
        first = np.maximum(begin, 0)
        observed.append((one.seen[at + 1][:, rows] - one.seen[first][:, rows]).ravel())
        mean = (one.unit[at + 1][:, rows] - one.unit[first][:, rows]) * one.level[first][:, rows]
        expected.append(np.where(valid[:, None], mean, np.nan).ravel())
        if one.trials is not None:
            trials.append((one.trials[at + 1][:, rows] - one.trials[first][:, rows]).ravel())
    repeat = len(at)
    return Asked(
        np.array(observed, dtype=np.float64), np.array(expected, dtype=np.float64),
        np.tile(dispersion[rows].astype(np.float64), repeat),
        np.tile(variance[:, rows].astype(np.float64), (1, repeat)),
        np.array(trials, dtype=np.float64) if trials else None,
    )  # fmt: skip
