"""A watch that is noisy for a reason of its own, in one place; nothing else of the world knows of it.

On one channel, ``tracker``: the rank tracker misreads a listing for some days (another search, another place), so that
its rank seems worse by half to twice; ``restless``: visitors that are none come and go, as bots do, the views are
multiplied by a factor much like the day before's that no booking follows, so that conversion seems to fall, as much as
in a real fall; ``scraped``: searches that nobody made come in spells, so that click-through seems to fall;
``unreported``: bookings of some days never come, in spells as long and as deep as a real fall's. In one market,
``moved``: the tracker misreads there; ``crawled``: spells of views that nobody's search brought.
Worlds are made as in `bench.scenarios`, of two halves with as many incidents each, most of the noisy watch's own kind.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from scipy import signal

from bench import _incidents, scenarios
from bench.score import BoolArray, FloatArray, funnel, listing_infos
from python_nodes.domain.metrics import IntArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from sandbox import shown
from sandbox.world import World, build_world

CHANNEL, MARKET = "expedia", "Porto"
KIND_OF = {
    "tracker": "rank_drop", "restless": "conversion_drop", "scraped": "ctr_drop", "unreported": "conversion_drop",
    "moved": "rank_drop", "crawled": "conversion_drop",
}  # fmt: skip
"""The watch that each kind of noise makes cry wolf."""
LISTINGS, HISTORY_DAYS, HALF_DAYS = 300, 400, 90
INCIDENTS, OWN_SHARE = 40, 0.7
SPELL_DAYS = (3, 8)
SPELLS_A_YEAR = 6.0
SHARE = (0.5, 1.0)
CRAWLED = (0.5, 2.0)
LOST, LOST_DAYS = (0.5, 0.95), (7, 28)
"""As large and as long as the real falls of bench/_incidents.py."""
RESTLESS_SD, KEPT = 0.35, 0.7


@dataclass(frozen=True)
class Noisy:
    """One world: what was told, what was down, and what really happened; the last two halves are live."""

    world: World
    matrix: MetricMatrix
    listings: list[ListingInfo]
    down: BoolArray

    @property
    def start(self) -> date:
        """The first live day."""
        return self.world.t0

    @property
    def middle(self) -> date:
        """The first day on which what was learnt is in force."""
        return self.world.t0 + timedelta(days=HALF_DAYS)

    @property
    def end(self) -> date:
        """The last day."""
        return self.world.t0 + timedelta(days=2 * HALF_DAYS - 1)


def draw(seed: int, noise: str) -> Noisy:
    """Draw a world: incidents in each half by themselves, and one kind of noise of `KIND_OF`."""
    t0 = scenarios.t0_of(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.toml"
        path.write_text(_scenario(seed, KIND_OF[noise]), encoding="utf-8")
        world = build_world(seed, LISTINGS, HISTORY_DAYS, 2 * HALF_DAYS, t0, path)
    values, rng = funnel(world), np.random.default_rng([seed, 97])
    where = np.array(world.portfolio.channel) == CHANNEL
    if noise in ("moved", "crawled"):
        where = np.array([one.market for one in listing_infos(world)]) == MARKET
    rows = np.flatnonzero(where)
    if noise in ("tracker", "moved"):
        values["search_rank"] = np.rint(_ranks(world) * _spells(rng, world, rows, SHARE))
    elif noise == "unreported":
        kept = np.maximum(2.0 - _spells(rng, world, rows, LOST, LOST_DAYS), 0.0)
        values["booking_velocity"] = rng.binomial(values["booking_velocity"].astype(np.int64), kept).astype(np.float64)
    elif noise == "scraped":
        values["search_impressions"] = np.rint(values["search_impressions"] * _spells(rng, world, rows, CRAWLED))
    else:
        factor = _restless(rng, world, rows) if noise == "restless" else _spells(rng, world, rows, CRAWLED)
        values["listing_views"] = np.rint(values["listing_views"] * factor)
    days = np.datetime64(world.first, "D") + np.arange(HISTORY_DAYS + 2 * HALF_DAYS)
    down = np.zeros((len(world.portfolio), days.size), dtype=np.bool_)
    for item in world.placed:
        if item.kind in _incidents.OUTAGES:
            first, last = HISTORY_DAYS + item.first_day, HISTORY_DAYS + item.last_day
            down[list(item.listings), first : last + 2] = True
    matrix = MetricMatrix(np.arange(len(world.portfolio), dtype=np.int64), days, values)
    return Noisy(world, matrix, listing_infos(world), down)


def _scenario(seed: int, noisy: str) -> str:
    """Return as many incidents for each half: most are the noisy watch's own, of all sizes that others draw."""
    rng, tables = np.random.default_rng([seed, 83]), []
    for number in range(2 * INCIDENTS):
        kind = noisy if rng.random() < OWN_SHARE else str(rng.choice(sorted(_incidents.KINDS)))
        (field, low, high), length = _incidents.KINDS[kind]
        days = int(rng.integers(length[0], length[1] + 1))
        first = number % 2 * HALF_DAYS + int(rng.integers(1, HALF_DAYS - days - 2))
        third = str(rng.choice(("mid", "high")))
        tables.append(
            f'[[incident]]\nid = "{kind}-{number}"\nkind = "{kind}"\nselect = {{ third = "{third}" }}\n'
            f'start_day = {first}\ndays = {days}\nscope = "listing"\n{field} = {rng.uniform(low, high):.2f}\n'
        )
    return "\n".join(tables)


def _restless(rng: np.random.Generator, world: World, rows: IntArray) -> FloatArray:
    """Views that go up and down by themselves, a day much like the day before."""
    factor = np.ones((len(world.portfolio), HISTORY_DAYS + 2 * HALF_DAYS))
    steps = rng.normal(0.0, RESTLESS_SD * np.sqrt(1.0 - KEPT**2), (rows.size, factor.shape[1]))
    factor[rows] = np.exp(signal.lfilter([1.0], [1.0, -KEPT], steps, axis=-1))
    return factor


def _spells(
    rng: np.random.Generator, world: World, rows: IntArray, share: tuple[float, float],
    lasting: tuple[int, int] = SPELL_DAYS,
) -> FloatArray:  # fmt: skip
    """Days on which a figure is told so much more: a tracker looked elsewhere, a crawler came by."""
    factor = np.ones((len(world.portfolio), HISTORY_DAYS + 2 * HALF_DAYS))
    for row in rows.tolist():
        for first in np.flatnonzero(rng.random(factor.shape[1]) < SPELLS_A_YEAR / 365.0).tolist():
            days = int(rng.integers(lasting[0], lasting[1] + 1))
            factor[row, first : first + days] *= 1.0 + rng.uniform(*share)
    return factor


def _ranks(world: World) -> FloatArray:
    """Return what the rank tracker tells, (n_listings, n_days); as `bench.score.watched`, without the prices."""
    told = np.full((len(world.portfolio), HISTORY_DAYS + 2 * HALF_DAYS), np.nan)
    for day in range(told.shape[1]):
        seen = shown.market(world, world.first + timedelta(days=day))
        told[seen.listing, day] = seen.rank
    return told
