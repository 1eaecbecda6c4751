"""The fit is reproduced from the shipped cut, and the simulation gives back what was fitted."""

from __future__ import annotations

import json

import numpy as np

from sandbox import fit
from sandbox.calendar import MARKETS, fitted
from sandbox.demand import (
    Counts,
    build_funnel,
    cancel_rate,
    draw_events,
    hashed_uniform,
    run_funnel,
    table,
    usual_rates,
)
from sandbox.effects import demand_response
from sandbox.portfolio import HOME_WEEKLY, Portfolio, draw_portfolio
from sandbox.world import DEFAULT_T0


def _calm(book: Portfolio, days: int) -> Counts:
    funnel = build_funnel(book, 2, DEFAULT_T0, days)
    return run_funnel(funnel, usual_rates(funnel, book, slice(0, days)), slice(0, days))


def test_the_shipped_fit_is_what_the_shipped_cut_gives() -> None:
    assert fit.fit_all(fit.read_cut()) == json.loads(fit.FIT_PATH.read_text())


def test_the_cut_stays_in_the_uncensored_window() -> None:
    booked = fit.read_cut()["booking_date"]
    assert (booked.min(), booked.max()) == fit.WINDOW


def test_poisson_fit_recovers_known_effects() -> None:
    rng = np.random.default_rng(5)
    days = np.arange(np.datetime64("2015-07-01"), np.datetime64("2016-09-01"))
    x = np.column_stack([np.ones(len(days)), fit.design(days)])
    true = np.array([4.0, 0.1, -0.1, 0.2, -0.3, 0.0, -0.5, 0.3, -0.2, 0.1, 0.05])
    found = fit._poisson_fit(x, rng.poisson(np.exp(x @ true)).astype(np.float64))
    assert np.abs(found - true).max() < 0.06


def test_volumes_are_the_stated_mixture() -> None:
    book = draw_portfolio(2, 60)
    thirds = np.array(book.third)
    assert [int((thirds == t).sum()) for t in ("low", "mid", "high")] == [20, 20, 20]
    weekly = book.weekly_bookings
    assert weekly[thirds == "low"].max() < 1
    assert 1 <= weekly[thirds == "mid"].min() <= weekly[thirds == "mid"].max() <= 7
    assert weekly[thirds == "high"].min() > 7
    assert np.allclose(book.impressions_per_day * book.ctr * book.conversion * 7, weekly)
    assert len({book.market(i).timezone for i in range(60)}) >= 3
    assert len({book.market(i).name for i in range(60)}) >= 6


def test_a_home_of_half_a_booking_a_day_has_about_300_impressions() -> None:
    book = draw_portfolio(2, 300)
    per_booking = book.impressions_per_day / book.weekly_bookings * HOME_WEEKLY
    homes = np.array(book.third) == "mid"
    assert 285 < np.median(per_booking[homes]) < 330


def test_a_home_often_sees_a_week_without_a_booking() -> None:
    book = draw_portfolio(2, 60)
    counts = _calm(book, 364)
    homes = np.array(book.third) == "mid"
    weeks = counts.events[homes].reshape(-1, 52, 7).sum(axis=2)
    assert 0.02 < (weeks == 0).mean() < 0.4


def test_the_funnel_runs_forward_and_hits_its_rates() -> None:
    book = draw_portfolio(2, 60)
    counts = _calm(book, 365)
    assert (counts.views <= counts.impressions).all()
    assert (counts.events <= counts.views).all()
    busy = np.array(book.third) == "high"
    ctr = counts.views[busy].sum(axis=1) / counts.impressions[busy].sum(axis=1)
    assert np.abs(ctr / book.ctr[busy] - 1).max() < 0.02


def test_events_have_the_fitted_lead_stay_and_cancellation() -> None:
    book = draw_portfolio(2, 60)
    funnel = build_funnel(book, 2, DEFAULT_T0, 300)
    events = draw_events(book, funnel, 2, _calm(book, 300).events, 0)
    for name in ("city", "resort"):
        part = fitted()["profiles"][name]
        rows = np.array([book.market(i).profile == name for i in range(60)])[events.listing]
        assert rows.sum() > 3000
        middle = part["lead_time_quantiles_days"][100]
        assert abs(np.median(events.lead[rows]) - middle) <= 0.12 * middle + 1
        stay = np.dot(np.arange(1, 15), part["nights_share"])
        assert abs(events.nights[rows].mean() - stay) < 0.15
        expected = cancel_rate(part, events.lead[rows]).mean()
        assert abs((events.cancel_after[rows] >= 0).mean() - expected) < 0.02
    assert (events.cancel_after <= events.lead).all()
    assert events.rooms.max() > 1
    assert (events.rooms <= np.maximum(book.unit_count[events.listing] // 4, 1)).all()


def test_hashed_numbers_are_uniform_and_hang_on_identity() -> None:
    a, b = np.meshgrid(np.arange(300), np.arange(100), indexing="ij")
    u = hashed_uniform(7, 1, a.ravel(), b.ravel())
    assert abs(u.mean() - 0.5) < 0.01
    assert np.abs(np.histogram(u, 10, (0, 1))[0] / u.size - 0.1).max() < 0.01
    assert hashed_uniform(7, 1, np.array([5]), np.array([9]))[0] == u[5 * 100 + 9]
    assert abs(np.corrcoef(u, hashed_uniform(7, 2, a.ravel(), b.ravel()))[0, 1]) < 0.02


def test_a_table_gives_back_its_own_quantiles() -> None:
    assert table([0, 10, 20], np.array([0.0, 0.25, 0.5, 0.99])).tolist() == [0, 5, 10, 19]


def test_both_price_errors_lose_revenue() -> None:
    ratio = np.array([0.1, 0.5, 1.0, 2.0, 4.0])
    revenue = ratio * demand_response(ratio)
    assert revenue.argmax() == 2
    assert demand_response(ratio)[0] > 1 > demand_response(ratio)[-1]


def test_the_markets_cover_three_time_zones() -> None:
    assert len(MARKETS) >= 6
    assert len({market.timezone for market in MARKETS}) >= 3
