"""One series' own past, all series at once: cut, masked, in its own week, and the levels as they stood point by point.

The past is looked at in periods (weeks), counted back from its last point. A period's robust level is the median of
three means of three periods, before, around and after it (near the end: of those before), so that a problem of up to
three weeks is no part of it. Points are cut at ``cut_sd`` deviations around it; a period far off weighs a tenth. Then
come exponential means of several memories, at every one of the last points by what came before that point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.screen import shapes
from detectors.screen.contract import HORIZON, Panel, Params, Reals
from detectors.series import BoolArray, FloatArray, IntArray

SD_OF_MEAN_ABS = 1.2533
MASK_SD = 3.5
MASK_COUNTS = 5.0
MASK_LOW, MASK_HIGH = 0.6, 1.8
LOOSE = 4.0
FEW = 6.0
LEAST = np.float32(1e-30)


@dataclass(frozen=True, slots=True)
class Rolled:
    """The last points and the levels before each; time first, so that a point of all series is contiguous.

    ``total``, ``offered`` (rolled + 1, n_half_lives, n): decayed sums before each of the last points, the last being
    before the first one to be judged. ``values``, ``unit``, ``usable`` (rolled, n): what was seen, what a level of one
    would have brought, and where the point belongs to no problem. ``own_week`` (period, n); ``dispersion`` (n,) a first
    guess. ``week_seen``, ``week_wanted`` (period, n): the decayed sums the own week is learnt from. ``points`` (n,) in
    effect.
    """

    total: Reals
    offered: Reals
    values: Reals
    unit: Reals
    usable: BoolArray
    own_week: Reals
    dispersion: Reals
    points: Reals
    varied: BoolArray


@dataclass(frozen=True, slots=True)
class _Own:
    """A block of series, cut and masked: (rows, points)."""

    raw: Reals
    unit: Reals
    values: Reals
    weighted_unit: Reals
    mean: Reals
    told: BoolArray
    weight: Reals
    dispersion: Reals


def roll(panel: Panel, shape: FloatArray, params: Params, week_variance: float | None = None) -> tuple[Rolled, float]:
    """Return the last points of every series and the levels before each.

    Parameters
    ----------
    panel : Panel
    shape : ndarray, shape (n_groups, n_times + HORIZON)
    params : Params
    week_variance : float, optional
        How much series differ in their own week, a prior; None learns it from these.

    Returns
    -------
    Rolled
    week_variance : float
        As given, or as learnt.
    """
    used = span(len(panel.times), params)
    place = shapes.phase(panel, params.period)[len(panel.times) - used : len(panel.times)]
    start = panel.values.shape[1] - used
    blocks = []
    for first in range(0, len(panel.values), params.block_rows):
        rows = slice(first, first + params.block_rows)
        factor = np.asarray(shape[:, start : start + used], dtype=np.float32)[panel.group_of()[rows]]
        exposure = None if panel.exposure is None else np.asarray(panel.exposure[rows, start:], dtype=np.float32)
        own = _own(np.asarray(panel.values[rows, start:], dtype=np.float32), exposure, factor, params)
        blocks.append(_sums(own, place, params))
    return _together(blocks, place, params, week_variance)


def span(n_times: int, params: Params) -> int:
    """Return how many of the last points are looked at: whole periods, within the memory."""
    return min(n_times, params.memory) // params.period * params.period


def _own(values: Reals, exposure: Reals | None, factor: Reals, params: Params) -> _Own:
    """Cut and mask a block."""
    told = shapes.seen(values, exposure, params)
    raw = np.where(told, values, np.float32(0.0))
    unit = factor if exposure is None else factor * exposure
    unit = np.where(told, unit, np.float32(0.0))
    n_rows, period = len(raw), params.period
    counts = params.family in ("count", "ratio")
    level = _robust_level(_by_period(raw, period), _by_period(unit, period), FEW if counts else 0.0)
    mean = (unit.reshape(n_rows, -1, period) * level[:, :, None]).reshape(raw.shape)
    slack = np.float32(params.slack if counts else 0.0)
    cut = np.minimum(raw, np.float32(LOOSE) * mean + slack)
    root = np.sqrt(mean)
    width = root.sum(axis=1)
    spread = np.where(width > 0, np.abs(cut - mean).sum(axis=1), np.float32(0.0)) / np.maximum(width, LEAST)
    spread = np.asarray(np.float32(SD_OF_MEAN_ABS) * spread, dtype=np.float32)
    reach = np.float32(params.cut_sd) * spread[:, None] * root
    if counts:
        # Half a count more: the law of few counts is skewed, and a cut at its deviations alone takes from the mean.
        np.add(reach, np.float32(1.5), out=reach)
    np.clip(cut, mean - reach, mean + reach, out=cut)
    weight = _weights(raw, mean, spread, params)
    cut = (cut.reshape(n_rows, -1, period) * weight[:, :, None]).reshape(raw.shape)
    weighted = (unit.reshape(n_rows, -1, period) * weight[:, :, None]).reshape(raw.shape)
    return _Own(raw, unit, cut, weighted, mean, told, weight, spread**2)


def _by_period(values: Reals, period: int) -> Reals:
    """Return sums of whole periods, (rows, periods); a product is several times as fast as a short sum."""
    ones = np.ones((period, 1), dtype=np.float32)
    return np.asarray((values.reshape(-1, period) @ ones).reshape(len(values), -1), dtype=np.float32)


def _robust_level(seen: Reals, wanted: Reals, few: float) -> Reals:
    """Return each period's level, (rows, periods)."""
    periods = seen.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        if periods < 9:
            level = (
                np.nanmedian(np.where(wanted > 0, seen / wanted, np.nan), axis=1, keepdims=True) if periods else seen
            )
            return np.asarray(np.broadcast_to(np.nan_to_num(level), seen.shape), dtype=np.float32)
        three = (seen[:, :-2] + seen[:, 1:-1] + seen[:, 2:]) / (wanted[:, :-2] + wanted[:, 1:-1] + wanted[:, 2:])
    last = three.shape[1] - 1
    around = np.clip(np.arange(periods) - 1, 0, last)
    before = np.where(around - 3 < 0, around + 6, around - 3)
    after = np.where(around + 3 > last, around - 6, around + 3)
    # Where the window before begins too early, or the one after ends too late, take the next one on the other side.
    one, two, three_ = three[:, np.clip(before, 0, last)], three[:, around], three[:, np.clip(after, 0, last)]
    level = np.nan_to_num(np.fmax(np.fmin(one, two), np.fmin(np.fmax(one, two), three_)))
    # The middle of three weeks of few counts is mostly none of them: there the mean of all but the largest speaks.
    most = np.argmax(seen, axis=1)[:, None]
    rest = seen.sum(axis=1) - np.take_along_axis(seen, most, axis=1)[:, 0]
    usual = rest / np.maximum(wanted.sum(axis=1) - np.take_along_axis(wanted, most, axis=1)[:, 0], LEAST)
    count = np.float32(3.0 / periods) * rest
    share = (count / (count + np.float32(few)))[:, None] if few else np.float32(1.0)
    return np.asarray(share * level + (np.float32(1.0) - share) * usual[:, None], dtype=np.float32)


