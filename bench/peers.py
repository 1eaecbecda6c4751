"""Market moves over whole worlds: how many are blamed on listings, and how new listings fare that borrow.

The seeds here judge; settings were chosen on 1400 to 1405. Moves of a market's demand, an event and a holiday are the
sandbox's own; moves of a rate are drawn by thinning what the channels' reports tell, for a whole market, a channel, or
everywhere. A listing is blamed if a finding of its own is new from the move's first day to the last live day that the
same world without the move does not have. The peer is the rule without peers' part: rates not held against what
befell the channel and the market and, where the portfolio names no markets, demand held against all listings' middle.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.score import BoolArray, funnel, listing_infos, raised_on, row_of
from detectors.series import IntArray
from python_nodes.domain.metrics import FloatArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import peers, sweep
from python_nodes.scoring.watches import Watch, load_watches
from sandbox.calendar import MARKETS, eur_cents_per_minor
from sandbox.world import DEFAULT_T0, World, build_world

SEEDS = (2400, 2401, 2402, 2403)
LISTINGS, HISTORY_DAYS, LIVE_DAYS = 500, 400, 30
START, DAYS = 8, 10
LOOKS = frozenset({"demand_drop", "ctr_drop", "conversion_drop", "slow_decline"})
WIDE = ("market_", "channel_")
DEMAND = """
[[incident]]
id = "demand"
kind = "market_demand_drop"
select = {{ market = "{fallen}" }}
start_day = 9
days = 10
severity = 0.5

[[incident]]
id = "event"
kind = "local_event"
select = {{ market = "{busy}" }}
start_day = 12
days = 4
severity = 1.0
"""
RATES = ("listing_views", "booking_velocity")


@dataclass
class Blame:
    """Of one rule and kind of move: listings touched and blamed, moves, and those told by a wide finding."""

    touched: int = 0
    blamed: int = 0
    moves: int = 0
    told: int = 0
    elsewhere: int = 0

    def share(self) -> float:
        """Return the share of touched listings that are blamed."""
        return self.blamed / max(self.touched, 1)


@dataclass(frozen=True)
class Move:
    """What befell which rows, and what the reports tell of it."""

    name: str
    rows: IntArray
    values: Mapping[str, FloatArray]


@dataclass
class Result:
    """Blame by rule and kind of move, and alerts of quiet worlds by rule."""

    blame: dict[tuple[str, str], Blame] = field(default_factory=lambda: defaultdict(Blame))
    quiet: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def infos(world: World) -> list[ListingInfo]:
    """Return the listings with what peers are found by."""
    book = world.portfolio
    return [
        replace(one, unit_id=int(book.unit_index[row]), unit_count=int(book.unit_count[row]))
        for row, one in enumerate(listing_infos(world))
    ]


def prices(world: World) -> FloatArray:
    """Return base prices in EUR cents."""
    book = world.portfolio
    worth = np.array([eur_cents_per_minor(MARKETS[market].currency) for market in book.market_index.tolist()])
    return np.asarray(book.base_price_minor * worth, dtype=np.float64)


def thinned(
    values: Mapping[str, FloatArray], rows: IntArray, kept: float, metrics: Sequence[str], seed: int
) -> dict[str, FloatArray]:
    """Return reports of which a share is left on the move's days; bookings go with the views that are lost."""
    rng = np.random.default_rng([seed, 77])
    found = {name: told.copy() for name, told in values.items()}
    cells = np.ix_(rows, np.arange(HISTORY_DAYS + START, HISTORY_DAYS + START + DAYS))
    for name in metrics:
        found[name][cells] = rng.binomial(found[name][cells].astype(np.int64), kept)
    return found


def moves(seed: int, world: World, demand: World) -> Iterator[Move]:
    """Yield every move of one seed."""
    told, market = funnel(world), world.portfolio.market_index
    channel = np.array(world.portfolio.channel)
    fallen, every = np.flatnonzero(market == seed % 6), np.arange(LISTINGS)
    yield Move("demand of a market -50 %, event elsewhere", fallen, funnel(demand))
    for kept in (0.5, 0.7):
        fall = f"-{1 - kept:.0%}"
        yield Move(f"click-through of a market {fall}", fallen, thinned(told, fallen, kept, RATES, seed))
        yield Move(f"conversion of a market {fall}", fallen, thinned(told, fallen, kept, RATES[1:], seed))
    name = ("booking_com", "airbnb", "vrbo", "expedia")[seed % 4]
    rows = np.flatnonzero(channel == name)
    yield Move("conversion of a channel -60 %", rows, thinned(told, rows, 0.4, RATES[1:], seed))
    yield Move("conversion everywhere -40 %", every, thinned(told, every, 0.6, RATES[1:], seed))


def states(
    world: World, values: Mapping[str, FloatArray], listings: Sequence[ListingInfo], watches: Sequence[Watch],
    near: peers.Near | None = None,
) -> dict[str, BoolArray]:  # fmt: skip
    """Return by watch when a finding is new on each live day, in one pass (see `bench.score.states`)."""
    days = np.datetime64(world.first, "D") + np.arange(HISTORY_DAYS + LIVE_DAYS)
    matrix = MetricMatrix(np.arange(LISTINGS, dtype=np.int64), days, values)
    played = [
        replace(watch, rule_params=replace(watch.rule_params, scan_days=LIVE_DAYS),
                history_days=watch.history_days + LIVE_DAYS)
        for watch in watches
    ]  # fmt: skip
    until = world.t0 + timedelta(days=LIVE_DAYS - 1)
    looked, _ = sweep.look_all(played, matrix, listings, None, until, None, near)
    return {name: raised_on(one.states) for name, one in looked.items()}


