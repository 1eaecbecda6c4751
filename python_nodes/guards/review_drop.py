"""Guests' score fell within the remembered weeks, by more than single reviews move it."""

from __future__ import annotations

import warnings

import numpy as np

from python_nodes.domain.findings import LOSS_IS_ASSUMED, Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.guards.finding import finding
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "review_drop"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing whose latest score lies well below the best of the last weeks."""
    days, history = inputs.recent.days, inputs.recent.review_score
    score = inputs.reviews.score_10
    with warnings.catch_warnings():
        # numpy warns of a maximum of nothing; that is the NaN wanted here.
        warnings.simplefilter("ignore", RuntimeWarning)
        before = np.nanmax(history, axis=1, initial=-np.inf, where=np.isfinite(history))
    least = least_fall(inputs.reviews.count, settings)
    # A score is written with a digit or two: a hair's breadth keeps 8.7 - 8.45 from being less than 0.25.
    fallen = (before - score >= least - 1e-9) & np.isfinite(before)
    fallen &= inputs.reviews.count >= settings.review_min_count
    found = []
    for row in np.flatnonzero(fallen).tolist():
        points = float(before[row] - score[row])
        still_good = np.flatnonzero(history[row] > before[row] - least[row] + 1e-9)
        lower = np.flatnonzero(np.isfinite(history[row]) & (np.arange(days.size) > still_good[-1]))
        onset = days[lower[0]].astype("datetime64[D]").item() if lower.size else inputs.as_of_day
        found.append(
            finding(
                inputs, int(row), kind=NAME, metric="review_score", cause="review_drop",
                share_lost=1.0 - float(np.exp(-settings.review_loss_per_point * points)),
                observed=float(score[row]), expected=float(before[row]), onset_date=min(onset, inputs.as_of_day),
                evidence={
                    "points": round(points, 2), "review_count": int(inputs.reviews.count[row]),
                    "last_at_former_score": str(days[still_good[-1]]),
                    "assumed_loss_per_point": settings.review_loss_per_point, LOSS_IS_ASSUMED: True,
                },
            )
        )  # fmt: skip
    return found


def least_fall(count: IntArray, settings: GuardSettings) -> FloatArray:
    """Return by how much a score must fall, (n,): less where it is the mean of so many reviews that luck moves it less.

    A score of many rooms, as where a channel tells one for the whole property, hides the fall of one of them.
    """
    by_luck = settings.review_sure_sd * settings.review_sd_points / np.sqrt(np.maximum(count, 1))
    return np.asarray(np.minimum(settings.review_drop_points, np.maximum(by_luck, settings.review_least_points)))
