"""Drops in conversion over many simulated worlds, scored day by day without servers: what is found, what is false.

The seeds here judge; the watch's settings were chosen on seeds 100 to 115. The peer is a plain rule on the same days:
the last seven days' conversion three standard deviations under those of the eight weeks before. The oracle knows the
true rates and the size of the drop, and is allowed as many false alerts as the watch had: what could be seen at all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from python_nodes.domain.metrics import FloatArray, MetricMatrix
from python_nodes.domain.money import currency_digits
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import sweep
from python_nodes.scoring.watches import Watch, load_watches
from sandbox.calendar import MARKETS
from sandbox.world import DEFAULT_SCENARIO, DEFAULT_T0, World, build_world

BoolArray = NDArray[np.bool_]

SEEDS = tuple(range(200, 208))
SHIPPED_SEEDS = tuple(range(6))
LISTINGS, HISTORY_DAYS, LIVE_DAYS = 200, 400, 14
SEVERITIES = (0.6,) * 12 + (0.7,) * 4 + (0.8,) * 4 + (0.9,) * 4
QUARTER_DAYS = 91
PEER_DAYS, PEER_PAST_DAYS, PEER_SD = 7, 56, 3.0


@dataclass(frozen=True)
class Tally:
    """Of one rule over all worlds: found drops by size, days to the alert, false alerts."""

    found: dict[float, list[bool]]
    delay_days: list[int]
    false_alerts: int

    def recall(self, severity: float | None = None) -> float:
        """Return the share found, of one size or of all."""
        chosen = [one for size, hits in self.found.items() for one in hits if severity in (None, size)]
        return float(np.mean(chosen)) if chosen else float("nan")

    def hits(self) -> int:
        """Return how many drops were found."""
        return sum(sum(hits) for hits in self.found.values())


def _scenario(folder: Path) -> Path:
    """Write drops that start on live days 1 to 5 and last, on listings with more than seven bookings a week."""
    tables = [
        f'[[incident]]\nid = "drop-{k}"\nkind = "conversion_drop"\nselect = {{ third = "high" }}\n'
        f"start_day = {k % 5 + 1}\ndays = {LIVE_DAYS - k % 5}\nseverity = {size}\n"
        for k, size in enumerate(SEVERITIES)
    ]
    path = folder / "drops.toml"
    path.write_text("\n".join(tables), encoding="utf-8")
    return path


def _world(seed: int, scenario: Path, start_days: int) -> World:
    return build_world(
        seed, LISTINGS, HISTORY_DAYS, LIVE_DAYS, DEFAULT_T0 + timedelta(days=start_days), scenario
    )  # fmt: skip


def listing_infos(world: World) -> list[ListingInfo]:
    """Say of each listing what scoring looks at: its key, and the place its holidays and peers hang on."""
    markets = [MARKETS[index] for index in world.portfolio.market_index.tolist()]
    return [
        ListingInfo(
            listing_id=row, unit_id=row, property_id=row, external_id=world.portfolio.room_id[row],
            unit_external_id=world.portfolio.unit_id[row], property_external_id=world.portfolio.property_id[row],
            channel_property_id=world.portfolio.property_id[row], title=world.portfolio.title[row],
            channel=world.portfolio.channel[row], market=market.name, country=market.country,
            subdivision=market.subdivision, timezone=market.timezone, currency=market.currency, priority=0.0,
            unit_count=1, base_price_minor=1, floor_price_minor=1,
        )
        for row, market in enumerate(markets)
    ]  # fmt: skip


def states(
    world: World, values: Mapping[str, FloatArray], watches: Sequence[Watch], unfit: BoolArray | None = None
) -> dict[str, BoolArray]:
    """Return by watch what it says at noon of each live day, (n_listings, live_days): reports end the day before.

    One pass over all days, which says the same as a sweep a day, since every watch is causal; nothing is carried over
    from before the first live day.
    """
    days = np.datetime64(world.first, "D") + np.arange(world.history_days + world.live_days)
    matrix = MetricMatrix(np.arange(len(world.portfolio), dtype=np.int64), days, values)
    played = [
        replace(watch, rule_params=replace(watch.rule_params, scan_days=world.live_days),
                history_days=watch.history_days + world.live_days)
        for watch in watches
    ]  # fmt: skip
    until = world.t0 + timedelta(days=world.live_days - 1)
    looked, _ = sweep.look_all(played, matrix, listing_infos(world), None, until, unfit)
    return {name: one.states for name, one in looked.items()}


def funnel(world: World) -> dict[str, FloatArray]:
    """Return what the channels' reports tell."""
    counts = {
        "search_impressions": world.counts.impressions, "listing_views": world.counts.views,
        "booking_velocity": world.booked,
    }  # fmt: skip
    return {name: array.astype(np.float64) for name, array in counts.items()}


