"""What share of a listing's bookings a finding costs: by what the funnel's counts show since it began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from detectors.rules import trend
from python_nodes.domain.inputs import BoolArray
from python_nodes.scoring.look import Looked

NOW_DAYS = 7
"""What a slow fall costs now is told by the last week."""


def shares(found: Looked, row: int, looked: Mapping[str, Looked]) -> tuple[float, float]:
    """Return the share of bookings that is missing now, and on the mean since the onset.

    Parameters
    ----------
    found : Looked
    row : int
        The listing's.
    looked : mapping
        All watches by name.

    Returns
    -------
    tuple of float
        0 to 1; equal for what fell in a step.

    Notes
    -----
    What a rule assumes to be left is corrected by the counts as they come in. One count at least is added to either
    side, so that a short window without any does not claim that all is lost. A fall that wears on several steps of the
    funnel loses the product of what each has left; a slow one is assumed to have worn half as much on the others.
    """
    loss, ratio = found.watch.loss, float(found.ratio[row])
    since = int(found.onset[row]) - found.batch.days.size
    counted, is_slow = looked.get(loss.follows, found), isinstance(found.watch.rule_params, trend.Params)
    if np.isfinite(ratio):
        assumed = min(ratio, 1.0) ** loss.power
        # Of a ramp that ends there. Without another watch to follow its own counts are in the ratio already.
        mean = (1.0 + assumed) / 2.0 if is_slow else assumed
        lefts = [mean if counted is found else left(counted, row, since, mean, loss.prior_counts)]
    else:
        lefts = [left(counted, row, since, 1.0, None)]
    others = [looked[name] for name in loss.also if name in looked]
    # A fall that wears on one step wears on the next as well, or does not: between both until its counts tell.
    beside = float(np.sqrt(lefts[0])) if is_slow else 1.0
    lefts += [left(other, row, since, beside, loss.prior_counts) for other in others]
    so_far = _share(lefts)
    if not is_slow:
        return so_far, so_far
    steps = [counted, *others]
    now = [
        left(step, row, max(since, -NOW_DAYS), kept, loss.prior_counts) for step, kept in zip(steps, lefts, strict=True)
    ]
    return max(_share(now), so_far), so_far


def doubt(found: Looked, row: int, looked: Mapping[str, Looked], share_lost: float) -> float:
    """Return the standard deviation of a share lost as `shares` tells it.

    Parameters
    ----------
    found : Looked
    row : int
        The listing's.
    looked : mapping
        All watches by name.
    share_lost : float

    Returns
    -------
    float

    Notes
    -----
    Of each step that was counted: the chance of its counts, shrunk as the share is, and the level they are held
    against. Relative variances of what is left add over the steps.
    """
    loss, since = found.watch.loss, int(found.onset[row]) - found.batch.days.size
    counted = looked.get(loss.follows, found)
    steps = [counted, *(looked[name] for name in loss.also if name in looked)]
    variance = 0.0
    for step in steps:
        seen, _, dispersion = counts(step, row, since)
        level_sd = float(step.forecast.relative_sd[row, -1])
        variance += dispersion / (seen + (loss.prior_counts or 1.0) * dispersion)
        variance += level_sd**2 if np.isfinite(level_sd) else 1.0
    return (1.0 - share_lost) * float(np.sqrt(variance))


def _share(lefts: Sequence[float]) -> float:
    return min(max(1.0 - float(np.prod(lefts)), 0.0), 1.0)


def left(counted: Looked, row: int, since: int, assumed: float, prior_counts: float | None) -> float:
    """Return what is left of the last ``-since`` days' counts, shrunk to ``assumed`` by so many dispersed counts."""
    seen, wanted, dispersion = counts(counted, row, since)
    weight = 1.0 if prior_counts is None else prior_counts * dispersion
    return (seen + weight * assumed) / (wanted + weight)


def counts(counted: Looked, row: int, since: int) -> tuple[float, float, float]:
    """Return what was counted and what should have been in the last ``-since`` days, and their variance ÷ mean.

    Watches read histories of their own lengths, all up to the same day.
    """
    onset = max(counted.batch.days.size + since, 0)
    told = told_since(counted, row, onset)
    seen = float(counted.forecast.capped[row, onset:][told].sum())
    wanted = float(counted.forecast.expected[row, onset:][told].sum())
    dispersion = float(counted.forecast.dispersion[row, -1])
    return seen, wanted, max(dispersion, 1.0) if np.isfinite(dispersion) else 1.0


def told_since(found: Looked, row: int, onset: int) -> BoolArray:
    """Where since the onset both what was and what should have been are known."""
    expected, capped = found.forecast.expected[row, onset:], found.forecast.capped[row, onset:]
    return np.asarray(np.isfinite(expected) & np.isfinite(capped), dtype=np.bool_)
