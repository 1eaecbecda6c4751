"""From strengths to p-values and one figure: ranks against the past of all series, summed by measured weights.

A detector's strength is held against the strengths of earlier columns of all series given together (conformal rank,
Weibull tail beyond what is common: `detectors.single.tails`); the surprise is ``-log p``. What one detector calls
strange may be another's every day: a rank needs no scale. The sum is that of Fisher (1925) with weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detectors.inspect.contract import Judged
from detectors.series import FloatArray
from detectors.single import tails

SAMPLE = 20_000
WEIGHTS: Mapping[str, float] = {
    "flat_line": 0.46, "level_shift": 0.46, "missing": 1.0, "shape": 0.22, "variance": 0.27,
}  # fmt: skip
"""Logistic weights of surprises, the largest 1; learnt by ``bench.inspect.learnt_weights`` on seeds 1200 to 1203.

The cumulative sum of `slow_decline` got none beside `level_shift`; the forest gained nothing worth its cost."""


@dataclass(frozen=True, slots=True)
class Usual:
    """Strengths of the past by detector: the explicit prior that makes a series score the same alone and in a batch."""

    strengths: Mapping[str, FloatArray]


def learn(judged: Mapping[str, Judged], first: int, until: int) -> Usual:
    """Return what strengths usually are, by columns ``first`` to ``until`` (exclusive) of all series.

    Parameters
    ----------
    judged : mapping
        Answers by detector.
    first, until : int
        ``first`` leaves out the columns on which detectors had too short a past.

    Returns
    -------
    Usual
    """
    result = {}
    for name, one in judged.items():
        past = one.strength[:, first:until].ravel()
        result[name] = past[:: max(past.size // SAMPLE, 1)]
    return Usual(result)


def p_values(judged: Mapping[str, Judged], usual: Usual, columns: slice) -> dict[str, FloatArray]:
    """Return how often as strong a strength comes, by detector, each (n_series, asked columns).

    Parameters
    ----------
    judged : mapping
    usual : Usual
    columns : slice
        Later than what ``usual`` was learnt from.

    Returns
    -------
    dict
        1 where a detector has nothing to say.
    """
    result = {}
    for name, one in judged.items():
        asked = one.strength[:, columns]
        told = tails.p_values(asked.ravel(), usual.strengths[name]).reshape(asked.shape)
        result[name] = np.where(asked > 0, told, 1.0)
    return result


def combined(p_value: Mapping[str, FloatArray], weights: Mapping[str, float]) -> FloatArray:
    """Return the weighted sum of surprises; a detector without a weight is not heard."""
    first = next(iter(p_value.values()))
    total = np.zeros(first.shape)
    for name, weight in weights.items():
        if name in p_value:
            total += weight * -np.log(p_value[name])
    return total
