"""The baselines of a tenant's last sweep, kept in one mapped file, so that a new point is judged as the sweep would."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from detectors.screen import scoring
from detectors.screen.contract import HORIZON, JUDGED, Baseline, Scores
from python_nodes.domain.metrics import FloatArray, IntArray, MetricMatrix
from python_nodes.scoring import arrays_file
from python_nodes.scoring.screen import KINDS, Found, needed, reason_words

VERSION = 1
_BY_SERIES = (
    "group", "segment", "own_week", "level", "level_variance", "dispersion", "recent", "offered", "exposed", "points",
    "reason", "kept", "stays", "starts",
)  # fmt: skip
_SHARED = ("shape", "drift", "ranks", "tail")


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds: which listing is which series, and the baseline of each metric."""

    listing_ids: IntArray
    baselines: Mapping[str, Baseline]

    def days(self) -> tuple[date, date] | None:
        """Return the first and last day that any metric can be judged on, None for none."""
        # One that was learnt from nothing judges nothing, and begins at no day in particular.
        able = [one for one in self.baselines.values() if (one.reason == JUDGED).any()]
        starts = [one.start.astype("datetime64[D]") for one in able]
        if not starts:
            return None
        return min(starts).item(), (max(starts) + (HORIZON - 1)).item()


def path_of(root: Path, tenant_id: int) -> Path:
    """Return where a tenant's baselines lie."""
    return root / str(tenant_id) / "baselines.screen"


def keep(path: Path, found: Found) -> None:
    """Replace what is kept by a sweep's baselines."""
    arrays: dict[str, arrays_file.Array] = {"listing_ids": found.listing_ids}
    told: dict[str, Any] = {"version": VERSION, "metrics": {}}
    for metric, one in found.metrics.items():
        for name in (*_BY_SERIES, *_SHARED):
            array = getattr(one.baseline, name)
            if array is not None:
                arrays[f"{metric}/{name}"] = array
        told["metrics"][metric] = {"start": str(one.baseline.start.astype("datetime64[D]"))}
    arrays_file.write(path, told, arrays)


def load(path: Path) -> Kept | None:
    """Return what is kept; None where nothing is, or another version wrote it."""
    known = arrays_file.read(path)
    if known is None or known[0].get("version") != VERSION:
        return None
    told, arrays = known
    baselines = {}
    for metric in set(told["metrics"]) & set(KINDS):
        parts: dict[str, Any] = {name: arrays.get(f"{metric}/{name}") for name in (*_BY_SERIES, *_SHARED)}
        start = np.datetime64(told["metrics"][metric]["start"], "D")
        baselines[metric] = Baseline(params=KINDS[metric].params, start=start, **parts)
    return Kept(np.asarray(arrays["listing_ids"]), baselines)


def points(kept: Kept, matrix: MetricMatrix) -> list[dict[str, Any]]:
    """Return how the newest told point of each listing and metric is judged.

    Parameters
    ----------
    kept : Kept
    matrix : MetricMatrix
        Of some listings and the days that can be judged; listings that no sweep has seen are left out.
    """
    rows = {int(one): row for row, one in enumerate(kept.listing_ids.tolist())}
    known = [at for at, one in enumerate(matrix.listing_ids.tolist()) if one in rows]
    own = np.array([rows[int(matrix.listing_ids[at])] for at in known], dtype=np.int64)
    found: list[dict[str, Any]] = []
    for metric, baseline in kept.baselines.items():
        if known and set(needed(metric, KINDS[metric])) <= set(matrix.values):
            found += _of_metric(metric, baseline, matrix, np.array(known), own)
    return found


def _of_metric(
    metric: str, baseline: Baseline, matrix: MetricMatrix, known: IntArray, own: IntArray
) -> list[dict[str, Any]]:
    """Judge one metric's newest points."""
    kind = KINDS[metric]
    first = int((baseline.start - matrix.days[0]).astype(np.int64))
    span = slice(max(first, 0), max(first + HORIZON, 0))
    values = matrix.values[kind.counted or metric][known][:, span]
    told = np.isfinite(values)
    here = np.flatnonzero(told.any(axis=1))
    if not len(here):
        return []
    at = values.shape[1] - 1 - np.argmax(told[here, ::-1], axis=1)
    observed = values[here, at]
    exposure = matrix.values[kind.exposure][known][:, span][here, at] if kind.exposure else None
    days = matrix.days[span][at].astype("datetime64[D]")
    scores = scoring.score(baseline, own[here], days, observed, exposure)
    if exposure is not None:
        observed, scores = _as_shares(observed, exposure, scores)
    ids = matrix.listing_ids[known][here]
    return _told(metric, ids.tolist(), [str(day) for day in days], observed, scores)


def _as_shares(observed: FloatArray, exposure: FloatArray, scores: Scores) -> tuple[FloatArray, Scores]:
    """Return a ratio's counts as shares of their exposure."""
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = {name: getattr(scores, name) / exposure for name in ("expected", "lower", "upper")}
        return np.asarray(observed / exposure, dtype=np.float64), dataclasses.replace(scores, **parts)


def _told(
    metric: str, ids: Sequence[int], days: Sequence[str], observed: FloatArray, scores: Scores
) -> list[dict[str, Any]]:
    columns = [_plain(one) for one in (observed, scores.expected, scores.lower, scores.upper)]
    return [
        {
            "listing_id": listing, "metric": metric, "day": day, "observed": seen, "expected": expected, "lower": lower,
            "upper": upper, "p_value": float(p_value), "sure": round(float(sure), 4), "reason": reason,
        }
        for listing, day, seen, expected, lower, upper, p_value, sure, reason in zip(
            ids, days, *columns, scores.p_value, scores.sure, reason_words(scores), strict=True
        )
    ]  # fmt: skip


def _plain(values: FloatArray) -> list[float | None]:
    """Return numbers for JSON, None for what is unknown."""
    return [float(f"{one:.6g}") if np.isfinite(one) else None for one in values.tolist()]
