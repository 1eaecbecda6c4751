"""Every watch over every listing: metric matrix in, anomalies that hold on the last day out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from scipy import signal

from detectors.baselines import weekday_season
from detectors.rules import band, sequential
from detectors.series import Forecast, SeriesBatch
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.calendar import holiday_matrix
from python_nodes.scoring.watches import Watch

CHART_DAYS = 60
RECENT_DAYS = 28


@dataclass(frozen=True, slots=True)
class _Found:
    """One watch's state on the last day, (n_listings,) each."""

    active: BoolArray
    onset: IntArray
    p_value: FloatArray
    facts: Sequence[dict[str, Any]]


def score_all(
    watches: Sequence[Watch],
    matrix: MetricMatrix,
    listings: Sequence[ListingInfo],
    holidays_by_listing: BoolArray | None,
    as_of_day: date,
    unfit: BoolArray | None = None,
) -> list[Anomaly]:
    """Return what is wrong with which listing on the last day told before ``as_of_day``.

    Parameters
    ----------
    watches : sequence of Watch
    matrix : MetricMatrix
        Days on or after ``as_of_day`` are ignored: that day is not over.
    listings : sequence of ListingInfo
        Series without one are skipped.
    holidays_by_listing : ndarray of bool, shape (len(matrix.listing_ids), len(matrix.days)), optional
        None takes them from the `holidays` library.
    as_of_day : date
    unfit : ndarray of bool, shape (len(matrix.listing_ids), len(matrix.days)), optional
        Days neither scored nor learnt from, as those on which the listing is known to have been down.

    Returns
    -------
    list of Anomaly
        One a watch and listing whose alarm holds; none means the metric is back, so that an alert can be resolved.
    """
    by_id = {listing.listing_id: listing for listing in listings}
    rows = np.array([i for i, key in enumerate(matrix.listing_ids) if int(key) in by_id], dtype=np.int64)
    last = int(np.searchsorted(matrix.days, np.datetime64(as_of_day, "D")))
    if not rows.size or not last:
        return []
    known = [by_id[int(key)] for key in matrix.listing_ids[rows]]
    days = matrix.days[:last].astype("datetime64[D]")
    holidays = holiday_matrix(known, days) if holidays_by_listing is None else holidays_by_listing[rows][:, :last]
    found = []
    for watch in watches:
        if watch.metric not in matrix.values or (watch.exposure and watch.exposure not in matrix.values):
            continue
        exposure = matrix.values[watch.exposure][rows][:, :last] if watch.exposure else None
        values = matrix.values[watch.metric][rows][:, :last]
        if unfit is not None:
            values = np.where(unfit[rows][:, :last], np.nan, values)
        batch = SeriesBatch(values, days, exposure, holidays)
        found.extend(_score(watch, batch, known))
    return found


def _score(watch: Watch, batch: SeriesBatch, listings: Sequence[ListingInfo]) -> list[Anomaly]:
    """Run one watch."""
    priors = weekday_season.learn_priors(batch, watch.baseline_params)
    forecast = weekday_season.fit(batch, priors, watch.baseline_params)
    if isinstance(watch.rule_params, sequential.Params):
        state = _sequential(watch, forecast, watch.rule_params)
    else:
        state = _band(forecast, listings, watch.rule_params)
    return [
        _anomaly(watch, batch, forecast, state, int(row), listings[row])
        for row in np.flatnonzero(state.active).tolist()
    ]


def spend(forecast: Forecast, full_share_count: float, days: int) -> FloatArray:
    """Return each series' share of the false-alert budget on each of the last days: more where a drop can be seen.

    The square of the expected count a day, cut at ``full_share_count``, spends next to nothing on series whose quiet
    weeks say nothing; where less than a third of the series are busy, the rest of the budget is not spent at all.
    The baseline of the days before each tells it, so it knows nothing of what is scored, and a day's share is the
    same whenever it is looked at: an alarm does not come and go with its threshold.
    """
    expected = np.where(np.isfinite(forecast.expected), forecast.expected, 0.0)
    recent = signal.lfilter(np.full(RECENT_DAYS, 1.0 / RECENT_DAYS), [1.0], expected, axis=-1)[:, -days:]
    weight = np.minimum(recent / full_share_count, 1.0) ** 2
    total = np.maximum(weight.sum(axis=0), max(expected.shape[0], 1) / 3.0)
    return np.asarray(weight / total, dtype=np.float64)


