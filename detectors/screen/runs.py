"""How long nothing has been there: of each series the chances that a run of zeros begins and that it goes on."""

from __future__ import annotations

import numpy as np

from detectors.screen import shapes
from detectors.screen.contract import HORIZON, JUDGED, TOO_SHORT, Baseline, Panel, Params, Priors, Reals
from detectors.series import BoolArray, FloatArray, IntArray

STRENGTH = 8.0
"""So many points of its group stand behind a series' own chances."""


def start_of(panel: Panel) -> np.datetime64:
    """Return the first time that may be judged."""
    return np.datetime64(0, "D") if not len(panel.times) else panel.times[-1] + np.timedelta64(1)


def fit(panel: Panel, params: Params, given: Priors | None) -> tuple[Baseline, Priors]:
    """Return a baseline of runs, or of a panel that is too short for any other.

    Parameters
    ----------
    panel : Panel
    params : Params
    given : Priors or None

    Returns
    -------
    Baseline
    Priors
        Of runs, ``level`` (n_groups, 2) holds each group's chances that a run goes on and that one begins.
    """
    values = np.asarray(panel.values, dtype=np.float32)
    told = shapes.seen(values, None, params)
    counts = _transitions(np.where(told, values > 0, False), told)
    group = panel.group_of()
    prior = _pooled(counts, group, panel.n_groups) if given is None else given.level
    stays = (counts[0] + STRENGTH * prior[group, 0]) / (counts[1] + STRENGTH)
    starts = (counts[2] + STRENGTH * prior[group, 1]) / (counts[3] + STRENGTH)
    points = told.sum(axis=1).astype(np.float32)
    enough = (points >= params.min_points) & (params.family == "run")
    priors = Priors(
        np.ones((panel.n_groups, len(panel.times) + HORIZON)), 1e-4, prior, np.zeros((1, 1)), np.ones(1), np.zeros((1,
        1)), np.zeros((1, 2)), np.zeros((1, 2)),
    )  # fmt: skip
    reason = np.where(enough, JUDGED, TOO_SHORT).astype(np.int8)
    return _baseline(panel, params, priors, reason, points, (_kept(values, told), stays, starts)), priors


def _baseline(
    panel: Panel, params: Params, priors: Priors, reason: np.ndarray[tuple[int, ...], np.dtype[np.int8]], points: Reals,
    chain: tuple[FloatArray, FloatArray, FloatArray],
) -> Baseline:  # fmt: skip
    n_series = len(points)
    nothing = np.full((1, n_series), np.nan, dtype=np.float32)
    kept, stays, starts = (np.asarray(one, dtype=np.float32) for one in chain)
    return Baseline(
        params, start_of(panel), priors.shape[:, len(panel.times) :], panel.group_of(),
        np.zeros(n_series, dtype=np.int64), np.ones((HORIZON, n_series), dtype=np.float32), nothing, nothing,
        np.ones(n_series, dtype=np.float32), nothing[:0], nothing[:0], None, points, reason, priors.drift, priors.ranks,
        priors.tail, kept, stays, starts,
    )  # fmt: skip


def _transitions(there: BoolArray, told: BoolArray) -> FloatArray:
    """Return (4, n): zeros that went on, zeros with a point after, runs that began, points that could begin one."""
    both = told[:, 1:] & told[:, :-1]
    was, now = ~there[:, :-1] & both, ~there[:, 1:] & both
    began = now & ~was
    parts = (was & now, was, began, both & ~was)
    return np.array([part.sum(axis=1) for part in parts], dtype=np.float64)


def _pooled(counts: FloatArray, group: IntArray, n_groups: int) -> FloatArray:
    """Return each group's chances, half a point of each outcome beside them."""
    sums = np.stack([np.bincount(group, one, n_groups) for one in counts])
    return np.stack([(sums[0] + 0.5) / (sums[1] + 1.0), (sums[2] + 0.5) / (sums[3] + 50.0)], axis=1)


def _kept(values: Reals, told: BoolArray) -> FloatArray:
    """Return how many told points the last run of zeros has at the end; gaps neither end nor lengthen it."""
    there = (values > 0) & told
    last = (
        np.where(there.any(axis=1), there.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1), -1)
        if there.shape[1]
        else np.full(len(there), -1)
    )
    after = np.arange(there.shape[1]) > last[:, None]
    return np.asarray((after & told).sum(axis=1), dtype=np.float64)
