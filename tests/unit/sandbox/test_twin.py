"""The true loss is what many simulated twins lose on average, sold-out nights and moved guests included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sandbox.calendar import eur_cents_per_minor
from sandbox.demand import build_funnel
from sandbox.effects import currency_ratio
from sandbox.simulated import World
from sandbox.twin import Setting, stay_value
from sandbox.world import DEFAULT_T0, build_world

HISTORY = 250
INCIDENTS = {
    "down": 'kind = "listing_down"',
    "closed": 'kind = "calendar_closed"\nnights = [0, 60]',
    "cheap": 'kind = "price_error"\nfactor = 0.5',
    "dear": 'kind = "price_error"\nfactor = 2.5',
    "rate": 'kind = "rate_missing"\nnights = [10, 50]',
    "stay": 'kind = "min_stay_raised"\nmin_stay_nights = 5',
    "currency": 'kind = "currency_switched"',
    "drop": 'kind = "conversion_drop"\nseverity = 0.7',
}


def _scenario() -> str:
    head = 'select = { third = "high" }\nstart_day = 2\ndays = 10\n'
    return "".join(f'[[incident]]\nid = "{name}"\n{head}{fields}\n' for name, fields in INCIDENTS.items())


def _kept(world: World, listing: int, first: int, last: int) -> float:
    made = world.reservations
    rows = (made.listing == listing) & (made.day >= first) & (made.day <= last) & (made.cancel_day < 0)
    return float(made.total_minor[rows].sum())


def _lost(world: World, calm: World) -> dict[str, tuple[float, float]]:
    """For each incident what the simulated twin lost and what is told, EUR cents."""
    found = {}
    for item, outcome in zip(world.placed, world.outcomes, strict=True):
        i, days = item.listings[0], (HISTORY + item.first_day, HISTORY + item.last_day)
        own = world.portfolio.market(i).currency
        worth = currency_ratio(item, own) if item.kind == "currency_switched" else 1.0
        lost = _kept(calm, i, *days) - worth * _kept(world, i, *days)
        found[item.incident_id] = lost * eur_cents_per_minor(own), float(outcome.true_loss_minor)
    return found


def test_the_true_loss_is_what_simulated_twins_lose(scenario: Path) -> None:
    scenario.write_text(_scenario())
    seeds = []
    for seed in range(8):
        calm = build_world(seed, 36, HISTORY, 14, DEFAULT_T0, None)
        seeds.append(_lost(build_world(seed, 36, HISTORY, 14, DEFAULT_T0, scenario), calm))
    simulated, told = (np.array([[one[name][k] for name in INCIDENTS] for one in seeds]) for k in (0, 1))
    assert simulated.sum() == pytest.approx(told.sum(), rel=0.12)
    for column, name in enumerate(INCIDENTS):
        error = (simulated - told)[:, column]
        allowed = 3 * error.std(ddof=1) * np.sqrt(len(seeds)) + 0.02 * told[:, column].sum()
        assert abs(error.sum()) < allowed, name


def test_a_sold_out_unit_has_nothing_to_lose() -> None:
    world = build_world(3, 24, 30, 14, DEFAULT_T0, None)
    book, day = world.portfolio, 35
    funnel = build_funnel(book, 3, world.first, 44)
    none: NDArray[np.int64] = np.zeros(world.price.shape[1], dtype=np.int64)
    setting = Setting(book, funnel, world.price, world.blocked, 30, lambda i, d: none, lambda i, d: none)
    i = book.third.index("high")
    free, full, half = none, none + book.unit_count[i], none.copy()
    half[: 30 + 60] = book.unit_count[i]
    values = [stay_value(setting, i, day, None, sold) for sold in (free, half, full)]
    assert values[0] > values[1] > values[2] == 0
