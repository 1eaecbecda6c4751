"""Do the screen's p-values keep their word: quiet simulated funnels, judged a day at a time by what was before it.

Five metrics of 240 listings in six markets, 420 days of history, every fifth day of sixty judged, in the four quarters
of a year. A market's day shakes all its listings, so days count for less than points: the spread between days is told
too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from bench._series import T0, FloatArray
from bench.score import row_of
from detectors.evaluation import calibration
from detectors.screen import baseline, discovery, scoring
from detectors.screen.contract import Panel
from python_nodes.scoring.screen import FALSE_DISCOVERY_RATE, KINDS
from sandbox.demand import build_funnel, run_funnel, usual_rates
from sandbox.portfolio import draw_portfolio

SEEDS = (2210, 2211, 2212, 2213)
LISTINGS, HISTORY_DAYS, JUDGED_DAYS, STEP_DAYS, QUARTER_DAYS = 240, 420, 60, 5, 91
FUNNEL = ("search_impressions", "listing_views", "booking_velocity", "click_through_rate", "conversion_rate")
LIMITS = (0.1, 0.01, 0.001)


def quiet(seed: int) -> tuple[dict[str, FloatArray], FloatArray, Any]:
    """Return a funnel without problems, each listing's market, and the days."""
    book = draw_portfolio(seed, LISTINGS)
    days = HISTORY_DAYS + JUDGED_DAYS
    first = T0 + timedelta(days=QUARTER_DAYS * (seed % 4)) - timedelta(days=days)
    funnel = build_funnel(book, seed, first, days)
    counts = run_funnel(funnel, usual_rates(funnel, book, slice(0, days)), slice(0, days))
    told = {"search_impressions": counts.impressions, "listing_views": counts.views, "booking_velocity": counts.events}
    when = np.datetime64(first) + np.arange(days)
    return {name: one.astype(np.float64) for name, one in told.items()}, book.market_index, when


def judged(seed: int) -> dict[str, FloatArray]:
    """Return the p-values of all days judged, by metric, (n_days, n_listings)."""
    values, market, days = quiet(seed)
    found: dict[str, list[FloatArray]] = {name: [] for name in FUNNEL}
    for at in range(HISTORY_DAYS, HISTORY_DAYS + JUDGED_DAYS, STEP_DAYS):
        for name in FUNNEL:
            kind = KINDS[name]
            own = values[kind.counted or name]
            exposure = values[kind.exposure] if kind.exposure else None
            panel = Panel(own[:, :at], days[:at], None if exposure is None else exposure[:, :at], market)
            fitted = baseline.fit_pooled(panel, kind.params)
            now = None if exposure is None else exposure[:, at]
            told = scoring.score(fitted, np.arange(LISTINGS), fitted.start, own[:, at], now, bands=False)
            found[name].append(np.where(told.reason == 0, told.p_value, np.nan))
    return {name: np.array(one) for name, one in found.items()}


def run() -> list[dict[str, Any]]:
    """Tell of each metric what was asked and what came."""
    worlds = [judged(seed) for seed in SEEDS]
    rows = []
    for name in FUNNEL:
        together = np.concatenate([world[name] for world in worlds])
        known = np.isfinite(together)
        for one in calibration.table(together[known], np.ones(int(known.sum()), dtype=np.bool_), LIMITS):
            what = f"{name}: quiet points at p ≤ {one.asked:g}, of {one.points:,}"
            rows.append(row_of(what, one.reached, "share", "asked", one.asked, None))
    calls = [
        int(discovery.flagged(day[np.isfinite(day)], FALSE_DISCOVERY_RATE).sum())
        for world in worlds for day in np.concatenate([world[name] for name in FUNNEL], axis=1)
    ]  # fmt: skip
    rows.append(
        row_of(
            "quiet days with any call at a rate of 10 %", float(np.mean(np.array(calls) > 0)), "share", None, None, None
        )
    )
    rows.append(row_of("– calls a quiet day, of 1,200 series", float(np.mean(calls)), "series", None, None, None))
    return rows
