"""What the same part of longer seasons is off from the shorter season: weekends from the usual day."""

from __future__ import annotations

import numpy as np

from detectors.series import FloatArray
from detectors.single import medians
from detectors.single.views import MAD_SD, MEDIAN_VARIANCE

# A place is looked at together with a quarter of the shorter season on both sides, in so many points at most.
REACH, POINTS = 4, 13
# Neighbours in time are worth a third of a point each, and chance is given three standard errors.
WORTH, CERTAIN = 1.0 / 3.0, 3.0


def offsets(shorter: int) -> list[int]:
    """Return where around a place it is looked, in points."""
    reach = max(shorter // REACH, 1)
    return sorted({round(each) for each in np.linspace(-reach, reach, min(2 * reach + 1, POINTS))})


def trusted(off: FloatArray) -> FloatArray:
    """Return the median of each column as far as chance cannot have brought it; (n_around, n) gives (n,).

    The positive part of James and Stein's estimator. Where nothing is known, nothing is moved.
    """
    moved = medians.column_medians(off)
    spread = MAD_SD * medians.column_medians(np.abs(off - moved))
    counts = WORTH * np.isfinite(off).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = np.maximum(1.0 - CERTAIN**2 * MEDIAN_VARIANCE * spread**2 / counts / moved**2, 0.0)
        return np.asarray(np.where(np.isfinite(share), share * moved, 0.0), dtype=np.float64)


def moved_by(off: FloatArray, shorter: int, longer: int) -> FloatArray:
    """Return how far each place of the longer season lies from the shorter one, told by all rounds of it.

    Parameters
    ----------
    off : ndarray, shape (n_times,)
        Values less what the shorter season says; NaN where missing.
    shorter, longer : int
        In points.

    Returns
    -------
    ndarray, shape (n_times,)
        Zero where chance could have brought it.
    """
    rounds = -(-len(off) // longer)
    block = np.append(off, np.full(rounds * longer - len(off), np.nan)).reshape(rounds, longer)
    around = np.concatenate([np.roll(block, by, axis=1) for by in offsets(shorter)])
    return np.asarray(np.tile(trusted(around), rounds)[: len(off)], dtype=np.float64)
