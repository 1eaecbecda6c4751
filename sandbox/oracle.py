"""When an incident could be seen at all: a likelihood-ratio CUSUM that knows the true rates before and after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize, special

from sandbox.calendar import FloatArray
from sandbox.demand import Counts, TrueRates
from sandbox.effects import Rates, funnel_factors
from sandbox.incidents import Incident

# The same for every incident: on average one false alert in so many days of a series on which nothing happens.
DAYS_TO_A_FALSE_ALERT = 1000.0
GRACE_DAYS = 3
# Siegmund's correction for the overshoot of a normal walk, at both ends.
_OVERSHOOT = 2 * 0.583
_LEAST_FACTOR = 1e-3
STATEMENT = (
    f"likelihood-ratio CUSUM on the true daily rates of impressions, views and bookings; one false alert in "
    f"{DAYS_TO_A_FALSE_ALERT:g} days of a series (Siegmund's approximation); what shows directly: its first day; null: "
    f"not within the incident and {GRACE_DAYS} days after it, or not within the live days"
)


def day_of_detection(item: Incident, counts: Counts, true: TrueRates, own: str, holidays: Sequence[int]) -> int | None:
    """The live day on which the oracle is sure; None if that is not within the incident and three days after.

    What shows directly is seen on the first day. All else is judged by the day's impressions, views and bookings, which
    the report tells on the next day. ``counts`` and ``true`` are the live days with all incidents.
    """
    if item.is_control:
        return None
    if item.is_direct:
        return item.first_day
    rows, last = np.array(item.listings), item.last_day
    factors = _floored(funnel_factors(item, own, holidays))
    ratio, drift, variance = _walk(rows, factors, item, counts, true)
    threshold = _threshold(drift, variance)
    height = 0.0
    for day in range(last + 1):
        height = max(0.0, height + float(ratio[day]))
        if height < threshold:
            continue
        if day >= item.first_day:
            told = day + 1
            return told if told <= last + GRACE_DAYS and told < counts.views.shape[1] else None
        height = 0.0  # A false alert before the incident is dismissed, and the watch begins again.
    return None


def _floored(factors: Rates) -> Rates:
    """No rate is taken to fall to nothing: one stray click must not prove the contrary for ever."""
    return Rates(*(np.maximum(getattr(factors, name), _LEAST_FACTOR) for name in Rates.__slots__))


def _walk(
    rows: np.ndarray, factors: Rates, item: Incident, counts: Counts, true: TrueRates
) -> tuple[FloatArray, float, float]:
    """Log-likelihood ratio of each day to the incident's end, and its mean and variance a day while nothing happens.

    Before its first day the ratio is that of its first day: the oracle does not know when it begins.
    """
    days = np.arange(item.last_day + 1)
    step = np.maximum(days - item.first_day, 0)
    going = days >= item.first_day
    factor = {name: getattr(factors, name)[step] for name in Rates.__slots__}
    here = np.ix_(rows, days)
    usual = {name: getattr(true, name)[here] / np.where(going, factor[name], 1.0) for name in Rates.__slots__}
    seen = {name: getattr(counts, name)[here].astype(np.float64) for name in Counts.__slots__}

    mean, grow = usual["impressions"], factor["impressions"]
    ratio = seen["impressions"] * np.log(grow) - mean * (grow - 1)
    drift = mean * np.log(grow) - mean * (grow - 1)
    variance = mean * np.log(grow) ** 2
    trials_seen, trials = seen["impressions"], mean
    for name, hits in (("ctr", "views"), ("conversion", "events")):
        p0 = np.clip(usual[name], 1e-12, 1 - 1e-9)
        p1 = np.clip(p0 * factor[name], 1e-12, 1 - 1e-9)
        win, lose = np.log(p1 / p0), np.log1p(-p1) - np.log1p(-p0)
        ratio = ratio + seen[hits] * win + (trials_seen - seen[hits]) * lose
        drift = drift + trials * (p0 * win + (1 - p0) * lose)
        variance = variance + trials * p0 * (1 - p0) * (win - lose) ** 2
        trials_seen, trials = seen[hits], trials * p0
    return ratio.sum(axis=0), float(drift.sum(axis=0)[going].mean()), float(variance.sum(axis=0)[going].mean())


def _threshold(drift: float, variance: float) -> float:
    """Where the CUSUM must stand for the stated days to a false alert, by Siegmund's approximation.

    For a normal walk with mean ``-d`` and deviation 1 a step: days = (exp(2db) - 2db - 1) / 2d², with b the
    threshold in deviations plus the overshoot. Lorden's bound log(days) is never too low; the lower of the
    two is taken.
    """
    bound = float(np.log(DAYS_TO_A_FALSE_ALERT))
    deviation = float(np.sqrt(variance))
    d = -drift / deviation

    def excess(b: float) -> float:
        return float((special.expm1(2 * d * b) - 2 * d * b) / (2 * d * d)) - DAYS_TO_A_FALSE_ALERT

    highest = bound / deviation + _OVERSHOOT
    if excess(_OVERSHOOT) >= 0 or excess(highest) <= 0:
        return bound
    b = float(optimize.brentq(excess, _OVERSHOOT, highest))
    return min(bound, (b - _OVERSHOOT) * deviation)
