"""What the product would say of the loss of each of many drawn incidents, on the incident's last day, without servers.

Incidents end in waves, so that few days have to be looked at; on each of them the shipped guards, watches, economics
and impact speak as they would in `guards_check`, `metrics_score` and `alerts_raise`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from bench import _seen
from bench.scenarios import peers_of, t0_of
from bench.score import funnel, listing_infos, watched
from python_nodes import guards
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import Economics
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.guards.settings import DEFAULTS
from python_nodes.scoring import measured, sweep
from python_nodes.scoring.economics import economics
from python_nodes.scoring.watches import load_watches
from sandbox.calendar import MARKETS, eur_cents_per_minor
from sandbox.incidents import Incident
from sandbox.world import World, build_world

LISTINGS, HISTORY_DAYS, WAVE_DAYS, WAVES, IN_A_WAVE = 500, 400, 20, 3, 48
LIVE_DAYS = WAVE_DAYS * WAVES
THIRDS = ("low", "mid", "high")
OUTAGES = ("listing_down", "calendar_closed", "rate_missing")
# How large and how long; as wide as the shipped scenarios' and wider, chosen before anything was judged by them.
SIZES: Mapping[str, tuple[str, float, float] | None] = {
    "listing_down": None, "calendar_closed": None, "rate_missing": None, "fee_missing": None,
    "currency_switched": None, "price_error": ("factor", 0.1, 0.45), "min_stay_raised": ("min_stay_nights", 3, 7),
    "amenity_missing": ("severity", 0.08, 0.3), "rate_plan_gap": ("severity", 0.1, 0.35),
    "review_drop": ("points", 0.4, 1.6), "conversion_drop": ("severity", 0.5, 0.95), "ctr_drop": ("severity", 0.3, 0.7),
    "rank_drop": ("severity", 0.4, 0.75), "competitor_undercut": ("factor", 0.5, 0.75),
    "slow_decline": ("severity", 0.6, 0.9),
}  # fmt: skip
DEAR = (2.5, 4.0)
SHORT, LONG = (3, 10), (7, 19)
ON_NIGHTS = ("calendar_closed", "rate_missing", "price_error", "min_stay_raised")
BY_WATCH = ("conversion_drop", "ctr_drop", "rank_drop", "competitor_undercut", "slow_decline", "market_demand_drop")


@dataclass(frozen=True)
class Wave:
    """A day on which incidents end: what is looked at, what was found on which listing, what a day is worth."""

    day: date
    listings: Sequence[ListingInfo]
    found: Mapping[int, list[Anomaly]]
    worth: Economics
    incidents: Sequence[tuple[Incident, int]]


def scenario(seed: int) -> str:
    """Draw the incidents of a world: each kind as often as the others, on listings of any volume."""
    rng = np.random.default_rng([seed, 73])
    tables = []
    for wave in range(1, WAVES + 1):
        market = MARKETS[(seed + wave) % len(MARKETS)].name
        days, size = int(rng.integers(7, 15)), f"severity = {rng.uniform(0.3, 0.6):.2f}"
        tables.append(_table(f"market-{wave}", "market_demand_drop", f'market = "{market}"', wave, days, size))
        for number in range(IN_A_WAVE):
            kind = list(SIZES)[number % len(SIZES)]
            shortest, longest = LONG if kind in BY_WATCH or kind == "review_drop" else SHORT
            where = f'third = "{THIRDS[int(rng.integers(3))]}"'
            scope = "unit" if rng.random() < 0.1 and kind not in ("fee_missing", "currency_switched") else "listing"
            days = int(rng.integers(shortest, longest + 1))
            more = f'scope = "{scope}"', *_size(rng, kind)
            tables.append(_table(f"{kind}-{wave}-{number}", kind, where, wave, days, *more))
    return "\n".join(tables)


def _size(rng: np.random.Generator, kind: str) -> list[str]:
    size, told = SIZES[kind], []
    if size is not None:
        name, low, high = size
        if kind == "price_error" and rng.random() < 0.5:
            low, high = DEAR
        value = rng.uniform(low, high)
        told.append(f"{name} = {round(value) if name == 'min_stay_nights' else round(value, 2)}")
    if kind in ON_NIGHTS:
        told.append(f"nights = [{int(rng.integers(0, 8))}, {int(rng.integers(30, 120))}]")
    return told


def _table(name: str, kind: str, where: str, wave: int, days: int, *more: str) -> str:
    start = wave * WAVE_DAYS - days + 1
    lines = ["[[incident]]", f'id = "{name}"', f'kind = "{kind}"', f"select = {{ {where} }}",
             f"start_day = {start}", f"days = {days}", *more]  # fmt: skip
    return "\n".join(lines)


def world_of(seed: int) -> World:
    """Build a world; its season goes with the seed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "money.toml"
        path.write_text(scenario(seed), encoding="utf-8")
        return build_world(seed, LISTINGS, HISTORY_DAYS, LIVE_DAYS, t0_of(seed), path)


