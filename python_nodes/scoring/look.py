"""One watch over every listing: what should have been, and where its alarm holds on the last day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy import special

from detectors import peers, spread
from detectors.baselines import weekday_season
from detectors.rules import band, sequential, trend
from detectors.series import Forecast, SeriesBatch
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring import cuts, market
from python_nodes.scoring import peers as peers_of
from python_nodes.scoring.watches import Watch

MIN_PEERS = 5
PEER_EXPECTED = 20.0
"""A listing expected less than this on a day says little of its market's day."""
Fitted = dict[weekday_season.Params, tuple[Forecast, market.Together]]


@dataclass(frozen=True, slots=True)
class Looked:
    """One watch's state on the last day; row ``i`` is listing ``i``.

    ``states`` (n_listings, scanned days) says on which of the last days the alarm held; its last column is ``active``.
    ``ratio`` is what is left of the expectation by the rule that judges a ratio, NaN by one that counts. ``facts`` are
    of the listings whose alarm holds on the last day, by row. ``statistic`` and ``information``, of the shape of
    ``states``, are what the rule cut and how much the series tells (`cuts.information`).
    """

    watch: Watch
    batch: SeriesBatch
    forecast: Forecast
    states: BoolArray
    onset: IntArray
    p_value: FloatArray
    ratio: FloatArray
    facts: Mapping[int, dict[str, Any]]
    statistic: FloatArray
    information: FloatArray

    @property
    def active(self) -> BoolArray:
        """Where the alarm holds on the last day, (n_listings,)."""
        return self.states[:, -1]


def look(
    watch: Watch, batch: SeriesBatch, groups: IntArray, places: market.Places | None = None,
    fitted: Fitted | None = None, near: peers.Compared | None = None, asked: IntArray | None = None,
) -> Looked:  # fmt: skip
    """Run one watch.

    Parameters
    ----------
    watch : Watch
    batch : SeriesBatch
        Row ``i`` is listing ``i``.
    groups : ndarray of int, shape (n_listings,)
        The market of each, from 0 without a gap.
    places : market.Places, optional
        None is one channel for all, and each listing a property of its own.
    fitted : dict, optional
        What is already known of the same batch by which settings, where several watches share it; what is new is added.
    near : peers.Compared, optional
        The peers of the listings that have better ones than their market.
    asked : ndarray of int, optional
        The only rows whose alarm matters: where none of them has one, no listing's is told. None for all.

    Returns
    -------
    Looked
    """
    if watch.of_market and isinstance(watch.rule_params, sequential.Params):
        return _of_market(watch, batch, groups, watch.rule_params)
    if watch.by_shared or watch.of_rate:
        places = market.Places(np.zeros_like(groups), groups, np.arange(groups.size)) if places is None else places
        return _shared(watch, batch, places, {} if fitted is None else fitted, near, asked)
    beside = groups if near is None else near
    forecast = plain_forecast = _fit(batch, watch.baseline_params, near)
    if watch.by_market:
        moved = peers.index(forecast, beside, MIN_PEERS, PEER_EXPECTED)
        exposure = moved if batch.exposure is None else moved * batch.exposure
        batch = replace(batch, exposure=exposure)
        forecast = _fit(batch, watch.baseline_params, near)
    forecast = spread.relative(forecast) if watch.is_relative else forecast
    return _compared(_judge(watch, batch, forecast, beside, asked), plain_forecast, beside)


def _compared(one: Looked, forecast: Forecast, beside: peers.Groups) -> Looked:
    """Add to what was found how the listing's peers moved meanwhile, on their own baselines."""
    rows = np.flatnonzero(one.active)
    if not rows.size:
        return one
    first = int(one.onset[rows].min())
    logs = peers.log_ratios(forecast.capped[:, first:], forecast.expected[:, first:], 0.0)
    moved = peers.log_move(logs, beside, MIN_PEERS)
    told = {
        row: peers_of.comparison(beside, row, float(moved[row, int(one.onset[row]) - first :].mean()))
        for row in rows.tolist()
    }
    return replace(one, facts={row: {**facts, **told[row]} for row, facts in one.facts.items()})


def _fit(batch: SeriesBatch, params: weekday_season.Params, near: peers.Compared | None = None) -> Forecast:
    return weekday_season.fit_pooled(batch, params, near)


def _of_market(watch: Watch, batch: SeriesBatch, groups: IntArray, params: sequential.Params) -> Looked:
    """Judge each market as one series, and say it of each of its listings."""
    columns = params.scan_days + params.window_days
    markets, forecast = market.of_markets(batch, groups, watch.market_params, columns)
    may_alarm = market.alone(forecast, params.window_days)
    return _spread_out(_sequential(watch, markets, forecast, params, groups.size, may_alarm), groups)


def _shared(
    watch: Watch, batch: SeriesBatch, places: market.Places, fitted: Fitted, near: peers.Compared | None,
    asked: IntArray | None,
) -> Looked:  # fmt: skip
    """Judge channels or markets by their listings, or listings beside what befell their channel and market."""
    if watch.baseline_params not in fitted:
        forecast = _fit(batch, watch.baseline_params, near)
        fitted[watch.baseline_params] = forecast, market.together(forecast, places)
    forecast, together = fitted[watch.baseline_params]
    if watch.of_rate and isinstance(watch.rule_params, sequential.Params):
        row, pooled, own = market.of_groups(together, batch, watch.of_rate)
        may_alarm = market.broad(together, forecast, row)
        return _spread_out(_sequential(watch, pooled, own, watch.rule_params, row.size, may_alarm), row)
    factor = together.factor()
    one = _judge(watch, batch, replace(forecast, expected=forecast.expected * factor), places.markets, asked)
    # What befell the channel and the market is what all listings in the same place have in common.
    facts = {
        row: {**told, **peers_of.shared(float(factor[row, int(one.onset[row]) :].mean()) - 1.0)}
        for row, told in one.facts.items()
    }
    return replace(one, facts=facts)


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
        facts, one.statistic[row], one.information[row],
    )  # fmt: skip