def _weights(raw: Reals, mean: Reals, spread: Reals, params: Params) -> Reals:
    """Return what each period weighs, (rows, periods): a tenth where it is far off, and by more than chance."""
    seen, wanted = _by_period(raw, params.period), _by_period(mean, params.period)
    # A group that books at once is no problem: of few counts it takes more than deviations to be far off.
    least = np.float32(MASK_COUNTS if params.family in ("count", "ratio") else 1e-20)
    off = np.abs(seen - wanted) > np.float32(MASK_SD) * spread[:, None] * np.sqrt(wanted) + least
    far = (seen < np.float32(MASK_LOW) * wanted) | (seen > np.float32(MASK_HIGH) * wanted)
    return np.where(off & far, np.float32(params.masked_weight), np.float32(1.0))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of a block: the sums before the last points, and these points; (rows, …)."""

    total: Reals
    offered: Reals
    week_seen: Reals
    week_wanted: Reals
    last: tuple[Reals, ...]
    dispersion: Reals
    points: Reals
    varied: BoolArray


def decays(params: Params) -> Reals:
    """Return what a point's weight is multiplied by from one point to the next, for each memory."""
    return np.asarray(0.5 ** (1.0 / np.array(params.half_lives)), dtype=np.float32)


def _sums(own: _Own, place: IntArray, params: Params) -> _Sums:
    """Sum a block's past by two products."""
    used, period = own.raw.shape[1], params.period
    rolled = min(params.rolled, used)
    early = used - rolled
    age = np.arange(early, 0, -1)
    memory = decays(params)[None, :] ** np.maximum(age - 1, 0)[:, None]
    on_place = (place[:, None] == np.arange(period)).astype(np.float32)
    week_age = np.arange(used, 0, -1)
    decayed = np.float32(0.5) ** (week_age[:, None] / np.float32(params.week_half_life)).astype(np.float32)
    total = own.values[:, :early] @ memory
    split = (memory[:, :, None] * on_place[:early, None, :]).reshape(early, memory.shape[1] * period)
    offered = own.weighted_unit[:, :early] @ split
    week = on_place * decayed
    weighted_mean = (own.mean.reshape(len(own.raw), -1, period) * own.weight[:, :, None]).reshape(own.raw.shape)
    seen, wanted = own.values @ week, weighted_mean @ week
    mask = np.repeat(own.weight, period, axis=1)[:, early:]
    kept = (own.values, own.weighted_unit, own.raw, own.unit)
    last = (*(part[:, early:] for part in kept), own.told[:, early:] * mask)
    told = own.told.sum(axis=1)
    highest, lowest = own.values.max(axis=1, initial=0.0), own.raw.min(axis=1, initial=np.inf, where=own.told)
    return _Sums(
        np.asarray(total, dtype=np.float32), np.asarray(offered, dtype=np.float32), seen, wanted,
        tuple(np.asarray(part, dtype=np.float32) for part in last), own.dispersion,
        np.asarray(told, dtype=np.float32), np.asarray((highest > 0) & (told > 0) & (lowest < np.inf)),
    )  # fmt: skip


