"""What befell many series at once: moves of whole groups, told apart from each other and from chance.

Each series belongs to one group of each of two kinds (as its channel and its market). The sums of a kind's groups over
the last days are held against the sums of what their series should have had. A log ratio ``r`` of standard error ``s``
counts as ``r * max(0, 1 - (least_z * s / r)**2)`` (the positive part of James and Stein's estimator, about "nothing
happened"): what chance may have brought is left alone, what it cannot have is taken nearly whole. On each day the kind
whose groups explain more goes first and the other is judged on what is left, so that a channel's fault is not told of
every market, nor a market's of every channel. All of it knows only the days up to the one it speaks of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors import trailing
from detectors.series import FloatArray, Forecast, IntArray

ALIKE = 0.8
"""What explains at least so much of what another does says about the same."""
MOST_SQUARE = 16.0
"""A day's squared deviation counts at most so much towards a group's usual spread."""


@dataclass(frozen=True, slots=True)
class Params:
    """Settings.

    ``windows`` are the runs of last days looked at, the clearest speaks of those that the last day does not contradict
    by more than ``contrary_z``; ``most`` is how much of its group one series
    weighs at most; groups of fewer than ``min_series`` told series never move; ``level_sd`` is how far the level of a
    whole group may be off beside what its series say of their own.
    """

    windows: tuple[int, ...] = (1, 3, 7)
    least_z: float = 2.5
    contrary_z: float = 2.0
    most: float = 0.1
    min_series: int = 5
    spread_half_life_days: float = 60.0
    gap_days: int = 10
    level_sd: float = 0.03


@dataclass(frozen=True, slots=True)
class Sums:
    """Of each cell, a group of the one kind within a group of the other, (n_cells, n_times): weighted sums.

    ``variance`` is that of ``observed``; ``uncertain`` the variance of ``expected`` by its series' levels; ``told`` how
    many series there are. ``weight`` (n_series, n_times) is what a series counts; ``kinds`` holds for each kind the
    group of each cell, ``cell`` (n_series,) each series' cell.
    """

    observed: FloatArray
    expected: FloatArray
    variance: FloatArray
    uncertain: FloatArray
    told: FloatArray
    weight: FloatArray
    kinds: tuple[IntArray, IntArray]
    cell: IntArray


@dataclass(frozen=True, slots=True)
class Moves:
    """Log moves of each kind's groups, and how wide their usual days are beside chance, both (n_groups, n_times)."""

    logs: tuple[FloatArray, FloatArray]
    spread: tuple[FloatArray, FloatArray]


def sums(forecast: Forecast, first: IntArray, second: IntArray, params: Params) -> Sums:
    """Add up what series had and should have had.

    Parameters
    ----------
    forecast : Forecast
    first, second : ndarray of int, shape (n_series,)
        The group of each series, of either kind, from 0.
    params : Params

    Returns
    -------
    Sums
    """
    usable = np.isfinite(forecast.expected) & np.isfinite(forecast.capped) & (forecast.expected > 0)
    expected = np.where(usable, forecast.expected, 0.0)
    weight = np.where(usable, 1.0, 0.0)
    for group in (first, second):
        marks = _marks(group)
        # In a group too small for that all weigh alike.
        most = np.maximum(params.most, 1.0 / np.maximum(marks @ weight, 1.0))
        with np.errstate(invalid="ignore", divide="ignore"):
            cap = (most * (marks @ expected))[group] / expected
        weight = np.where(usable, np.minimum(weight, cap), 0.0)
    pairs, cell = np.unique(np.stack([first, second], axis=1), axis=0, return_inverse=True)
    cell = cell.reshape(-1).astype(np.int64)
    marks, mean = _marks(cell), weight * expected
    return Sums(
        marks @ (weight * np.where(usable, forecast.capped, 0.0)), marks @ mean,
        marks @ (weight * mean * np.where(usable, forecast.dispersion, 0.0)),
        marks @ (mean * np.where(usable, forecast.relative_sd, 0.0)) ** 2,
        marks @ usable.astype(np.float64), weight, (pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)), cell,
    )  # fmt: skip


def moves(found: Sums, params: Params) -> Moves:
    """Tell the two kinds' moves apart.

    Parameters
    ----------
    found : Sums
    params : Params

    Returns
    -------
    Moves
    """
    one, other = found.kinds
    spread = tuple(_spread(found, kind, params) for kind in found.kinds)
    nothing = np.zeros(found.expected.shape)
    first, first_says = _moved(found, one, spread[0], nothing, params)
    second, second_says = _moved(found, other, spread[1], nothing, params)
    # Where both say about the same, as when all fall, it is told of the fewer.
    fewer = first.shape[0] <= second.shape[0]
    leads = first_says >= ALIKE * second_says if fewer else second_says < ALIKE * first_says
    after_first = _moved(found, other, spread[1], first[one], params)[0]
    after_second = _moved(found, one, spread[0], second[other], params)[0]
    return Moves((np.where(leads, first, after_second), np.where(leads, after_first, second)), (spread[0], spread[1]))


