"""One watch over every listing: what should have been, and where its alarm holds on the last day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy import signal, stats

from detectors import peers
from detectors.baselines import weekday_season
from detectors.rules import band, sequential, trend
from detectors.series import Forecast, SeriesBatch
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring import market
from python_nodes.scoring.watches import Watch

RECENT_DAYS = 28
MIN_PEERS = 5
PEER_EXPECTED = 20.0
"""A listing expected less than this on a day says little of its market's day."""
Fitted = dict[weekday_season.Params, tuple[Forecast, market.Together]]


@dataclass(frozen=True, slots=True)
class Looked:
    """One watch's state on the last day; row ``i`` is listing ``i``.

    ``states`` (n_listings, scanned days) says on which of the last days the alarm held; its last column is ``active``.
    ``ratio`` is what is left of the expectation by the rule that judges a ratio, NaN by one that counts. ``facts`` are
    of the listings whose alarm holds on the last day, by row.
    """

    watch: Watch
    batch: SeriesBatch
    forecast: Forecast
    states: BoolArray
    onset: IntArray
    p_value: FloatArray
    ratio: FloatArray
    facts: Mapping[int, dict[str, Any]]

    @property
    def active(self) -> BoolArray:
        """Where the alarm holds on the last day, (n_listings,)."""
        return self.states[:, -1]


def look(
    watch: Watch, batch: SeriesBatch, groups: IntArray, channels: IntArray | None = None, fitted: Fitted | None = None
) -> Looked:
    """Run one watch.

    Parameters
    ----------
    watch : Watch
    batch : SeriesBatch
        Row ``i`` is listing ``i``.
    groups : ndarray of int, shape (n_listings,)
        The market of each, from 0 without a gap.
    channels : ndarray of int, shape (n_listings,), optional
        The channel of each, likewise; None is one for all.
    fitted : dict, optional
        What is already known of the same batch by which settings, where several watches share it; what is new is added.

    Returns
    -------
    Looked
    """
    if watch.of_market and isinstance(watch.rule_params, sequential.Params):
        return _of_market(watch, batch, groups, watch.rule_params)
    if watch.by_shared or watch.of_rate:
        places = np.zeros_like(groups) if channels is None else channels, groups
        return _shared(watch, batch, places, {} if fitted is None else fitted)
    forecast = _fit(batch, watch.baseline_params)
    if watch.by_market:
        moved = peers.index(forecast, groups, MIN_PEERS, PEER_EXPECTED)
        exposure = moved if batch.exposure is None else moved * batch.exposure
        batch = SeriesBatch(batch.values, batch.days, exposure, batch.holidays)
        forecast = _fit(batch, watch.baseline_params)
    return _judge(watch, batch, forecast, groups)


def _fit(batch: SeriesBatch, params: weekday_season.Params) -> Forecast:
    return weekday_season.fit_pooled(batch, params)


def _of_market(watch: Watch, batch: SeriesBatch, groups: IntArray, params: sequential.Params) -> Looked:
    """Judge each market as one series, and say it of each of its listings."""
    columns = params.scan_days + params.window_days
    markets, forecast = market.of_markets(batch, groups, watch.market_params, columns)
    return _spread_out(
        _sequential(watch, markets, forecast, params, market.alone(forecast, params.window_days)), groups
    )


def _shared(watch: Watch, batch: SeriesBatch, places: tuple[IntArray, IntArray], fitted: Fitted) -> Looked:
    """Judge channels or markets by their listings, or listings beside what befell their channel and market."""
    if watch.baseline_params not in fitted:
        forecast = _fit(batch, watch.baseline_params)
        fitted[watch.baseline_params] = forecast, market.together(forecast, *places)
    forecast, together = fitted[watch.baseline_params]
    if watch.of_rate and isinstance(watch.rule_params, sequential.Params):
        row, pooled, own = market.of_groups(together, batch, watch.of_rate)
        return _spread_out(_sequential(watch, pooled, own, watch.rule_params), row)
    return _judge(watch, batch, replace(forecast, expected=forecast.expected * together.factor()), places[1])


