"""Every kind of incident over whole worlds, looked at by the watches without servers: recall by kind, false alerts.

The seeds here judge; the settings were chosen on seeds 300 to 303. Of those incidents that an oracle can see and that
no guard tells, found are those on whose listing or market an alert is new between the start and three days after the
end. The peer is a plain rule on the same days: the last seven days' impressions, click-through or conversion three
standard deviations under those of the eight weeks before. Days of an outage that a guard tells are left out, as
scoring does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bench.score import PEER_DAYS, PEER_PAST_DAYS, PEER_SD, BoolArray, funnel, raised_on, row_of, states, watched
from python_nodes.domain.metrics import FloatArray
from python_nodes.scoring.watches import load_watches
from sandbox.incidents import Incident
from sandbox.world import DEFAULT_SCENARIO, DEFAULT_T0, World, build_world

SEEDS = (400, 401, 402, 403)
LISTINGS, HISTORY_DAYS, LIVE_DAYS = 500, 400, 30
SCENARIO = DEFAULT_SCENARIO.parent / "main_job.toml"
GRACE_DAYS = 3
OUTAGES = frozenset({"listing_down", "calendar_closed", "rate_missing", "price_error"})
PEER = "7 days, 3 sd under 8 weeks"


@dataclass
class Tally:
    """Of one rule over all worlds: delays of what was found by kind (None: missed), and alerts."""

    delay_days: dict[str, list[int | None]] = field(default_factory=lambda: defaultdict(list))
    named: int = 0
    true_alerts: int = 0
    false_alerts: int = 0

    def recall(self, kind: str | None = None) -> float:
        """Return the share found, of one kind or of all."""
        chosen = [delay for name, delays in self.delay_days.items() if kind in (None, name) for delay in delays]
        return float(np.mean([delay is not None for delay in chosen])) if chosen else float("nan")

    def found(self) -> int:
        """Return how many were found."""
        return sum(delay is not None for delays in self.delay_days.values() for delay in delays)


def _outages(world: World) -> BoolArray:
    """Return the days that a guard's alert puts in doubt, (n_listings, n_days), up to the day after the end."""
    down = np.zeros(world.counts.views.shape, dtype=np.bool_)
    for item in world.placed:
        if item.kind in OUTAGES:
            down[list(item.listings), HISTORY_DAYS + item.first_day : HISTORY_DAYS + item.last_day + 2] = True
    return down


def _ours(world: World, values: Mapping[str, FloatArray]) -> dict[str, BoolArray]:
    """Return by kind where a finding holds on each live day."""
    watches = load_watches()
    told = states(world, values, watches, _outages(world))
    found: dict[str, BoolArray] = {}
    for watch in (watch for watch in watches if watch.name in told):
        found[watch.kind] = found.get(watch.kind, np.zeros((LISTINGS, LIVE_DAYS), dtype=np.bool_)) | told[watch.name]
    return found


def _plain(world: World) -> dict[str, BoolArray]:
    """Return what the peer says of each ratio of the funnel."""
    told = funnel(world)
    sums = {name: sliding_window_view(values, PEER_DAYS, axis=1).sum(axis=-1) for name, values in told.items()}
    shown, viewed, booked = (sums[name] for name in ("search_impressions", "listing_views", "booking_velocity"))
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = {
            "demand_drop": shown, "ctr_drop": np.where(shown > 0, viewed / shown, np.nan),
            "conversion_drop": np.where(viewed > 0, booked / viewed, np.nan),
        }  # fmt: skip
    return {kind: _under(rate) for kind, rate in rates.items()}


def _under(rate: FloatArray) -> BoolArray:
    active = np.zeros((LISTINGS, LIVE_DAYS), dtype=np.bool_)
    for day in range(LIVE_DAYS):
        last = HISTORY_DAYS + day - PEER_DAYS
        past = rate[:, last - PEER_PAST_DAYS - PEER_DAYS + 1 : last - PEER_DAYS + 1]
        known = np.isfinite(past).all(axis=1) & np.isfinite(rate[:, last])
        active[known, day] = rate[known, last] < past[known].mean(axis=1) - PEER_SD * past[known].std(axis=1)
    return active


