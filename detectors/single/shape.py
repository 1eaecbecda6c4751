"""Which stretch has a shape unlike the others' (Sub-PCA), blind to how often the usual shapes occur.

Windows of a few taps are whitened by the principal components of all windows (robustly centred and clipped for the fit,
so that incidents do not shape what is usual); a window's strangeness is its squared length in that space, the
Mahalanobis distance (Aggarwal, "Outlier Analysis", 2017, 3.3; Sub-PCA of TSB-AD, Liu and Paparrizos 2024). A point has
the mean of the windows that hold it.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    usual = learn(chosen, np.float64(spread))
    distance = squared_length(windows, usual)
    return np.asarray(np.sqrt(_spread_out(distance, size)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Usual:
    """What shapes usually are: windows lie about ``middle + spread * offset``, and ``white`` makes them round.

    Any number of sets of windows side by side; ``spread`` broadcasts against ``middle``.
    """

    middle: FloatArray
    spread: FloatArray | np.float64
    offset: FloatArray
    white: FloatArray


def learn(windows: FloatArray, spread: FloatArray | np.float64) -> Usual:
    """Return the whitened principal components of windows, robustly centred and clipped.

    Parameters
    ----------
    windows : ndarray, shape (..., n_windows, taps)
    spread : float or ndarray, shape (..., 1)
        Of the values; more than 0.

    Returns
    -------
    Usual
    """
    middle = np.median(windows, axis=-2)
    clipped = np.clip((windows - middle[..., None, :]) / np.asarray(spread)[..., None], -CLIP, CLIP)
    offset = clipped.mean(axis=-2)
    centred = clipped - offset[..., None, :]
    covariance = np.swapaxes(centred, -1, -2) @ centred / windows.shape[-2]
    variances, axes = np.linalg.eigh(covariance)
    variances = np.maximum(variances, 0.0)
    least = np.maximum(RIDGE * variances.mean(axis=-1, keepdims=True), np.finfo(np.float64).tiny)
    return Usual(middle, spread, offset, axes / np.sqrt(variances + least)[..., None, :])


def squared_length(windows: FloatArray, usual: Usual) -> FloatArray:
    """Return each window's squared Mahalanobis distance, (..., n_windows); windows as in `learn`."""
    apart = (windows - usual.middle[..., None, :]) / np.asarray(usual.spread)[..., None]
    return np.asarray((((apart - usual.offset[..., None, :]) @ usual.white) ** 2).sum(axis=-1), dtype=np.float64)


def _spread_out(of_windows: FloatArray, size: int) -> FloatArray:
    """Return for each point the mean over the windows that hold it."""
    reach = size - len(of_windows) + 1
    ends = np.concatenate([[0.0], np.cumsum(of_windows)])
    points = np.arange(size)
    first = np.maximum(points - reach + 1, 0)
    last = np.minimum(points, len(of_windows) - 1)
    return np.asarray(np.maximum(ends[last + 1] - ends[first], 0.0) / (last - first + 1), dtype=np.float64)