def waves(world: World) -> list[Wave]:
    """Look at each day on which incidents end."""
    values = {**funnel(world), **watched(world)}
    listings, near = infos(world), peers_of(world, values)
    days = np.datetime64(world.first, "D") + np.arange(world.history_days + world.live_days)
    down = np.zeros(world.booked.shape, dtype=np.bool_)
    for item in world.placed:
        if item.kind in OUTAGES:
            first, last = world.history_days + item.first_day, world.history_days + item.last_day
            down[list(item.listings), first : last + 2] = True
    matrix = MetricMatrix(np.arange(len(listings), dtype=np.int64), days, values)
    told = []
    for wave in range(1, WAVES + 1):
        live = wave * WAVE_DAYS - 1
        day = world.t0 + timedelta(days=live)
        ended = [(item, one.true_loss_minor) for item, one in zip(world.placed, world.outcomes, strict=True)
                 if item.last_day == live]  # fmt: skip
        by_guard = _measured(_guarded(world, [item for item, _ in ended], listings, day), matrix, listings, day)
        by_watch = sweep.score_all(load_watches(), matrix, listings, None, day, down, near, 0)
        found: dict[int, list[Anomaly]] = {}
        for one in [*by_guard, *by_watch]:
            found.setdefault(one.listing_id, []).append(one)
        told.append(Wave(day, listings, found, worth_of(world, listings, day), ended))
    return told


def infos(world: World) -> list[ListingInfo]:
    """Return the listings with what a unit costs and how many there are."""
    book, made = world.portfolio, listing_infos(world)
    return [
        replace(one, unit_id=int(book.unit_index[row]), unit_count=int(book.unit_count[row]),
                base_price_minor=int(book.base_price_minor[row]),
                floor_price_minor=int(book.base_price_minor[row]) * 2 // 5)
        for row, one in enumerate(made)
    ]  # fmt: skip


def worth_of(world: World, listings: Sequence[ListingInfo], day: date) -> Economics:
    """Return what a day of each listing is worth by the bookings made before ``day``, as known then."""
    made, end = world.reservations, world.day_index(day)
    shape = (len(listings), end)
    before = made.day < end
    gone = before & (made.cancel_day >= 0) & (made.cancel_day < end)
    counts, money, lost = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    np.add.at(counts, (made.listing[before], made.day[before]), 1.0)
    np.add.at(money, (made.listing[before], made.day[before]), made.total_minor[before].astype(np.float64))
    np.add.at(lost, (made.listing[gone], made.day[gone]), 1.0)
    days = np.datetime64(world.first, "D") + np.arange(end)
    fx = {market.currency: eur_cents_per_minor(market.currency) for market in MARKETS}
    return economics(listings, days, counts, money, lost, None, day, fx)


def _measured(
    found: Sequence[Anomaly], matrix: MetricMatrix, listings: Sequence[ListingInfo], day: date
) -> list[Anomaly]:  # fmt: skip
    """Correct what is only assumed, as `steps.measured_loss` does."""
    return measured.corrected(found, measured.counting(load_watches()), matrix, listings, day)


def _guarded(world: World, ended: Sequence[Incident], listings: Sequence[ListingInfo], day: date) -> list[Anomaly]:
    """Return what guards find on the listings of the incidents that end today, each dated from its incident's start."""
    begun = {row: item.first_day for item in ended if item.kind not in BY_WATCH for row in item.listings}
    rows = sorted(begun)
    found = guards.find(_seen.guard_inputs(world, rows, begun, listings, day), DEFAULTS)
    start = {row: world.t0 + timedelta(days=live) for row, live in begun.items()}
    return [replace(one, onset_date=start[one.listing_id]) for one in found]
