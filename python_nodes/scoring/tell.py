"""What a watch found on one listing, in plain facts."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from detectors.baselines import weekday_season
from detectors.series import FloatArray
from python_nodes.domain.findings import CHANGE, CHANGE_FACTS, SHARE_SD, SHARE_SO_FAR, Anomaly
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import inspect, lost
from python_nodes.scoring.inspect import CloseUp
from python_nodes.scoring.look import Looked, plain

CHART_DAYS = 60
RATES = frozenset({"conversion_rate", "click_through_rate"})
LEVELS = frozenset({"search_rank", "competitor_price", "listed_price", "review_score", "adr", "occupancy"})
"""Metrics that have a level each day; all others are counts, which add up."""


def anomaly(
    found: Looked, row: int, listing: ListingInfo, looked: Mapping[str, Looked], close_up: CloseUp | None = None
) -> Anomaly:
    """Say what was found on one listing; ``looked`` holds all watches by name, for what the finding cost."""
    watch, forecast, batch = found.watch, found.forecast, found.batch
    onset = int(found.onset[row])
    told = lost.told_since(found, row, onset)
    lower, upper = weekday_season.band(forecast, row, watch.baseline_params)
    observed = float(forecast.capped[row, onset:][told].sum())
    expected = float(forecast.expected[row, onset:][told].sum())
    exposure = None if batch.exposure is None else float(np.nansum(batch.exposure[row, onset:][told]))
    shown = {} if close_up is None else {CHANGE: inspect.sentence(close_up), CHANGE_FACTS: close_up.facts()}
    evidence = shown | dict(found.facts[row]) | {
        "window_days": int(told.sum()), "observed_in_window": round(observed, 2),
        "expected_in_window": round(expected, 2), "dispersion": round(float(forecast.dispersion[row, -1]), 3),
        "chart": _chart(found, row, lower, upper),
    }  # fmt: skip
    share_now, share_so_far = lost.shares(found, row, looked)
    if share_so_far != share_now:
        evidence[SHARE_SO_FAR] = round(share_so_far, 4)
    evidence[SHARE_SD] = round(lost.doubt(found, row, looked, share_so_far), 4)
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
        share_lost=share_now, confidence=1.0 - p_value, cause=watch.cause,
        direction="up" if rises else "down", evidence=evidence,
    )  # fmt: skip


def _chart(found: Looked, row: int, lower: FloatArray, upper: FloatArray) -> dict[str, list[Any]]:
    """Return the last days for the picture; None where nothing is known."""
    part = slice(-CHART_DAYS, None)
    chart: dict[str, list[Any]] = {"days": [str(day) for day in found.batch.days[part]]}
    observed, expected = found.batch.values[row], found.forecast.expected[row]
    for name, values in (("observed", observed), ("expected", expected), ("lower", lower), ("upper", upper)):
        chart[name] = [value if isfinite(value) else None for value in np.round(values[part], 3).tolist()]
    return chart