def _judge(
    watch: Watch, batch: SeriesBatch, forecast: Forecast, groups: peers.Groups, asked: IntArray | None = None
) -> Looked:
    """Apply the watch's rule; to the series that are asked for first, since most often none of them has an alarm."""
    params = watch.rule_params
    if asked is not None and not (asked.size and _alarmed(watch, batch, forecast, groups, asked).any()):
        return _nothing(watch, batch, forecast, params.scan_days)
    if isinstance(params, sequential.Params):
        return _sequential(watch, batch, forecast, params, groups.size)
    if isinstance(params, trend.Params):
        return _trend(watch, batch, forecast, groups, params)
    return _band(watch, batch, forecast, groups, params)


def _alarmed(
    watch: Watch, batch: SeriesBatch, forecast: Forecast, groups: peers.Groups, rows: IntArray
) -> BoolArray:  # fmt: skip
    """Return of some series alone whether their alarm holds on the last day, as the whole batch's scan would."""
    params = watch.rule_params
    cut = cuts.of(watch, forecast, batch.days, params.scan_days, groups.size, rows)
    if isinstance(params, sequential.Params):
        return sequential.scan(forecast.of(rows), cut.limits, params).active[:, -1]
    limits = cut.limits if watch.tails else None
    if isinstance(params, trend.Params):
        return trend.scan(forecast, groups, params, limits, rows).active[:, -1]
    return band.scan(forecast, groups, params, limits, rows).active[:, -1]


def _nothing(watch: Watch, batch: SeriesBatch, forecast: Forecast, scan_days: int) -> Looked:
    """Return what says no more than what should have been: no alarm, and nothing known of any statistic."""
    count, columns = forecast.expected.shape[0], min(scan_days, forecast.expected.shape[1])
    unknown = np.full((count, columns), np.nan)
    states, onset = np.zeros((count, columns), dtype=np.bool_), np.full(count, -1, dtype=np.int64)
    return Looked(watch, batch, forecast, states, onset, np.ones(count), unknown[:, 0], {}, unknown, unknown)


def _sequential(
    watch: Watch, batch: SeriesBatch, forecast: Forecast, params: sequential.Params, listings: int,
    may_alarm: BoolArray | None = None,
) -> Looked:  # fmt: skip
    """State of the sequential rule; the series stand for so many ``listings``, ``may_alarm`` is of the batch's days."""
    cut = cuts.of(watch, forecast, batch.days, params.scan_days, listings)
    limits = cut.limits if may_alarm is None else np.where(may_alarm[:, -cut.limits.shape[1] :], cut.limits, np.inf)
    scan = sequential.scan(forecast, limits, params)
    p_value = cut.p_value(scan.log_statistic[:, -1])
    facts = {
        row: {
            "log_statistic": round(float(scan.log_statistic[row, -1]), 2),
            "log_threshold": round(float(cut.limits[row, -1]), 2),
        }
        for row in np.flatnonzero(scan.active[:, -1]).tolist()
    }
    nothing = np.full(p_value.size, np.nan)
    last = scan.active, scan.onset, p_value, nothing, facts
    return Looked(watch, batch, forecast, *last, scan.log_statistic, cut.information)


def _band(watch: Watch, batch: SeriesBatch, forecast: Forecast, groups: peers.Groups, params: band.Params) -> Looked:
    """State of the band rule."""
    cut = cuts.of(watch, forecast, batch.days, params.scan_days, groups.size)
    scan = band.scan(forecast, groups, params, cut.limits if watch.tails else None)
    facts = {
        row: {
            "run_days": params.run_days, "ratio_to_peers": plain(scan.ratio[row, -1]),
            "market_move": plain(scan.move[row, -1]),
        }
        for row in np.flatnonzero(scan.active[:, -1]).tolist()
    }  # fmt: skip
    p_value = cut.p_value(scan.surprise[:, -1]) if watch.tails else np.exp(-scan.surprise[:, -1])
    last = scan.active, scan.onset, p_value, scan.ratio[:, -1], facts
    return Looked(watch, batch, forecast, *last, scan.surprise, cut.information)


def _trend(watch: Watch, batch: SeriesBatch, forecast: Forecast, groups: peers.Groups, params: trend.Params) -> Looked:
    """State of the trend rule; without learnt tails a normal's, for as many shapes as were tried."""
    cut = cuts.of(watch, forecast, batch.days, params.scan_days, groups.size)
    scan = trend.scan(forecast, groups, params, cut.limits if watch.tails else None)
    tried = params.longest_days - params.shortest_days + 1
    last = scan.z_value[:, -1]
    p_value = cut.p_value(last) if watch.tails else np.minimum(1.0, tried * special.ndtr(-last))
    facts = {
        row: {"z_value": plain(scan.z_value[row, -1]), "fallen_share": plain(scan.fall[row, -1])}
        for row in np.flatnonzero(scan.active[:, -1]).tolist()
    }
    told = scan.active, scan.onset, p_value, 1.0 - scan.fall[:, -1], facts
    return Looked(watch, batch, forecast, *told, scan.z_value, cut.information)


def plain(value: float) -> float | None:
    """Return a short JSON number, None for NaN."""
    return round(float(value), 3) if np.isfinite(value) else None