def factor(found: Sums, moved: Moves) -> FloatArray:
    """Return what both kinds' moves leave of each series' expectation, (n_series, n_times)."""
    logs = moved.logs[0][found.kinds[0]] + moved.logs[1][found.kinds[1]]
    return np.asarray(np.exp(logs)[found.cell], dtype=np.float64)


def as_series(found: Sums, moved: Moves, kind: int, params: Params) -> Forecast:
    """Return one kind's groups as series of their own, what the other kind did taken out.

    Parameters
    ----------
    found : Sums
    moved : Moves
    kind : int
        0 or 1.
    params : Params

    Returns
    -------
    Forecast
        Row ``g`` is group ``g``; NaN where too few of a group's series are told.
    """
    marks, other = _marks(found.kinds[kind]), 1 - kind
    left = np.exp(moved.logs[other][found.kinds[other]])
    expected, variance = marks @ (found.expected * left), marks @ (found.variance * left)
    enough = (marks @ found.told >= params.min_series) & (expected > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        dispersion = np.maximum(variance / expected * moved.spread[kind], 1.0)
        relative = np.sqrt((marks @ (found.uncertain * left**2)) / expected**2 + params.level_sd**2)
    return Forecast(
        np.where(enough, expected, np.nan), np.where(enough, dispersion, 1.0), np.where(enough, relative, 1.0),
        np.where(enough, marks @ found.observed, np.nan),
    )  # fmt: skip


def _marks(group: IntArray) -> FloatArray:
    """Return which series or cell is of which group, (n_groups, n)."""
    names = np.arange(int(group.max(initial=-1)) + 1)
    return np.asarray(names[:, None] == group[None, :], dtype=np.float64)


def _spread(found: Sums, kind: IntArray, params: Params) -> FloatArray:
    """Return how much wider a group's days are than its series' chance alone says, by its past."""
    marks = _marks(kind)
    variance = marks @ found.variance
    with np.errstate(invalid="ignore", divide="ignore"):
        square = (marks @ (found.observed - found.expected)) ** 2 / variance
    known = np.isfinite(square)
    half_life, gap = params.spread_half_life_days, params.gap_days
    total = trailing.decayed(np.where(known, np.minimum(square, MOST_SQUARE), 0.0), half_life, gap)
    # Ten days of chance alone, so that a short past does not promise more than it knows.
    days = trailing.decayed(known.astype(np.float64), half_life, gap)
    return np.asarray(np.maximum((total + 10.0) / (days + 10.0), 1.0), dtype=np.float64)


def _moved(
    found: Sums, kind: IntArray, spread: FloatArray, known: FloatArray, params: Params
) -> tuple[FloatArray, FloatArray]:
    """Return each group's log move beside the cells' ``known`` ones, and how much that explains on each day."""
    marks, left = _marks(kind), np.exp(known)
    parts = found.observed, found.expected * left, found.variance * left, found.told
    observed, expected, variance, told = (marks @ part for part in parts)
    best, moved, says = (np.zeros(observed.shape) for _ in range(3))
    newest, doubt = (np.full(observed.shape, np.nan) for _ in range(2))
    for days in params.windows:
        had, wanted, chance = (trailing.run_sums(part, days) for part in (observed, expected, variance * spread))
        # A level that is off is off on all days of a run alike.
        level = marks @ trailing.run_sums(np.sqrt(found.uncertain) * left, days) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            log = np.log((had + 0.5) / (wanted + 0.5))
            unsure = (chance + level) / wanted**2 + params.level_sd**2
            square = log**2 / unsure
            if days == 1:
                newest, doubt = log, unsure
            # What has just begun, or is over, is not what the days before say.
            contrary = (log - newest) ** 2 > params.contrary_z**2 * doubt
        clearer = (wanted > 0) & (told >= params.min_series) & (square > best) & ~contrary
        moved = np.where(clearer, log, moved)
        best = np.where(clearer, square, best)
        # By chance alone: what is unsure of a level would count for more the fewer groups there are.
        says = np.where(clearer, log**2 * wanted**2 / np.maximum(chance, 1e-9), says)
    kept = np.maximum(1.0 - params.least_z**2 / np.maximum(best, 1e-9), 0.0)
    return moved * kept, (says * kept).sum(axis=0)
