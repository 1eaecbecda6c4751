"""How long a series' season is, told by its autocorrelation, with the calendar's periods preferred where they fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.series import FloatArray, IntArray

# A season must explain this much of the spread one period later, and be seen twice at least.
MIN_CORRELATION = 0.2
# Of peaks about as high as the highest the shortest is the season; the others are its multiples.
NEAR_BEST = 0.85
SNAP = 0.05
# A day or a week is believed sooner than a period that the calendar does not know.
CALENDAR = 0.7
MIN_UNNAMED = 0.5
CLIP_MADS = 4.0
LONGEST = 20_160


def autocorrelation(values: FloatArray, lags: int) -> FloatArray:
    """Return the autocorrelation at lags 0 to ``lags``, robust to gaps and spikes.

    Values are centred by their median and cut at four robust standard deviations; a gap counts as the centre. Each lag
    is divided by its number of pairs that are known.

    Parameters
    ----------
    values : ndarray, shape (n_times,)
    lags : int
        Less than n_times.

    Returns
    -------
    ndarray, shape (lags + 1,)
        Zero throughout where the values do not vary.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(lags + 1)
    centred = np.where(known, values - np.median(values[known]), 0.0)
    spread = 1.4826 * float(np.median(np.abs(centred[known])))
    if spread > 0:
        centred = np.clip(centred, -CLIP_MADS * spread, CLIP_MADS * spread)
    centred = np.where(known, centred - centred[known].mean(), 0.0)
    size = 2 * len(values)
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    pairs = np.abs(np.fft.rfft(known.astype(np.float64), size)) ** 2
    sums = np.fft.irfft(power, size)[: lags + 1]
    counts = np.maximum(np.fft.irfft(pairs, size)[: lags + 1], 1.0)
    variance = sums[0] / counts[0]
    if variance <= 0:
        return np.zeros(lags + 1)
    return np.asarray(sums / counts / variance, dtype=np.float64)


def peaks(correlation: FloatArray) -> IntArray:
    """Return the lags at which the autocorrelation has a peak, from 2 on."""
    inner = correlation[1:-1]
    higher = (inner > correlation[:-2]) & (inner >= correlation[2:])
    lags = np.flatnonzero(higher) + 1
    return np.asarray(lags[lags >= 2], dtype=np.int64)


def find(values: FloatArray, hints: Sequence[int] = ()) -> int | None:
    """Return the season's length in points, or None.

    Parameters
    ----------
    values : ndarray, shape (n_times,)
        Equally spaced, NaN where missing.
    hints : sequence of int
        Periods of the calendar at this grain (a day, a week); a peak within five per cent of one is taken to be it.

    Returns
    -------
    int or None
        None where no lag up to half the length correlates by `MIN_CORRELATION`.
    """
    lags = min(len(values) // 2, LONGEST)
    if lags < 4:
        return None
    correlation = autocorrelation(values, lags)
    found = peaks(correlation)
    # Neighbours resemble one another without any season: only what comes back after having gone counts.
    low = np.minimum.accumulate(correlation)
    found = found[(correlation[found] >= MIN_CORRELATION) & (correlation[found] - low[found] >= MIN_CORRELATION)]
    if not len(found):
        return None
    best = float(correlation[found].max())
    for hint in sorted(hints):
        near = found[np.abs(found - hint) <= max(SNAP * hint, 1.0)]
        if len(near) and correlation[near].max() >= CALENDAR * best:
            return int(hint)
    if best < MIN_UNNAMED:
        return None
    return int(found[correlation[found] >= NEAR_BEST * best][0])