def _sequential(watch: Watch, forecast: Forecast, params: sequential.Params) -> _Found:
    """State of the sequential rule, its budget scaled to the number of series."""
    count = forecast.expected.shape[0]
    allowed = watch.budget.false_alerts * count / watch.budget.listings
    share = spend(forecast, watch.budget.full_share_bookings, params.scan_days)
    thresholds = sequential.log_threshold(allowed, count, watch.budget.days, share)
    scan = sequential.scan(forecast, thresholds, params)
    # By Markov: E[M] of the windows that end on one day is at most their number.
    p_value = np.minimum(1.0, params.window_days * np.exp(-np.clip(scan.log_statistic[:, -1], -50.0, 600.0)))
    facts = [
        {"log_statistic": round(float(score), 2), "log_threshold": round(float(limit), 2)}
        for score, limit in zip(scan.log_statistic[:, -1], thresholds[:, -1], strict=True)
    ]
    return _Found(scan.active[:, -1], scan.onset, p_value, facts)


def _band(forecast: Forecast, listings: Sequence[ListingInfo], params: band.Params) -> _Found:
    """State of the band rule; peers are the listings of one market."""
    _, groups = np.unique([listing.market for listing in listings], return_inverse=True)
    scan = band.scan(forecast, groups.astype(np.int64), params)
    facts = [
        {"run_days": params.run_days, "ratio_to_peers": _plain(ratio), "market_move": _plain(move)}
        for ratio, move in zip(scan.ratio[:, -1], scan.move[:, -1], strict=True)
    ]
    return _Found(scan.active[:, -1], scan.onset, scan.p_value[:, -1], facts)


def _anomaly(
    watch: Watch, batch: SeriesBatch, forecast: Forecast, state: _Found, row: int, listing: ListingInfo
) -> Anomaly:
    """Say what was found on one listing."""
    onset = int(state.onset[row])
    inside = slice(onset, None)
    told = np.isfinite(forecast.expected[row, inside]) & np.isfinite(forecast.capped[row, inside])
    observed = float(forecast.capped[row, inside][told].sum())
    expected = float(forecast.expected[row, inside][told].sum())
    exposure = None if batch.exposure is None else float(np.nansum(batch.exposure[row, inside][told]))
    evidence = dict(state.facts[row]) | {
        "window_days": int(told.sum()), "observed_in_window": round(observed, 2),
        "expected_in_window": round(expected, 2), "dispersion": round(float(forecast.dispersion[row, -1]), 3),
        "chart": _chart(batch, forecast, row),
    }  # fmt: skip
    scale = 1.0
    if exposure:
        evidence["conversion_before"] = round(expected / exposure, 6)
        evidence["conversion_after"] = round(observed / exposure, 6)
        scale = exposure if watch.reported_metric == "conversion_rate" else 1.0
    p_value = float(state.p_value[row])
    last = int(np.flatnonzero(told)[-1]) + onset if told.any() else -1
    # One count of either is added, so that a short window without any does not claim that all is lost.
    lost = 1.0 - (observed + 1.0) / (expected + 1.0)
    if watch.exposure is None:
        lost = 1.0 - min(float(state.facts[row]["ratio_to_peers"] or 1.0), 1.0)
    return Anomaly(
        listing_id=listing.listing_id, kind=watch.name, metric=watch.reported_metric,
        onset_date=batch.days[onset].astype("datetime64[D]").item(), observed=observed / scale,
        expected=expected / scale, lower=_plain(forecast.lower[row, last]) if scale == 1.0 else None,
        upper=_plain(forecast.upper[row, last]) if scale == 1.0 else None, p_value=p_value,
        share_lost=min(max(lost, 0.0), 1.0), confidence=1.0 - p_value, cause=watch.cause, evidence=evidence,
    )  # fmt: skip


def _chart(batch: SeriesBatch, forecast: Forecast, row: int) -> dict[str, list[Any]]:
    """Return the last days for the picture; None where nothing is known."""
    part = slice(-CHART_DAYS, None)
    chart: dict[str, list[Any]] = {"days": [str(day) for day in batch.days[part]]}
    for name, values in (
        ("observed", batch.values), ("expected", forecast.expected), ("lower", forecast.lower),
        ("upper", forecast.upper),
    ):  # fmt: skip
        chart[name] = [_plain(value) for value in values[row, part]]
    return chart


def _plain(value: float) -> float | None:
    """Return a short JSON number, None for NaN."""
    return round(float(value), 3) if np.isfinite(value) else None
