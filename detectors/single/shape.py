"""Which stretch has a shape unlike the others' (Sub-PCA), blind to how often the usual shapes occur.

Windows of a few taps are whitened by the principal components of all windows (robustly centred and clipped for the fit,
so that incidents do not shape what is usual); a window's strangeness is its squared length in that space, the
Mahalanobis distance (Aggarwal, "Outlier Analysis", 2017, 3.3; Sub-PCA of TSB-AD, Liu and Paparrizos 2024). A point has
the mean of the windows that hold it.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detectors.series import FloatArray

CLIP = 5.0
# What is left of the spectrum's mean on components that hardly vary, so that rounding is not taken for shape.
RIDGE = 1e-3
FIT_WINDOWS = 8192


def strangeness(values: FloatArray, step: int, taps: int) -> FloatArray:
    """Return how unlike all others the windows around each point are.

    Parameters
    ----------
    values : ndarray, shape (n_times,)
        Without NaN.
    step : int
        Points between two taps; each tap is the mean of as many points.
    taps : int
        A window's length in taps.

    Returns
    -------
    ndarray, shape (n_times,)
        Square root of the mean squared distance, without unit; 0 throughout for a constant or too short series.
    """
    size, width = len(values), (taps - 1) * step + 1
    spread = 1.4826 * float(np.median(np.abs(values - np.median(values)))) or float(
        np.mean(np.abs(values - values.mean()))
    )
    if spread <= 0 or size < 2 * width + step:
        return np.zeros(size)
    smooth = np.convolve(values, np.ones(step) / step, mode="valid") if step > 1 else values
    windows = sliding_window_view(smooth, width)[:, ::step]
    chosen = windows[:: max(len(windows) // FIT_WINDOWS, 1)]
    middle = np.median(chosen, axis=0)
    clipped = np.clip((chosen - middle) / spread, -CLIP, CLIP)
    offset = clipped.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(clipped, rowvar=False, bias=True))
    variances = np.maximum(variances, 0.0)
    white = axes / np.sqrt(variances + max(RIDGE * variances.mean(), np.finfo(np.float64).tiny))
    distance = ((((windows - middle) / spread - offset) @ white) ** 2).sum(axis=1)
    return np.asarray(np.sqrt(_spread_out(distance, size)), dtype=np.float64)


def _spread_out(of_windows: FloatArray, size: int) -> FloatArray:
    """Return for each point the mean over the windows that hold it."""
    reach = size - len(of_windows) + 1
    ends = np.concatenate([[0.0], np.cumsum(of_windows)])
    points = np.arange(size)
    first = np.maximum(points - reach + 1, 0)
    last = np.minimum(points, len(of_windows) - 1)
    return np.asarray(np.maximum(ends[last + 1] - ends[first], 0.0) / (last - first + 1), dtype=np.float64)