def _add(tally: Tally, world: World, found: Mapping[str, BoolArray]) -> None:
    """Match new findings with incidents as ``nightporter match`` does; a market's finding is one alert."""
    raised = {kind: raised_on(active) for kind, active in found.items()}
    matched = {kind: np.zeros_like(new) for kind, new in raised.items()}
    for item, outcome in zip(world.placed, world.outcomes, strict=True):
        if item.is_control:
            continue
        hits = _hits(item, raised, matched)
        if not item.is_direct and outcome.oracle_day is not None:
            first = min((day for day, _ in hits), default=None)
            tally.delay_days[item.kind].append(None if first is None else first - item.first_day)
            tally.named += any(kind == item.kind for _, kind in hits)
    markets = world.portfolio.market_index
    for kind, new in raised.items():
        for is_true, alerts in ((True, new & matched[kind]), (False, new & ~matched[kind])):
            is_market = kind.startswith(("market_", "channel_"))
            places = np.unique(markets) if is_market else ()
            count = int(sum(alerts[markets == place].any(axis=0).sum() for place in places) or alerts.sum())
            tally.true_alerts += count * is_true
            tally.false_alerts += count * (not is_true)


def _hits(item: Incident, raised: Mapping[str, BoolArray], matched: Mapping[str, BoolArray]) -> list[tuple[int, str]]:
    """Return day and kind of the alerts on an incident, and mark them as matched."""
    hits = []
    window = np.ix_(item.listings, range(item.first_day, min(item.last_day + GRACE_DAYS + 1, LIVE_DAYS)))
    for kind, new in raised.items():
        if (kind == "market_demand_drop") == (item.scope == "market"):
            matched[kind][window] = True
            days = np.flatnonzero(new[window].any(axis=0))
            hits += [(item.first_day + int(day), kind) for day in days]
    return hits


def tallies(seeds: tuple[int, ...], scenario: Path = SCENARIO) -> tuple[Tally, Tally, Tally]:
    """Play the seeds; return ours, ours without a rank tracker and a rate shopper, and the peer's."""
    ours, reports_only, plain = Tally(), Tally(), Tally()
    for seed in seeds:
        world = build_world(seed, LISTINGS, HISTORY_DAYS, LIVE_DAYS, DEFAULT_T0, scenario)
        told = funnel(world)
        _add(ours, world, _ours(world, {**told, **watched(world)}))
        _add(reports_only, world, _ours(world, told))
        _add(plain, world, _plain(world))
    return ours, reports_only, plain


def run() -> list[dict[str, Any]]:
    """Play the judging seeds and tell recall by kind, delay and false alerts."""
    ours, reports_only, plain = tallies(SEEDS)
    rows = []
    for kind, delays in sorted(ours.delay_days.items()):
        found = [delay for delay in delays if delay is not None]
        late = f", median delay {np.median(found):g} days" if found else ""
        name = f"{kind}: found of {len(delays)} that the oracle sees{late}"
        rows.append(row_of(name, ours.recall(kind), "share", PEER, plain.recall(kind), None))
    days = len(SEEDS) * LISTINGS * LIVE_DAYS / 1000.0
    rows += [
        row_of("all kinds", ours.recall(), "share", PEER, plain.recall(), 0.8),
        row_of("all kinds, by the channels' reports alone", reports_only.recall(), "share", PEER, plain.recall(), None),
        row_of("of the found, also called by their kind", ours.named / max(ours.found(), 1), "share", None, None, None),
        row_of("false alerts per 1,000 listing-days", ours.false_alerts / days, "alerts", PEER,
               plain.false_alerts / days, None),
        row_of("false alerts per incident found", ours.false_alerts / max(ours.found(), 1), "alerts", PEER,
               plain.false_alerts / max(plain.found(), 1), 0.2, at_most=True),
    ]  # fmt: skip
    return rows
