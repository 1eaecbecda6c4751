"""A watch that is noisy for a reason of its own: on one channel visitors come that are none, as bots do.

Views of that channel's listings are multiplied by a factor that the bookings do not follow, so that conversion seems to
fall where nothing happened: each day by one much like the day before's, or for some days by a larger one. Worlds are
made as in `bench.scenarios`, with more incidents of the watch that is noisy, and half as many days again in each half.
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
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from sandbox.world import World, build_world

CHANNEL = "expedia"
LISTINGS, HISTORY_DAYS, HALF_DAYS = 300, 400, 90
INCIDENTS, OWN_SHARE = 40, 0.7
SPELL_DAYS = (3, 12)
SPELLS_A_YEAR = 6.0
SHARE = (0.3, 1.0)
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


def draw(seed: int, noise: str = "spells") -> Noisy:
    """Draw a world: incidents in each half by themselves, and one kind of noise, ``spells`` or ``restless``."""
    t0 = scenarios.t0_of(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.toml"
        path.write_text(_scenario(seed), encoding="utf-8")
        world = build_world(seed, LISTINGS, HISTORY_DAYS, 2 * HALF_DAYS, t0, path)
    values = funnel(world)
    factor = (_spells if noise == "spells" else _restless)(np.random.default_rng([seed, 97]), world)
    values["listing_views"] = np.asarray(np.rint(values["listing_views"] * factor), dtype=np.float64)
    days = np.datetime64(world.first, "D") + np.arange(HISTORY_DAYS + 2 * HALF_DAYS)
    down = np.zeros((len(world.portfolio), days.size), dtype=np.bool_)
    for item in world.placed:
        if item.kind in _incidents.OUTAGES:
            first, last = HISTORY_DAYS + item.first_day, HISTORY_DAYS + item.last_day
            down[list(item.listings), first : last + 2] = True
    matrix = MetricMatrix(np.arange(len(world.portfolio), dtype=np.int64), days, values)
    return Noisy(world, matrix, listing_infos(world), down)


def _scenario(seed: int) -> str:
    """Return as many incidents for each half: most are the noisy watch's own, of all sizes that others draw."""
    rng, tables = np.random.default_rng([seed, 83]), []
    for number in range(2 * INCIDENTS):
        kind = "conversion_drop" if rng.random() < OWN_SHARE else str(rng.choice(sorted(_incidents.KINDS)))
        (field, low, high), length = _incidents.KINDS[kind]
        days = int(rng.integers(length[0], length[1] + 1))
        first = number % 2 * HALF_DAYS + int(rng.integers(1, HALF_DAYS - days - 2))
        third = str(rng.choice(("mid", "high")))
        tables.append(
            f'[[incident]]\nid = "{kind}-{number}"\nkind = "{kind}"\nselect = {{ third = "{third}" }}\n'
            f'start_day = {first}\ndays = {days}\nscope = "listing"\n{field} = {rng.uniform(low, high):.2f}\n'
        )
    return "\n".join(tables)


def _restless(rng: np.random.Generator, world: World) -> FloatArray:
    """Views that go up and down by themselves, a day much like the day before."""
    rows = np.flatnonzero(np.array(world.portfolio.channel) == CHANNEL)
    factor = np.ones((len(world.portfolio), HISTORY_DAYS + 2 * HALF_DAYS))
    steps = rng.normal(0.0, RESTLESS_SD * np.sqrt(1.0 - KEPT**2), (rows.size, factor.shape[1]))
    factor[rows] = np.exp(signal.lfilter([1.0], [1.0, -KEPT], steps, axis=-1))
    return factor


def _spells(rng: np.random.Generator, world: World) -> FloatArray:
    """Days on which somebody other than guests looks too."""
    factor = np.ones((len(world.portfolio), HISTORY_DAYS + 2 * HALF_DAYS))
    for row in np.flatnonzero(np.array(world.portfolio.channel) == CHANNEL).tolist():
        for first in np.flatnonzero(rng.random(factor.shape[1]) < SPELLS_A_YEAR / 365.0).tolist():
            days = int(rng.integers(SPELL_DAYS[0], SPELL_DAYS[1] + 1))
            factor[row, first : first + days] *= 1.0 + rng.uniform(*SHARE)
    return factor
