"""What the end of a problem brought back: the days after it, beside what its loss rate would have gone on costing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DISPERSION = 1.5
"""Variance over mean of a day's bookings: so much more than a Poisson's, as listings' own past has it."""
HELD_SD = 1.2816
"""A normal's 10 % and 90 % lie so many deviations off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An ended problem as it was told last; ``worth_sd`` is of the logarithm, the shares are of expected bookings."""

    bookings_per_day: float
    baseline_per_day_minor: float
    worth_sd: float
    share_lost: float
    share_lost_sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """An amount that the truth lies under once in ten times, about, and over once in ten."""

    low_minor: int
    mid_minor: int
    high_minor: int


def recovered(problem: Problem, booked: float, days: int) -> Recovered:
    """Return what came back in the ``days`` after the end, of which ``booked`` bookings came.

    Parameters
    ----------
    problem : Problem
    booked : float
        Bookings made on the problem's listings on those days.
    days : int

    Returns
    -------
    Recovered
        Below nothing where the days after were worse than those of the problem.

    Notes
    -----
    ``worth a day * days * (left after - left during)``: what was left during is told by the alert, what is left after
    by counts. Their variances add; that of the worth scales what they come to. With one booking expected the interval
    holds nearly everything, which is what is known.
    """
    wanted = max(problem.bookings_per_day * days, 1e-6)
    after = (booked + 0.5) / (wanted + 0.5)
    gained = after - (1.0 - problem.share_lost)
    variance = DISPERSION * after / (wanted + 0.5) + problem.share_lost_sd**2 + (gained * problem.worth_sd) ** 2
    scale, far = problem.baseline_per_day_minor * days, HELD_SD * float(np.sqrt(variance))
    low, mid, high = (round(scale * (gained + off)) for off in (-far, 0.0, far))
    return Recovered(low_minor=low, mid_minor=mid, high_minor=high)
