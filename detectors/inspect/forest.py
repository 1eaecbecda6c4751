"""Points that are easily set apart from all others: an isolation forest on features of each point.

Features: the value in units of its past spread, its step from the point before, the residual, the place in the season,
and how restless the last season was. The forest (Liu, Ting and Zhou, "Isolation Forest", ICDM 2008; scikit-learn's,
256 points a tree, fixed seed) is learnt from all series' points before the last refit. It is the one detector whose
answer on a series depends on the others given with it.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from detectors.inspect.contract import CLIP, Judged, Subjects, trailing
from detectors.inspect.shape import refits
from detectors.series import FloatArray

NAME = "forest"
TREES, SEED = 100, 4
FIRST, GROWTH = 6, 2.0
MOST_POINTS = 50_000
HALF_LIFE = 8


def judge(subjects: Subjects) -> Judged:
    """Judge every column by a forest learnt before it.

    Parameters
    ----------
    subjects : Subjects

    Returns
    -------
    Judged
        ``strength`` is scikit-learn's anomaly score, 0 to 1; ``size`` is 0.
    """
    from sklearn.ensemble import IsolationForest

    n_series, n_times = subjects.values.shape
    strength = np.zeros((n_series, n_times))
    first = FIRST * subjects.season
    known = np.isfinite(subjects.values) & np.isfinite(subjects.residual)
    if n_times > first and known[:, :first].any():
        features = _features(subjects)
        for start, end in zip(fits := refits(first, n_times, GROWTH), [*fits[1:], n_times], strict=True):
            learnt = features[:, : start - subjects.season][known[:, : start - subjects.season]]
            asked = known[:, start:end]
            if not len(learnt) or not asked.any():
                continue
            chosen = learnt[:: max(len(learnt) // MOST_POINTS, 1)]
            forest = IsolationForest(n_estimators=TREES, random_state=SEED).fit(chosen)
            strength[:, start:end][asked] = -forest.score_samples(features[:, start:end][asked])
    holds = strength[:, -1] > 0 if n_times else np.zeros(n_series, dtype=np.bool_)
    return Judged(strength, np.where(holds, n_times - 1, -1).astype(np.int64), np.zeros(n_series))


def _features(subjects: Subjects) -> FloatArray:
    """Return each point's features, (n_series, n_times, n_features); what is unknown is as usual."""
    residual, _ = subjects.weighted()
    values = np.where(np.isfinite(subjects.values), subjects.values, 0.0)
    told = np.isfinite(subjects.values).astype(np.float64)
    season = subjects.season
    kept = 0.5 ** (1.0 / (HALF_LIFE * season))

    def past(of: FloatArray) -> FloatArray:
        summed = signal.lfilter([0.0, 1.0], [1.0, -kept], of * told, axis=1)
        count = signal.lfilter([0.0, 1.0], [1.0, -kept], told, axis=1)
        return np.asarray(summed / np.maximum(count, 1e-9), dtype=np.float64)

    mean = past(values)
    spread = np.sqrt(np.maximum(past((values - mean) ** 2), 0.0))
    scaled = np.where(told > 0, np.clip((values - mean) / np.maximum(spread, 1e-9), -CLIP, CLIP), 0.0)
    step = np.diff(scaled, axis=1, prepend=scaled[:, :1])
    restless = np.sqrt(trailing(residual**2, season) / season)
    place = 2.0 * np.pi * (np.arange(values.shape[1]) % season) / season
    seasonal = [np.broadcast_to(one, values.shape) for one in (np.sin(place), np.cos(place))]
    return np.stack([scaled, step, residual, *seasonal, restless], axis=-1)