def _spread_out(one: Looked, row: IntArray) -> Looked:
    """Repeat each market's state on its listings."""
    batch = one.batch
    exposure = None if batch.exposure is None else batch.exposure[row]
    holidays = None if batch.holidays is None else batch.holidays[row]
    values = batch.values[row], batch.days, exposure, holidays
    forecast = Forecast(*(getattr(one.forecast, part.name)[row] for part in fields(Forecast)))
    facts = {at: one.facts[market] for at, market in enumerate(row.tolist()) if market in one.facts}
    return Looked(
        one.watch, SeriesBatch(*values), forecast, one.states[row], one.onset[row], one.p_value[row], one.ratio[row],
        facts,
    )  # fmt: skip


def _judge(watch: Watch, batch: SeriesBatch, forecast: Forecast, groups: IntArray) -> Looked:
    """Apply the watch's rule."""
    params = watch.rule_params
    if isinstance(params, sequential.Params):
        return _sequential(watch, batch, forecast, params)
    if isinstance(params, trend.Params):
        return _trend(watch, batch, forecast, groups, params)
    scan = band.scan(forecast, groups, params)
    facts = {
        row: {
            "run_days": params.run_days, "ratio_to_peers": plain(scan.ratio[row, -1]),
            "market_move": plain(scan.move[row, -1]),
        }
        for row in np.flatnonzero(scan.active[:, -1]).tolist()
    }  # fmt: skip
    last = scan.active, scan.onset, scan.p_value[:, -1], scan.ratio[:, -1]
    return Looked(watch, batch, forecast, *last, facts)


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


def _sequential(
    watch: Watch, batch: SeriesBatch, forecast: Forecast, params: sequential.Params, may_alarm: BoolArray | None = None
) -> Looked:
    """State of the sequential rule, its budget scaled to the number of series; ``may_alarm`` is of the batch's days."""
    count = forecast.expected.shape[0]
    allowed = watch.budget.false_alerts * count / watch.budget.listings
    share = spend(forecast, watch.budget.full_share_bookings, params.scan_days)
    thresholds = sequential.log_threshold(allowed, count, watch.budget.days, share)
    limits = thresholds if may_alarm is None else np.where(may_alarm[:, -thresholds.shape[1] :], thresholds, np.inf)
    scan = sequential.scan(forecast, limits, params)
    # By Markov: E[M] of the windows that end on one day is at most their number.
    p_value = np.minimum(1.0, params.window_days * np.exp(-np.clip(scan.log_statistic[:, -1], -50.0, 600.0)))
    facts = {
        row: {
            "log_statistic": round(float(scan.log_statistic[row, -1]), 2),
            "log_threshold": round(float(thresholds[row, -1]), 2),
        }
        for row in np.flatnonzero(scan.active[:, -1]).tolist()
    }
    return Looked(watch, batch, forecast, scan.active, scan.onset, p_value, np.full(count, np.nan), facts)


def _trend(watch: Watch, batch: SeriesBatch, forecast: Forecast, groups: IntArray, params: trend.Params) -> Looked:
    """State of the trend rule; the tail is that of a normal, for as many shapes as were tried."""
    scan = trend.scan(forecast, groups, params)
    tried = params.longest_days - params.shortest_days + 1
    p_value = np.minimum(1.0, tried * stats.norm.sf(scan.z_value[:, -1]))
    facts = {
        row: {"z_value": plain(scan.z_value[row, -1]), "fallen_share": plain(scan.fall[row, -1])}
        for row in np.flatnonzero(scan.active[:, -1]).tolist()
    }
    return Looked(watch, batch, forecast, scan.active, scan.onset, p_value, 1.0 - scan.fall[:, -1], facts)


def plain(value: float) -> float | None:
    """Return a short JSON number, None for NaN."""
    return round(float(value), 3) if np.isfinite(value) else None