def watched(world: World) -> dict[str, FloatArray]:
    """Return what a rank tracker and a rate shopper tell."""
    book = world.portfolio
    row = {place: i for i, place in enumerate(zip(book.channel, book.room_id, strict=True))}
    told = np.full((2, len(book), world.history_days + world.live_days), np.nan)
    for day in range(told.shape[2]):
        for seen in world.market_watch(world.first + timedelta(days=day)):
            at = row[seen.channel, seen.room_id]
            told[:, at, day] = seen.search_rank, seen.competitor_price_minor / 10 ** currency_digits(seen.currency)
    return {"search_rank": told[0], "competitor_price": told[1]}


def _alarmed(world: World) -> BoolArray:
    """Return where a watch of single listings holds on each live day, (n_listings, live_days)."""
    told = states(world, funnel(world), [watch for watch in load_watches() if not watch.of_market])
    return np.asarray(np.logical_or.reduce(list(told.values())), dtype=np.bool_)


def _plain(world: World) -> BoolArray:
    """Return what the peer says: seven days' conversion far under that of the eight weeks before."""
    shape = (PEER_DAYS,)
    booked = sliding_window_view(world.booked, shape, axis=1).sum(axis=-1)
    views = sliding_window_view(world.counts.views, shape, axis=1).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(views > 0, booked / views, np.nan)
    active = np.zeros((LISTINGS, LIVE_DAYS), dtype=np.bool_)
    for day in range(LIVE_DAYS):
        last = HISTORY_DAYS + day - PEER_DAYS
        past = rate[:, last - PEER_PAST_DAYS - PEER_DAYS + 1 : last - PEER_DAYS + 1]
        known = np.isfinite(past).all(axis=1) & np.isfinite(rate[:, last])
        active[known, day] = rate[known, last] < past[known].mean(axis=1) - PEER_SD * past[known].std(axis=1)
    return active


def _oracle(world: World) -> FloatArray:
    """Return the likelihood-ratio statistic on true rates (Shiryaev-Roberts), (n_listings, live_days)."""
    live = slice(HISTORY_DAYS, None)
    past = slice(0, HISTORY_DAYS)
    events = world.counts.events
    rate = events[:, past].sum(axis=1) / np.maximum(world.counts.views[:, past].sum(axis=1), 1)
    mean = world.counts.views[:, live] * rate[:, None]
    kept = np.full(LISTINGS, 0.4)
    for item in world.placed:
        kept[item.listings[0]] = 1.0 - item.severity
    ratio = np.exp(events[:, live] * np.log(kept)[:, None] + mean * (1.0 - kept)[:, None])
    score = np.zeros((LISTINGS, LIVE_DAYS))
    for day in range(1, LIVE_DAYS):
        score[:, day] = (1.0 + score[:, day - 1]) * ratio[:, day - 1]
    score[world.portfolio.weekly_bookings <= 7.0] = 0.0
    return score


def raised_on(active: BoolArray) -> BoolArray:
    """Return when an alert is new."""
    before = np.concatenate([np.zeros((active.shape[0], 1), dtype=np.bool_), active[:, :-1]], axis=1)
    return np.asarray(active & ~before, dtype=np.bool_)


