"""How well scores rank labelled points, with and without tolerance around events.

VUS-PR is the volume under the range-based precision-recall surface (Paparrizos, Boniol, Palpanas, Tsay, Elmore,
Franklin, "Volume Under the Surface", PVLDB 15(11), 2022) as TSB-AD 1.5 computes it: 250 thresholds, and for each
buffer ``w`` from 0 to ``width`` the labels are let out by ``w // 2`` points on both sides, falling as
``sqrt(1 - distance / w)``. With ``e`` those soft labels, ``P`` the labelled points, at each threshold

    TP = sum of e over the points called,   precision = TP / points called
    recall = min(TP / ((P + P + sum of e over the called points outside) / 2), 1) * share of events touched
    area = sum of precision * step in recall,   VUS-PR = mean area over w

Events whose buffers overlap are one when it is asked whether they were touched.
"""

from __future__ import annotations

import numpy as np

from detectors.evaluation.events import spans
from detectors.series import BoolArray, FloatArray, IntArray

THRESHOLDS = 250
# What TSB-AD takes for series whose autocorrelation has no peak from lag 6 to 303.
NO_PERIOD = 125
FIRST_LAG, LAST_LAG, SHORTEST, LONGEST = 3, 400, 3, 300


def auc_pr(labels: BoolArray, scores: FloatArray) -> float:
    """Return the average precision: sum over distinct thresholds of precision times the step in recall.

    Parameters
    ----------
    labels : ndarray of bool, shape (n_times,)
    scores : ndarray, shape (n_times,)
        Higher is stranger.

    Returns
    -------
    float
        0 without a labelled point.
    """
    recall, precision = curve(labels, scores)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def curve(labels: BoolArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return recall and precision at each distinct threshold, from the highest; empty without a labelled point."""
    if not labels.any():
        return np.zeros(0), np.zeros(0)
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    called = np.flatnonzero(last_of_ties) + 1
    hits = np.cumsum(labels[order])[last_of_ties]
    return hits / labels.sum(), hits / called


def vus_pr(labels: BoolArray, scores: FloatArray, width: int) -> float:
    """Return the volume under the range-based precision-recall surface.

    Parameters
    ----------
    labels : ndarray of bool, shape (n_times,)
    scores : ndarray, shape (n_times,)
        Higher is stranger; finite.
    width : int
        The widest buffer in points; `period` of the series by TSB-AD's convention.

    Returns
    -------
    float
        In [0, 1]; 0 without a labelled point.
    """
    if not labels.any():
        return 0.0
    order = np.argsort(-scores, kind="stable")
    cuts = scores[order][np.linspace(0, len(scores) - 1, THRESHOLDS).astype(np.int64)]
    called = np.searchsorted(-scores[order], -cuts, side="right")
    happened = spans(labels)
    areas = [_area(labels, scores, happened, window, order, cuts, called) for window in range(width + 1)]
    return float(np.mean(areas))


def _area(
    labels: BoolArray, scores: FloatArray, happened: IntArray, window: int, order: IntArray, cuts: FloatArray,
    called: IntArray,
) -> float:  # fmt: skip
    """Return the area under the curve of one buffer."""
    soft = _soft(labels, happened, window)
    hits = np.append(0.0, np.cumsum(soft[order]))[called]
    outside = np.append(0.0, np.cumsum(np.where(labels, 0.0, soft)[order]))[called]
    touched = np.array([scores[first : last + 1].max() for first, last in _merged(happened, window, len(labels))])
    share = (touched[None, :] >= cuts[:, None]).mean(axis=1)
    positives = int(labels.sum())
    recall = np.minimum(hits / ((positives + positives + outside) / 2.0), 1.0) * share
    return float(np.dot(np.diff(recall, prepend=0.0), hits / called))


def _soft(labels: BoolArray, happened: IntArray, window: int) -> FloatArray:
    """Return the labels with what is let out around each event; overlaps add up, to 1 at most."""
    soft = labels.astype(np.float64)
    if window < 2:
        return soft
    for first, last in happened:
        after = np.arange(last + 1, min(last + window // 2 + 1, len(labels)))
        soft[after] += np.sqrt(1.0 - (after - last) / window)
        before = np.arange(max(first - window // 2, 0), first)
        soft[before] += np.sqrt(1.0 - (first - before) / window)
    return np.minimum(soft, 1.0)


def _merged(happened: IntArray, window: int, size: int) -> list[tuple[int, int]]:
    """Return the events with their buffers, those that overlap or touch as one."""
    half = window // 2
    merged = [(max(int(happened[0, 0]) - half, 0), int(happened[0, 1]) + half)]
    for first, last in happened[1:]:
        if merged[-1][1] < first - half:
            merged.append((int(first) - half, int(last) + half))
        else:
            merged[-1] = (merged[-1][0], int(last) + half)
    return [(first, min(last, size - 1)) for first, last in merged]


def period(values: FloatArray) -> int:
    """Return a series' period as TSB-AD tells it: the highest peak of the autocorrelation of at most 20,000 points.

    Parameters
    ----------
    values : ndarray, shape (n_times,)
        Without NaN.
    """
    series = values[:20_000] - values[:20_000].mean()
    size = len(series)
    spectrum = np.abs(np.fft.rfft(series, 2 * size)) ** 2
    correlation = np.fft.irfft(spectrum, 2 * size)[FIRST_LAG : min(LAST_LAG, size - 1) + 1]
    inner = correlation[1:-1]
    found = np.flatnonzero((inner > correlation[:-2]) & (inner > correlation[2:])) + 1
    if not len(found):
        return NO_PERIOD
    best = int(found[np.argmax(correlation[found])])
    return best + FIRST_LAG if SHORTEST <= best <= LONGEST else NO_PERIOD
