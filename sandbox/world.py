"""Builds the simulated world that every counterpart reads."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from sandbox.calendar import MARKETS, public_holidays
from sandbox.demand import (
    HORIZON_NIGHTS,
    BoolArray,
    Counts,
    build_funnel,
    draw_events,
    incident_rates,
    price_matrix,
    run_funnel,
)
from sandbox.incidents import ScenarioError, place
from sandbox.portfolio import Portfolio, draw_portfolio
from sandbox.reservations import apply_incidents, explode, settle
from sandbox.simulated import World
from sandbox.twin import true_loss_minor

__all__ = ["DEFAULT_SCENARIO", "DEFAULT_T0", "ScenarioError", "World", "build_world"]

# A Monday; Good Friday and Easter fall in the fortnight after it, so that the control has a real holiday.
DEFAULT_T0 = date(2026, 3, 30)
DEFAULT_SCENARIO = Path(__file__).parent / "scenarios" / "first_light.toml"
CLOSED_BY_OPERATOR_SHARE = 0.06


def _operator_closures(portfolio: Portfolio, seed: int, history_days: int, nights: int) -> BoolArray:
    """A few listings the operator himself closes for maintenance, in the weeks after t0: harmless nights."""
    rng = np.random.default_rng([seed, 4])
    blocked = np.zeros((len(portfolio), nights), dtype=np.bool_)
    for i in np.flatnonzero(rng.random(len(portfolio)) < CLOSED_BY_OPERATOR_SHARE):
        start = history_days + int(rng.integers(5, 70))
        blocked[i, start : start + int(rng.integers(2, 7))] = True
    return blocked


def build_world(
    seed: int,
    listings: int,
    history_days: int,
    live_days: int,
    t0: date,
    scenario: Path | None,
) -> World:
    """Simulate everything once; the same arguments give the same world."""
    days, first = history_days + live_days, t0 - timedelta(days=history_days)
    portfolio = draw_portfolio(seed, listings)
    placed = place(scenario, portfolio, seed, t0, live_days) if scenario is not None else []
    price = price_matrix(portfolio, first, days + HORIZON_NIGHTS)
    blocked = _operator_closures(portfolio, seed, history_days, price.shape[1])
    funnel = build_funnel(portfolio, seed, first, days)
    holiday = {m.name: [(d - t0).days for d in public_holidays(m, t0, live_days)] for m in MARKETS}
    past = run_funnel(funnel, portfolio, None, slice(0, history_days))
    twin = run_funnel(funnel, portfolio, None, slice(history_days, days))
    live = run_funnel(
        funnel,
        portfolio,
        incident_rates(placed, len(portfolio), live_days, holiday),
        slice(history_days, days),
    )
    columns = ((getattr(past, name), getattr(live, name)) for name in Counts.__slots__)
    counts = Counts(*(np.concatenate(pair, axis=1) for pair in columns))
    events = draw_events(portfolio, funnel, seed, counts.events, 0)
    rows, paid = explode(*apply_incidents(events, placed, price, seed, history_days))
    touched = {i for item in placed if item.kind in ("calendar_closed", "price_error") for i in item.listings}
    made = settle(portfolio, seed, first, price, blocked, rows, paid, history_days, touched)
    booked, revenue = (
        np.zeros(counts.views.shape, dtype=np.int64),
        np.zeros(counts.views.shape, dtype=np.int64),
    )
    np.add.at(booked, (made.listing, made.day), 1)
    np.add.at(revenue, (made.listing, made.day), made.total_minor)
    losses = [true_loss_minor(item, portfolio, funnel, price, history_days, holiday[item.market]) for item in placed]
    return World(
        t0, "EUR", history_days, live_days, portfolio, price, blocked, counts, twin, made, tuple(placed), tuple(losses),
        booked, revenue,
    )  # fmt: skip
