"""What the screen's baselines expected of each listing, metric and day, and the band around it."""

from __future__ import annotations

import numpy as np

from detectors.screen import scoring
from detectors.screen.contract import HORIZON, Baseline
from python_nodes.domain.metrics import BandMatrix, FloatArray, IntArray, MetricMatrix
from python_nodes.scoring.screen import KINDS, Found, Kind, needed
from python_nodes.scoring.screen_file import Kept

BLOCK_DAYS = HORIZON
"""How many days one fit tells of: the day after it, and a week."""


def kept_of(found: Found) -> Kept:
    """Return a screen's baselines as a sweep keeps them."""
    return Kept(found.listing_ids, {metric: one.baseline for metric, one in found.metrics.items()})


def of(kept: Kept, matrix: MetricMatrix) -> BandMatrix:
    """Return what baselines expect of every listing and day of a matrix.

    Parameters
    ----------
    kept : Kept
    matrix : MetricMatrix
        Of some listings and days, with the metrics of ``screen.stored()``; its values say how much a ratio's counts are
        out of, and nothing else of them is used.

    Returns
    -------
    BandMatrix
        Of the matrix' listings and days, with the metrics of the screen that have an expectation; NaN for days that no
        baseline reaches (it tells of its first day and a week), for ratios without exposure, and for listings that
        were too short or never anything. Where a metric tells nothing at all, it is left out.

    Notes
    -----
    The quantiles are those of ``detectors.screen.scoring``: 0.5 % of values lie below ``lower``, and 0.5 % above
    ``upper``. Theirs are of a continuous law, by which a day without bookings lies below any band; so a count's edges
    are moved out to whole numbers. Availability is judged by how long it stays at nothing, and so has no expectation.
    """
    rows = {one: at for at, one in enumerate(kept.listing_ids.tolist())}
    known = np.array([at for at, one in enumerate(matrix.listing_ids.tolist()) if one in rows], dtype=np.int64)
    own = np.array([rows[one] for one in matrix.listing_ids[known].tolist()], dtype=np.int64)
    shape = (len(matrix.listing_ids), len(matrix.days))
    parts: dict[str, dict[str, FloatArray]] = {"expected": {}, "lower": {}, "upper": {}}
    for metric, baseline in kept.baselines.items():
        kind = KINDS[metric]
        if baseline.params.family == "run" or not set(needed(metric, kind)) <= set(matrix.values):
            continue
        made = _of_metric(kind, metric, baseline, matrix, (known, own))
        for name, values in zip(parts, made, strict=True):
            parts[name][metric] = np.full(shape, np.nan)
            parts[name][metric][known] = values
    return BandMatrix(listing_ids=matrix.listing_ids, days=matrix.days, **parts)


def _of_metric(
    kind: Kind, metric: str, baseline: Baseline, matrix: MetricMatrix, which: tuple[IntArray, IntArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return expected, lower and upper, each (n_known, n_days)."""
    known, own = which
    ahead = (matrix.days - baseline.start).astype(np.int64)
    span = np.flatnonzero((ahead >= 0) & (ahead < HORIZON))
    filled = [np.full((len(known), len(matrix.days)), np.nan) for _ in range(3)]
    if not len(span) or not len(known):
        return filled[0], filled[1], filled[2]
    values = matrix.values[kind.counted or metric][known][:, span]
    exposure = matrix.values[kind.exposure][known][:, span] if kind.exposure else None
    if exposure is not None:
        # What is expected of a ratio does not hang on how many there were; a count that lacks must not hide it.
        values = np.where(np.isfinite(values) & (values <= exposure), values, 0.0)
    days = np.broadcast_to(matrix.days[span], values.shape)
    scores = scoring.score(
        baseline, np.repeat(own, len(span)), days.ravel(), values.ravel(),
        None if exposure is None else exposure.ravel(),
    )  # fmt: skip
    whole = baseline.params.family in ("count", "ratio")
    edges = (np.floor(scores.lower), np.ceil(scores.upper)) if whole else (scores.lower, scores.upper)
    for into, told in zip(filled, (scores.expected, *edges), strict=True):
        part = told.reshape(values.shape)
        if exposure is not None:
            with np.errstate(invalid="ignore", divide="ignore"):
                part = part / exposure
        into[:, span] = part
    return filled[0], filled[1], filled[2]