def _together(
    blocks: list[_Sums], place: IntArray, params: Params, week_variance: float | None
) -> tuple[Rolled, float]:
    """Join the blocks, settle each series' own week, and walk the last points."""

    def joined(name: str) -> Reals:
        return np.ascontiguousarray(np.concatenate([getattr(one, name) for one in blocks]).T)

    period, lives = params.period, len(params.half_lives)
    seen, wanted, dispersion = joined("week_seen"), joined("week_wanted"), joined("dispersion")
    variance = _week_variance(seen, wanted, dispersion, params) if week_variance is None else week_variance
    strength = np.maximum(dispersion, np.float32(1e-12)) / np.float32(max(variance, 1e-6))
    own_week = (seen + strength) / (wanted + strength)
    split = joined("offered")
    before = (split.reshape(lives, period, -1) * own_week[None]).sum(axis=1)
    values, weighted, raw, unit, usable = (
        np.ascontiguousarray(np.concatenate([one.last[part] for one in blocks]).T) for part in range(5)
    )
    factor = own_week[place[len(place) - len(values) :]] if len(values) else unit
    total, offered = _walk(joined("total"), before, values, weighted * factor, decays(params))
    varied = np.concatenate([one.varied for one in blocks])
    rolled = Rolled(
        total, offered, raw, unit * factor, usable > np.float32(0.5), np.asarray(own_week, dtype=np.float32),
        dispersion, joined("points"), varied,
    )  # fmt: skip
    return rolled, variance


def _week_variance(seen: Reals, wanted: Reals, dispersion: Reals, params: Params) -> float:
    """Return the variance of series' own factors by moments: what differs beyond chance, per squared expectation."""
    kept = 0.5 ** (params.period / params.week_half_life)
    found, wished = seen.astype(np.float64), wanted.astype(np.float64)
    usable = wished > 1e-9
    chance = dispersion * wished / (1.0 + kept)
    # Series count alike, however large: each by its precision, and none by more than a few hundred counts.
    square = np.where(usable, wished, 1.0) ** 2
    weight = np.where(usable, 1.0 / (chance / square + 0.05**2) ** 2, 0.0)
    excess = ((found - wished) ** 2 - chance) / square
    return float(np.clip((excess * weight).sum() / max(weight.sum(), 1e-12), 1e-4, 0.25))


def _walk(total: Reals, offered: Reals, values: Reals, unit: Reals, kept: Reals) -> tuple[Reals, Reals]:
    """Return the decayed sums before each of the last points and after them, (points + 1, lives, n)."""
    shape = (len(values) + 1, *total.shape)
    totals, offereds = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    totals[0], offereds[0] = total, offered
    step = kept[:, None]
    for at, (value, one) in enumerate(zip(values, unit, strict=True)):
        np.multiply(totals[at], step, out=totals[at + 1])
        totals[at + 1] += value
        np.multiply(offereds[at], step, out=offereds[at + 1])
        offereds[at + 1] += one
    return totals, offereds


def horizon_place(panel: Panel, params: Params) -> IntArray:
    """Return the places in the week of the points that can be judged."""
    return shapes.phase(panel, params.period)[len(panel.times) : len(panel.times) + HORIZON]
