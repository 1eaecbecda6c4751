"""How long problems of a cause last until they are mended: what past ones took, beside what is usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from python_nodes.domain.metrics import FloatArray

PRIOR_COUNT = 5
"""What is usual weighs as so many resolutions."""
PRIOR_SD = 0.6
"""How far problems of one cause usually differ in length, in the logarithm."""
SHORTEST_DAYS = 1.0 / 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasted:
    """Days that problems of one cause lasted: of those that ended, and so far of those that still stand."""

    ended_days: list[float] = field(default_factory=list)
    open_days: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairTime:
    """Days to resolution: their mean, a tenth ends before ``low_days`` and a tenth after ``high_days``."""

    low_days: float
    mid_days: float
    high_days: float
    learned_from: int
    still_open: int = 0


def learn(past: Mapping[str, Lasted], usual_days: Mapping[str, float]) -> dict[str, RepairTime]:
    """Return the days to resolution of every cause.

    Parameters
    ----------
    past : mapping
        By cause.
    usual_days : mapping
        What is assumed of each cause; ``unknown`` of one that is not among them.

    Returns
    -------
    dict
        By cause, of those that ``past`` or ``usual_days`` name.

    Notes
    -----
    The Kaplan-Meier estimate (`scipy.stats.ecdf`), which a problem that still stands enters as having lasted at least
    so long. What is usual enters as `PRIOR_COUNT` resolutions at the middles of equal parts of a lognormal of that
    mean, so that a cause without a past keeps its usual length and one with many resolutions forgets it. The mean is
    the area under the curve; where the longest still stands, the curve ends there (Efron).
    """
    return {
        cause: _one(past.get(cause, Lasted()), usual_days.get(cause, usual_days["unknown"]))
        for cause in sorted({*past, *usual_days})
    }


def _one(past: Lasted, usual_days: float) -> RepairTime:
    ended = np.maximum(np.concatenate([_usual(usual_days), past.ended_days]), SHORTEST_DAYS)
    standing = np.maximum(np.asarray(past.open_days, dtype=np.float64), SHORTEST_DAYS)
    curve = stats.ecdf(stats.CensoredData(uncensored=ended, right=standing)).sf
    days = np.asarray(curve.quantiles, dtype=np.float64)
    left = np.asarray(curve.probabilities, dtype=np.float64)
    # The mean of what is left over each stretch; a curve that does not reach 0 is cut off at its last day.
    mean = float(np.sum(np.diff(days, prepend=0.0) * np.concatenate([[1.0], left[:-1]])))
    low, high = (round(_first(days, left, share), 2) for share in (0.9, 0.1))
    return RepairTime(
        low_days=low, mid_days=round(mean, 2), high_days=high,
        learned_from=len(past.ended_days), still_open=len(past.open_days),
    )  # fmt: skip


def _usual(mean_days: float) -> FloatArray:
    """Return the assumed resolutions, whose mean is the usual one exactly."""
    at = (np.arange(PRIOR_COUNT) + 0.5) / PRIOR_COUNT
    shape = np.exp(PRIOR_SD * stats.norm.ppf(at))
    return np.asarray(mean_days * shape / shape.mean(), dtype=np.float64)


def _first(days: FloatArray, left: FloatArray, share: float) -> float:
    """Return the first day on which no more than ``share`` still stand, the last known if none is."""
    reached = np.flatnonzero(left <= share + 1e-9)
    return float(days[reached[0]] if reached.size else days[-1])
