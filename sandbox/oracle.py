"""When an incident could be seen at all: a likelihood-ratio CUSUM that knows the true rates before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
    f"likelihood-ratio CUSUM on the true rates of a day's impressions (Poisson, gamma rate), views and bookings "
    f"(binomial), without knowing the day's luck; one false alert in "
    f"{DAYS_TO_A_FALSE_ALERT:g} days of a series (Siegmund's approximation); what shows directly: its first day; null: "
    f"not within the incident and {GRACE_DAYS} days after it, or not within the live days"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the oracle knows and sees of all listings on the live days, all incidents included.

    ``expected`` are the true rates before the day's luck, ``shape`` the gamma shape of each listing's demand noise,
    half of whose variance is its market's.
    """

    counts: Counts
    expected: TrueRates
    shape: FloatArray


def day_of_detection(item: Incident, known: Known, own: str, holidays: Sequence[int]) -> int | None:
    """The live day on which the oracle is sure; None if that is not within the incident and three days after.

    What shows directly is seen on the first day. All else is judged by the day's impressions, views and bookings, which
    the report tells on the next day.
    """
    if item.is_control:
        return None
    if item.is_direct:
        return item.first_day
    factors = _floored(funnel_factors(item, own, holidays))
    ratio, drift, variance = _walk(item, factors, known)
    threshold = _threshold(drift, variance)
    height = 0.0
    for day in range(item.last_day + 1):
        height = max(0.0, height + float(ratio[day]))
        if height < threshold:
            continue
        if day >= item.first_day:
            told = day + 1
            return told if told <= item.last_day + GRACE_DAYS and told < known.counts.views.shape[1] else None
        height = 0.0  # A false alert before the incident is dismissed, and the watch begins again.
    return None


def _floored(factors: Rates) -> Rates:
    """No rate is taken to fall to nothing: one stray click must not prove the contrary for ever."""
    return Rates(*(np.maximum(getattr(factors, name), _LEAST_FACTOR) for name in Rates.__slots__))


def _walk(item: Incident, factors: Rates, known: Known) -> tuple[FloatArray, float, float]:
    """Log-likelihood ratio of each day to the incident's end, and its mean and variance a day while nothing happens.

    Before its first day the ratio is that of its first day: the oracle does not know when it begins. Impressions are
    Poisson with a gamma rate, of all the incident's listings together; views and bookings are binomial.
    """
    days = np.arange(item.last_day + 1)
    rows = np.array(item.listings)
    step, going = np.maximum(days - item.first_day, 0), days >= item.first_day
    here = np.ix_(rows, days)
    factor = {name: getattr(factors, name)[step] for name in Rates.__slots__}
    usual = {name: getattr(known.expected, name)[here] / np.where(going, factor[name], 1.0) for name in Rates.__slots__}
    seen = {name: getattr(known.counts, name)[here].astype(np.float64) for name in Counts.__slots__}

    mean, grow = usual["impressions"].sum(axis=0), factor["impressions"]
    # Half of the noise is shared; the listings' own halves even out the more listings there are.
    own_share = (usual["impressions"] ** 2).sum(axis=0) / mean**2
    shape = 2 * float(known.shape[rows[0]]) / (1 + own_share)
    each = np.log(grow) - np.log((shape + mean * grow) / (shape + mean))
    ratio, drift = (x * each - shape * (np.log(grow) - each) for x in (seen["impressions"].sum(axis=0), mean))
    variance = (mean + mean**2 / shape) * each**2
    trials_seen, trials = seen["impressions"], usual["impressions"]
    for name, hits in (("ctr", "views"), ("conversion", "events")):
        p0 = np.clip(usual[name], 1e-12, 1 - 1e-9)
        p1 = np.clip(p0 * factor[name], 1e-12, 1 - 1e-9)
        win, lose = np.log(p1 / p0), np.log1p(-p1) - np.log1p(-p0)
        ratio = ratio + (seen[hits] * win + (trials_seen - seen[hits]) * lose).sum(axis=0)
        drift = drift + (trials * (p0 * win + (1 - p0) * lose)).sum(axis=0)
        variance = variance + (trials * p0 * (1 - p0) * (win - lose) ** 2).sum(axis=0)
        trials_seen, trials = seen[hits], trials * p0
    return ratio, float(drift[going].mean()), float(variance[going].mean())


def _threshold(drift: float, variance: float) -> float:
    """Where the CUSUM must stand for the stated days to a false alert, by Siegmund's approximation.

    For a normal walk with mean ``-d`` and deviation 1 a step: days = (exp(2db) - 2db - 1) / 2d², with b the
    threshold in deviations plus the overshoot. Lorden's bound log(days) is never too low; the lower of the
    two is taken.
    """
    # Takes long to load, and a world that was kept needs none of it.
    from scipy import optimize, special

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
