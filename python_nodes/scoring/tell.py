"""What a watch found on one listing, in plain facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from detectors.baselines import weekday_season
from detectors.series import FloatArray
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.look import Looked, plain

CHART_DAYS = 60
RATES = frozenset({"conversion_rate", "click_through_rate"})
LEVELS = frozenset({"search_rank", "competitor_price", "listed_price", "review_score", "adr", "occupancy"})
"""Metrics that have a level each day; all others are counts, which add up."""


def anomaly(found: Looked, row: int, listing: ListingInfo, looked: Mapping[str, Looked]) -> Anomaly:
    """Say what was found on one listing; ``looked`` holds all watches by name, for what the finding cost."""
    watch, forecast, batch = found.watch, found.forecast, found.batch
    onset = int(found.onset[row])
    told = _told(found, row, onset)
    lower, upper = weekday_season.band(forecast, row, watch.baseline_params)
    observed = float(forecast.capped[row, onset:][told].sum())
    expected = float(forecast.expected[row, onset:][told].sum())
    exposure = None if batch.exposure is None else float(np.nansum(batch.exposure[row, onset:][told]))
    evidence = dict(found.facts[row]) | {
        "window_days": int(told.sum()), "observed_in_window": round(observed, 2),
        "expected_in_window": round(expected, 2), "dispersion": round(float(forecast.dispersion[row, -1]), 3),
        "chart": _chart(found, row, lower, upper),
    }  # fmt: skip
    scale = 1.0
    if exposure and watch.reported_metric in RATES:
        name = watch.reported_metric.removesuffix("_rate")
        evidence[f"{name}_before"] = round(expected / exposure, 6)
        evidence[f"{name}_after"] = round(observed / exposure, 6)
        scale = exposure
    elif watch.metric in LEVELS:
        scale = float(max(int(told.sum()), 1))
    p_value = float(found.p_value[row])
    last = int(np.flatnonzero(told)[-1]) + onset if told.any() else -1
    is_plain = watch.reported_metric not in RATES
    rises = getattr(watch.rule_params, "rises", False)
    return Anomaly(
        listing_id=listing.listing_id, kind=watch.kind, metric=watch.reported_metric,
        onset_date=batch.days[onset].astype("datetime64[D]").item(), observed=observed / scale,
        expected=expected / scale, lower=plain(lower[last]) if is_plain else None,
        upper=plain(upper[last]) if is_plain else None, p_value=p_value,
        share_lost=share_lost(found, row, looked), confidence=1.0 - p_value, cause=watch.cause,
        direction="up" if rises else "down", evidence=evidence,
    )  # fmt: skip


def share_lost(found: Looked, row: int, looked: Mapping[str, Looked]) -> float:
    """Return the share of bookings that is missing since the onset, as far as the counts tell it.

    One count is added to either side, so that a short window without any does not claim that all is lost.
    """
    loss, ratio = found.watch.loss, float(found.ratio[row])
    counted = looked.get(loss.follows, found)
    assumed, weight = 1.0, 1.0
    if np.isfinite(ratio):
        assumed = min(ratio, 1.0) ** loss.power
        weight = loss.prior_counts * max(float(counted.forecast.dispersion[row, -1]), 1.0)
    seen = wanted = 0.0
    if counted is not found or not np.isfinite(ratio):
        # Watches read histories of their own lengths, all up to the same day.
        onset = max(int(found.onset[row]) + counted.batch.days.size - found.batch.days.size, 0)
        told = _told(counted, row, onset)
        seen = float(counted.forecast.capped[row, onset:][told].sum())
        wanted = float(counted.forecast.expected[row, onset:][told].sum())
    left = (seen + weight * assumed) / (wanted + weight)
    return min(max(1.0 - left, 0.0), 1.0)


def _told(found: Looked, row: int, onset: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Where since the onset both what was and what should have been are known."""
    expected, capped = found.forecast.expected[row, onset:], found.forecast.capped[row, onset:]
    return np.asarray(np.isfinite(expected) & np.isfinite(capped), dtype=np.bool_)


def _chart(found: Looked, row: int, lower: FloatArray, upper: FloatArray) -> dict[str, list[Any]]:
    """Return the last days for the picture; None where nothing is known."""
    part = slice(-CHART_DAYS, None)
    chart: dict[str, list[Any]] = {"days": [str(day) for day in found.batch.days[part]]}
    observed, expected = found.batch.values[row], found.forecast.expected[row]
    for name, values in (("observed", observed), ("expected", expected), ("lower", lower), ("upper", upper)):
        chart[name] = [plain(value) for value in values[part]]
    return chart