def rules(watches: Sequence[Watch]) -> dict[str, list[Watch]]:
    """Return the watches as shipped, and without what befell channels and markets."""
    chosen = [watch for watch in watches if watch.kind in LOOKS or watch.kind.startswith(WIDE)]
    without = [replace(watch, by_shared=False) for watch in chosen if watch.of_rate is None]
    return {"ours": [watch for watch in chosen if watch.name != "slow_rank_decline"],
            "without": [watch for watch in without if watch.name != "slow_rank_decline"]}  # fmt: skip


def judge(one: Blame, move: Move, raised: Mapping[str, BoolArray], quiet: Mapping[str, BoolArray]) -> None:
    """Count who is blamed, on the days from the move's first, beside the world without it."""
    new = np.zeros(LISTINGS, dtype=np.bool_)
    wide = np.zeros(LISTINGS, dtype=np.bool_)
    for name, alerts in raised.items():
        extra = alerts[:, START:].any(axis=1) & ~quiet[name][:, START:].any(axis=1)
        if name.startswith(WIDE):
            wide |= extra
        else:
            new |= extra
    touched = np.isin(np.arange(LISTINGS), move.rows)
    one.touched += int(touched.sum())
    one.blamed += int((new & touched).sum())
    one.elsewhere += int((new & ~touched).sum())
    one.moves += 1
    one.told += bool(wide[move.rows].mean() > 0.5)


def hidden(world: World, values: Mapping[str, FloatArray]) -> tuple[list[ListingInfo], peers.Near]:
    """Return the listings of a portfolio that names one market for all, and their peers by the days before."""
    listings = [replace(one, market="all") for one in infos(world)]
    past = {name: told[:, :HISTORY_DAYS] for name, told in values.items()}
    found = peers.group(listings, past, prices(world))
    pairs = zip(found.near.tolist(), found.weight.tolist(), strict=True)
    of = {row: list(zip(*pair, strict=True)) for row, pair in enumerate(pairs)}
    return listings, peers.Near(of, frozenset(np.flatnonzero(found.chosen).tolist()))


def play(seed: int, result: Result, keep_in: Path | None = None) -> None:
    """Judge every move of one seed by both rules, and the market's demand where no markets are named."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "demand.toml"
        fallen, busy = MARKETS[seed % 6].name, MARKETS[(seed + 3) % 6].name
        scenario.write_text(DEMAND.format(fallen=fallen, busy=busy), encoding="utf-8")
        build = (seed, LISTINGS, HISTORY_DAYS, LIVE_DAYS, DEFAULT_T0)
        world = build_world(*build, None, keep_in=keep_in)
        demand = build_world(*build, scenario, keep_in=keep_in)
    told, sets = funnel(world), rules(load_watches())
    listings = infos(world)
    quiet = {rule: states(world, told, listings, watches) for rule, watches in sets.items()}
    for rule, found in quiet.items():
        result.quiet[rule] += int(sum(new.sum() for name, new in found.items() if not name.startswith(WIDE)))
    for move in moves(seed, world, demand):
        for rule, watches in sets.items():
            raised = states(world, move.values, listings, watches)
            judge(result.blame[move.name, rule], move, raised, quiet[rule])
    nameless, near = hidden(world, told)
    only = [watch for watch in sets["ours"] if watch.kind in ("demand_drop", "slow_decline")]
    fallen_rows = np.flatnonzero(world.portfolio.market_index == seed % 6)
    move = Move("the same, the portfolio names no markets", fallen_rows, funnel(demand))
    for rule, beside in (("ours", near), ("without", None)):
        before = states(world, told, nameless, only, beside)
        judge(result.blame[move.name, rule], move, states(world, move.values, nameless, only, beside), before)


def run() -> list[dict[str, Any]]:
    """Play the judging seeds."""
    result = Result()
    for seed in SEEDS:
        play(seed, result)
    rows = []
    for name in dict.fromkeys(name for name, _ in result.blame):
        ours, without = result.blame[name, "ours"], result.blame[name, "without"]
        rows.append(
            row_of(f"blamed: {name}", ours.share(), "share of listings", "without peers", without.share(), 0.02,
                   at_most=True)
        )  # fmt: skip
        rows.append(row_of(f"elsewhere: {name}", float(ours.elsewhere), "listings", "without peers",
                           float(without.elsewhere), None))  # fmt: skip
        if "names no markets" not in name:
            rows.append(
                row_of(f"told as one: {name}", ours.told / max(ours.moves, 1), "share of moves", None, None, None)
            )
    per_day = 1000.0 / (len(SEEDS) * LISTINGS * LIVE_DAYS)
    rows.append(row_of("false alerts per 1,000 listing-days, quiet", result.quiet["ours"] * per_day, "alerts",
                       "without peers", result.quiet["without"] * per_day, None))  # fmt: skip
    return rows