def _tally(worlds: Sequence[World], states: Sequence[BoolArray]) -> Tally:
    """Match alerts with drops as ``nightporter match`` does: raised on the listing after its drop began."""
    found: dict[float, list[bool]] = {size: [] for size in sorted(set(SEVERITIES))}
    delays: list[int] = []
    false_alerts = 0
    for world, active in zip(worlds, states, strict=True):
        raised = raised_on(active)
        for item in world.placed:
            if item.kind != "conversion_drop":
                continue
            row = item.listings[0]
            hit = np.flatnonzero(raised[row, item.first_day :])
            found[round(item.severity, 1)].append(bool(hit.size))
            delays.extend(hit[:1].tolist())
            raised[row, item.first_day :] = False
        troubled = {row for item in world.placed if not item.is_control for row in item.listings}
        well = np.array([row not in troubled for row in range(LISTINGS)])
        dropped = [item.listings[0] for item in world.placed if item.kind == "conversion_drop"]
        false_alerts += int(raised[well].sum()) + int(raised[dropped].sum())
    return Tally(found, delays, false_alerts)


def _oracle_tally(worlds: Sequence[World], false_alerts: int) -> Tally:
    """Give the oracle the threshold that brings as many false alerts as asked for."""
    scores = [_oracle(world) for world in worlds]
    quiet = []
    for world, score in zip(worlds, scores, strict=True):
        troubled = [row for item in world.placed for row in item.listings]
        quiet.append(np.delete(score, troubled, axis=0).max(axis=1))
    peaks = np.sort(np.concatenate(quiet))[::-1]
    limit = float(peaks[false_alerts])
    return _tally(worlds, [np.maximum.accumulate(score, axis=1) > limit for score in scores])


def row_of(name: str, value: float, unit: str, peer: str | None, peer_value: float | None, goal: float | None,
         *, at_most: bool = False) -> dict[str, Any]:  # fmt: skip
    ratio = value / peer_value if peer_value else None
    holds = None if goal is None else (value <= goal if at_most else value >= goal)
    return {
        "name": name, "value": value, "unit": unit, "peer": peer, "peer_value": peer_value, "ratio": ratio,
        "goal": goal, "holds": holds,
    }  # fmt: skip


def run() -> list[dict[str, Any]]:
    """Play the judging seeds, then the shipped scenario on seeds of its own."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = _scenario(Path(folder))
        worlds = [_world(seed, scenario, QUARTER_DAYS * (seed % 4)) for seed in SEEDS]
    shipped = [_world(seed, DEFAULT_SCENARIO, 0) for seed in SHIPPED_SEEDS]
    ours = _tally(worlds, [_alarmed(world) for world in worlds])
    plain = _tally(worlds, [_plain(world) for world in worlds])
    oracle = _oracle_tally(worlds, ours.false_alerts)
    first_light = _tally(shipped, [_alarmed(world) for world in shipped])
    first_plain = _tally(shipped, [_plain(world) for world in shipped])
    peer = "7-day rate, 3 sd under 8 weeks"
    rows = [
        row_of(f"drop of {size:.0%} found in 14 days", ours.recall(size), "share", peer, plain.recall(size), 1.0)
        for size in sorted(set(SEVERITIES))
    ]
    rows += [
        row_of(
            f"drop of {size:.0%}: what an oracle finds", oracle.recall(size), "share", "watch", ours.recall(size), None
        )
        for size in sorted(set(SEVERITIES))
    ]
    per_day = 1000.0 / (len(worlds) * LISTINGS * LIVE_DAYS)
    rows += [
        row_of("days to the alert, mean", float(np.mean(ours.delay_days)), "days", peer,
             float(np.mean(plain.delay_days)), None),
        row_of("false alerts per 1,000 listing-days", ours.false_alerts * per_day, "alerts", peer,
             plain.false_alerts * per_day, None),
        row_of("false alerts per true one", ours.false_alerts / max(ours.hits(), 1), "alerts", peer,
             plain.false_alerts / max(plain.hits(), 1), 0.2, at_most=True),
        row_of("shipped scenario: drops found", first_light.recall(), "share", peer, first_plain.recall(), 1.0),
        row_of("shipped scenario: false alerts a run", first_light.false_alerts / len(shipped), "alerts", peer,
             first_plain.false_alerts / len(shipped), None),
    ]  # fmt: skip
    return rows
