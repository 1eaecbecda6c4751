"""Whole markets through the shipped watch: what falls, what only follows its season, what befalls all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.rules import sequential
from detectors.series import BoolArray, FloatArray, SeriesBatch
from python_nodes.scoring import market
from python_nodes.scoring.look import look
from python_nodes.scoring.watches import Watch, load_watches

N_MARKETS, PER_MARKET, DAYS, LIVE_DAYS = 6, 20, 430, 30
GROUPS = np.repeat(np.arange(N_MARKETS), PER_MARKET)


def drawn(seed: int) -> SeriesBatch:
    """Impressions: each market has a season of its own, days that shake all its listings, and listings' own noise."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2025-02-03") + np.arange(DAYS)
    phase = 2 * np.pi * np.arange(DAYS) / 365.25 + rng.uniform(0, 2 * np.pi, (N_MARKETS, 1))
    log_mean = 0.5 * np.sin(phase) + 0.2 * np.sin(2 * phase + 1.0) + rng.normal(0, 0.25, (N_MARKETS, DAYS))
    level = rng.lognormal(5.5, 0.8, (GROUPS.size, 1))
    mean = level * np.exp(log_mean)[GROUPS] * rng.gamma(12.0, 1 / 12.0, (GROUPS.size, DAYS))
    return SeriesBatch(rng.poisson(mean).astype(np.float64), days)


def shipped() -> Watch:
    (watch,) = [one for one in load_watches() if one.of_market]
    assert isinstance(watch.rule_params, sequential.Params)
    return replace(watch, rule_params=replace(watch.rule_params, scan_days=LIVE_DAYS))


def states(batch: SeriesBatch) -> BoolArray:
    """When an alarm holds on each market and live day."""
    told = look(shipped(), batch, GROUPS).states
    assert (told == told[GROUPS * PER_MARKET]).all()
    return told[::PER_MARKET]


def scaled(batch: SeriesBatch, rows: BoolArray, first: int, days: int, factor: float) -> SeriesBatch:
    values: FloatArray = batch.values.copy()
    start = DAYS - LIVE_DAYS + first
    values[rows, start : start + days] *= factor
    return replace(batch, values=values)


def test_seasons_are_no_falls() -> None:
    alarms = sum(int(states(drawn(seed)).any(axis=1).sum()) for seed in range(70, 78))
    # 48 markets for 30 days: 1.5 false alarms a 180 market-days are bought, a tenth of that comes true.
    assert alarms <= 3


@pytest.mark.parametrize(("left", "least"), [(0.5, 8), (0.6, 7)])
def test_most_falls_are_found_within_nine_days(left: float, least: int) -> None:
    found = others = 0
    for seed in range(80, 88):
        one = seed % N_MARKETS
        held = states(scaled(drawn(seed), np.isin(GROUPS, one), 12, 9, left))
        found += bool(held[one, 12:21].any())
        others += int(np.delete(held, one, axis=0)[:, 12:].any(axis=1).sum())
    assert found >= least
    assert others <= 3


def test_what_befalls_all_markets_is_told_of_none() -> None:
    for seed in (90, 91, 92):
        assert not states(scaled(drawn(seed), GROUPS >= 0, 12, 9, 0.5))[:, 12:].any()


def test_one_large_listing_is_not_its_market() -> None:
    batch = drawn(93)
    giant = np.zeros(GROUPS.size, dtype=np.bool_)
    giant[0] = True
    grown = replace(batch, values=np.where(giant[:, None], 50 * batch.values.mean(), batch.values))
    assert not states(scaled(grown, giant, 12, 9, 0.0))[0, 12:].any()


def test_a_market_of_few_listings_is_not_judged() -> None:
    batch = drawn(94)
    few = replace(batch, values=np.where((np.arange(GROUPS.size) % PER_MARKET < 4)[:, None], batch.values, np.nan))
    _, forecast = market.of_markets(few, GROUPS, shipped().market_params, LIVE_DAYS)
    assert np.isnan(forecast.expected).all()
