"""How far an amount lost may be off: the range that holds it four times in five."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from python_nodes.domain.metrics import FloatArray

HELD = 0.8
"""How often the truth is to lie within low and high."""
POINTS = 15
"""Equally likely values that stand for each uncertain factor; 15 by 15 tell a tenth's quantile to a twentieth."""
TOGETHER = 0.8
"""How far the errors of several listings of one alert go the same way: they share season, assumption and onset."""
_TAIL = (1.0 - HELD) / 2.0


@dataclass(frozen=True, slots=True)
class Ends:
    """Low and high as multiples of the amount between them, (n,)."""

    low: FloatArray
    high: FloatArray


def ends(worth_sd: FloatArray, share: FloatArray, share_sd: FloatArray) -> Ends:
    """Return the ends of worth times share.

    Parameters
    ----------
    worth_sd : ndarray, shape (n,)
        Standard deviation of the logarithm of that whose share is lost; lognormal.
    share : ndarray, shape (n,)
        The share lost, 0 to 1.
    share_sd : ndarray, shape (n,)
        Its standard deviation; a beta distribution of that mean and deviation.

    Returns
    -------
    Ends
        1 and 1 where nothing is lost.

    Notes
    -----
    The product of a lognormal and a beta has no closed form; both are put at the middles of equally likely parts, and
    the product's quantiles are read from all pairs.
    """
    at = (np.arange(POINTS) + 0.5) / POINTS
    worth = np.exp(np.asarray(worth_sd)[:, None] * special.ndtri(at)[None, :])
    mean = np.clip(share, 1e-4, 1.0 - 1e-4)
    # A beta is no wider than one of two certain outcomes.
    deviation = np.clip(share_sd, 1e-4, 0.95 * np.sqrt(mean * (1.0 - mean)))
    weight = mean * (1.0 - mean) / deviation**2 - 1.0
    lost = special.betaincinv((mean * weight)[:, None], ((1.0 - mean) * weight)[:, None], at[None, :])
    product = (worth[:, :, None] * (lost / mean[:, None])[:, None, :]).reshape(len(mean), -1)
    low, high = np.quantile(product, [_TAIL, 1.0 - _TAIL], axis=1)
    nothing = np.asarray(share) <= 0.0
    return Ends(np.where(nothing, 1.0, np.minimum(low, 1.0)), np.where(nothing, 1.0, np.maximum(high, 1.0)))


def summed(amounts: Sequence[float], edges: Sequence[float]) -> float:
    """Return one edge of a sum, by the same edge of each amount: partly independent, partly the same error."""
    off = np.abs(np.asarray(edges, dtype=np.float64) - np.asarray(amounts, dtype=np.float64))
    far = float(np.sqrt((1.0 - TOGETHER) * (off**2).sum() + TOGETHER * off.sum() ** 2))
    return sum(amounts) + (far if sum(edges) >= sum(amounts) else -far)


def product(mid: float, first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    """Return low and high of the product of two independent factors, each told by its ends as multiples of its middle.

    Distances are added as of logarithms: ``sqrt(log(a) ** 2 + log(b) ** 2)``.
    """
    low, high = (
        float(np.hypot(*np.log(np.clip([one, other], 1e-6, 1e6))))
        for one, other in zip(first, second, strict=True)
    )  # fmt: skip
    return mid * float(np.exp(-low)), mid * float(np.exp(high))
