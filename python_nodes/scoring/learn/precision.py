"""How far a cut must move by what people said of its alerts: a Bayesian precision, and what moving the cut costs.

Of ``n`` alerts of a segment in the days replayed, ``false`` were judged false and ``real`` real; the budget allows
``asked`` false ones. The precision is Beta-binomial: before any verdict the budget is believed, false ones being
``asked / n`` of all, with the weight of `STRENGTH` verdicts. What is left of false and of real alerts at a stricter cut
is a Dirichlet process' posterior mean (Ferguson 1973): the judged alerts' own excess over the cut, and before any an
exponential, as tails over a high cut are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from python_nodes.domain.metrics import FloatArray

STRENGTH = 2.0
"""Verdicts that the budget's word weighs as."""
PRIOR_ALERTS = 2.0
"""Judged alerts that the exponential tails weigh as."""
REAL_EXCESS = 12.0
"""Mean excess of real ones before any was judged, in nats: the middle incident of bench/_incidents.py has more."""
KEPT = 0.4
"""One proposal leaves so much of a segment's false alerts: the next verdicts tell whether that was enough."""
LIKE_OTHERS = 4.0
"""Judged alerts that the watch's other real ones weigh as, where it is asked how far a segment's are over their cut."""
LOST_REAL = 0.1
"""So much of the watch's real alerts one proposal may be expected to cost; few of them are judged, so it is rough."""
LEAST = 1e-20
"""No cut is moved further than this share of what the budget allows: a misread rank is that strange, by quiet days."""
STEPS = 93
TOO_MANY = 2.0
"""Only where false alerts come at so many times the budget is it more than chance that the cut is moved for."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A segment's alerts in the days replayed.

    ``false`` and ``real`` are the judged ones' excess, ln(p at the cut ÷ p reached), at the cut without any learning;
    ``alerts`` are all, judged or not; ``asked`` false ones the budget allows.
    """

    alerts: int
    asked: float
    false: FloatArray
    real: FloatArray


@dataclass(frozen=True, slots=True)
class Moved:
    """A cut's new place: ``factor`` of the false alerts allowed, and what was estimated on the way."""

    factor: float
    precision: float
    false_expected: float
    false_left: float
    real_lost: float


def prior(one: Judged) -> tuple[float, float]:
    """Return the Beta prior of an alert's being real, told by the budget: weights of real and of false."""
    false = min(one.asked / one.alerts, 1.0) if one.alerts else 0.5
    # A budget that allows next to nothing is no proof that nothing is false.
    false = min(max(false, 0.05), 0.95)
    return STRENGTH * (1.0 - false), STRENGTH * false


def precision(one: Judged) -> float:
    """Return the share of real ones to be expected of the segment's alerts."""
    real, false = prior(one)
    return float((real + one.real.size) / (real + false + one.real.size + one.false.size))


def log_evidence(parts: list[Judged], whole: Judged) -> float:
    """Return how well a partition tells which alerts are false: the log of its verdicts' Beta-binomial likelihood."""
    real, false = prior(whole)
    told = [(one.real.size, one.false.size) for one in parts]
    return float(sum(special.betaln(real + r, false + f) - special.betaln(real, false) for r, f in told))


def left(excess: FloatArray, at: FloatArray, mean: float) -> FloatArray:
    """Return the share of alerts that still reach a cut ``at`` nats stricter."""
    told = (excess[None, :] > at[:, None]).sum(axis=1)
    return np.asarray((PRIOR_ALERTS * np.exp(-at / mean) + told) / (PRIOR_ALERTS + excess.size), dtype=np.float64)


def moved(one: Judged, whole: Judged, real_share: float, now: float = 1.0) -> Moved:
    """Return where a segment's cut should be.

    Parameters
    ----------
    one : Judged
        The segment.
    whole : Judged
        All of the watch, whose real alerts tell of the segment's too.
    real_share : float
        How much of the watch's real alerts are the segment's: what it loses of them is lost of the whole in proportion.
    now : float
        The factor in force.

    Returns
    -------
    Moved
        Where `KEPT` of the false alerts that come now are left, or the budget's; not as far where that may be expected
        to cost more than `LOST_REAL`. ``factor`` is ``now`` where they come no more often than chance and budget allow.
    """
    told = precision(one)
    at = np.unique(np.concatenate([[-np.log(now)], one.false, np.linspace(0.0, -np.log(LEAST), STEPS)]))
    at = at[(at >= -np.log(now)) & (at <= -np.log(LEAST))]
    false = one.alerts * (1.0 - told) * left(one.false, at, 1.0)
    own = (one.real[None, :] > at[:, None]).sum(axis=1)
    of_real = (LIKE_OTHERS * left(whole.real, at, REAL_EXCESS) + own) / (LIKE_OTHERS + one.real.size)
    lost = real_share * (of_real[0] - of_real)
    if false[0] <= TOO_MANY * one.asked:
        return Moved(now, told, float(false[0]), float(false[0]), 0.0)
    fits = lost <= LOST_REAL
    enough = fits & (false <= max(one.asked, KEPT * false[0]))
    best = int(np.argmax(enough)) if enough.any() else int(np.flatnonzero(fits)[-1])
    return Moved(float(np.exp(-at[best])), told, float(false[0]), float(false[best]), float(lost[best]))
