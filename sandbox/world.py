"""Builds the simulated world that every counterpart reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from sandbox import kept, oracle, twin
from sandbox.calendar import MARKETS, IntArray, eur_cents_per_minor, public_holidays
from sandbox.changelog import build_log
from sandbox.channels import CHANNELS
from sandbox.demand import (
    HORIZON_NIGHTS,
    BoolArray,
    Counts,
    Funnel,
    TrueRates,
    build_funnel,
    draw_events,
    price_matrix,
    run_funnel,
    usual_rates,
)
from sandbox.effects import all_rates
from sandbox.incidents import Incident, Placing, ScenarioError, place
from sandbox.index import Index, build_index
from sandbox.portfolio import Portfolio, draw_portfolio
from sandbox.reservations import Reservations, apply_incidents, explode, settle
from sandbox.simulated import World
from sandbox.stock import Stock
from sandbox.truth import Outcome

__all__ = ["DEFAULT_SCENARIO", "DEFAULT_T0", "ScenarioError", "World", "build_world"]

# A Monday; Good Friday and Easter fall in the fortnight after it, so that the control has a real holiday.
DEFAULT_T0 = date(2026, 3, 30)
DEFAULT_SCENARIO = Path(__file__).parent / "scenarios" / "first_light.toml"
CLOSED_BY_OPERATOR_SHARE = 0.06


@dataclass(frozen=True, slots=True)
class _Draft:
    """What both worlds share: listings, prices and random numbers."""

    seed: int
    first: date
    history_days: int
    portfolio: Portfolio
    price: IntArray
    blocked: BoolArray
    funnel: Funnel

    def reservations(self, counts: IntArray, placed: Sequence[Incident]) -> Reservations:
        """Bookings of the world with these incidents."""
        events = draw_events(self.portfolio, self.funnel, self.seed, counts, 0)
        thinned = apply_incidents(events, placed, self.portfolio, self.price, self.seed, self.history_days)
        return settle(self.portfolio, self.seed, self.first, self.price, self.blocked, *explode(*thinned))

    def setting(self, without: twin.SoldNights | None = None, having: twin.SoldNights | None = None) -> twin.Setting:
        """What losses are counted on; without sold nights every unit is free."""
        nothing = np.zeros(self.price.shape[1], dtype=np.int64)
        return twin.Setting(
            self.portfolio, self.funnel, self.price, self.blocked, self.history_days,
            without or (lambda i, day: nothing), having or (lambda i, day: nothing),
        )  # fmt: skip

    def sold_nights(self, made: Reservations, index: Index) -> twin.SoldNights:
        """Nights taken of a listing's unit at the start of a day."""
        return lambda i, day: index.sold(made, int(self.portfolio.unit_index[i]), day, self.price.shape[1])


def _operator_closures(portfolio: Portfolio, seed: int, history_days: int, nights: int) -> BoolArray:
    """A few units the operator himself closes for maintenance, in the weeks after t0: harmless nights."""
    rng = np.random.default_rng([seed, 4])
    units = len(portfolio.first_listings())
    blocked = np.zeros((units, nights), dtype=np.bool_)
    for unit in np.flatnonzero(rng.random(units) < CLOSED_BY_OPERATOR_SHARE):
        start = history_days + int(rng.integers(5, 70))
        blocked[unit, start : start + int(rng.integers(2, 7))] = True
    return np.asarray(blocked[portfolio.unit_index])


def _join(past: Counts, live: Counts) -> Counts:
    columns = ((getattr(past, name), getattr(live, name)) for name in Counts.__slots__)
    return Counts(*(np.concatenate(pair, axis=1) for pair in columns))


def _booked(made: Reservations, shape: tuple[int, ...]) -> tuple[IntArray, IntArray]:
    booked, revenue = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    np.add.at(booked, (made.listing, made.day), 1)
    np.add.at(revenue, (made.listing, made.day), made.total_minor)
    return booked, revenue


def _losses(
    draft: _Draft, placed: Sequence[Incident], calm: Counts, made: Reservations, index: Index,
    holidays: dict[str, list[int]],
) -> list[int]:  # fmt: skip
    """Each incident's true loss; the twin world is played out for the units that incidents touch."""
    book = draft.portfolio
    listings = np.array([i for item in placed for i in item.listings], dtype=np.int64)
    touched = np.isin(book.unit_index, book.unit_index[listings])
    without = draft.reservations(np.where(touched[:, None], calm.events, 0), ())
    setting = draft.setting(draft.sold_nights(without, build_index(book, without, ())), draft.sold_nights(made, index))
    return [twin.true_loss_minor(setting, item, holidays[item.market]) for item in placed]


def _booking_value(book: Portfolio, made: Reservations, history_days: int, item: Incident) -> float:
    """EUR cents that a booking brought in the item's market on average, cancelled ones as nothing, before t0."""
    market = book.market_index[item.listings[0]]
    rows = (made.day < history_days) & (book.market_index[made.listing] == market)
    kept = made.total_minor[rows & (made.cancel_day < 0)].sum()
    return float(kept) / max(int(rows.sum()), 1) * eur_cents_per_minor(MARKETS[market].currency)


@dataclass(frozen=True, slots=True)
class _Played:
    """Both worlds' funnels on the live days, the true rates with incidents, and the bookings each incident spilled."""

    past: Counts
    calm: Counts
    live: Counts
    true: TrueRates
    spilled: list[float]


def _play(draft: _Draft, placed: Sequence[Incident], days: int, holidays: dict[str, list[int]]) -> _Played:
    """Run the funnels: history once, the live days with and without incidents, on the same random numbers."""
    book, funnel = draft.portfolio, draft.funnel
    history, ahead = slice(0, draft.history_days), slice(draft.history_days, days)
    live_days = days - draft.history_days
    usual = usual_rates(funnel, book, ahead)
    spill, spilled = twin.spill_factors(draft.setting(), placed, live_days, holidays)
    own = all_rates(placed, book, live_days, holidays)
    true = TrueRates(
        usual.impressions * own.impressions * spill, usual.ctr * own.ctr, usual.conversion * own.conversion
    )
    past = run_funnel(funnel, usual_rates(funnel, book, history), history)
    return _Played(past, run_funnel(funnel, usual, ahead), run_funnel(funnel, true, ahead), true, spilled)


def _outcomes(
    draft: _Draft, placed: Sequence[Incident], played: _Played, made: Reservations, index: Index,
    holidays: dict[str, list[int]],
) -> tuple[Outcome, ...]:  # fmt: skip
    """What each incident cost and spilled, and when it could be seen."""
    losses = _losses(draft, placed, _join(played.past, played.calm), made, index, holidays)
    luck = draft.funnel.noise[:, draft.history_days :]
    expected = replace(played.true, impressions=played.true.impressions / luck)
    known, told = oracle.Known(played.live, expected, draft.funnel.noise_shape), []
    for item, loss, spilled in zip(placed, losses, played.spilled, strict=True):
        own = draft.portfolio.market(item.listings[0]).currency
        day = oracle.day_of_detection(item, known, own, holidays[item.market])
        value = _booking_value(draft.portfolio, made, draft.history_days, item)
        told.append(Outcome(loss, round(spilled * value), day))
    return tuple(told)


def _draw(draft: _Draft, placed: tuple[Incident, ...], t0: date, live_days: int) -> kept.Drawn:
    """Play out both worlds."""
    holidays = {m.name: [(d - t0).days for d in public_holidays(m, t0, live_days)] for m in MARKETS}
    played = _play(draft, placed, draft.history_days + live_days, holidays)
    counts = _join(played.past, played.live)
    made = draft.reservations(counts.events, placed)
    index = build_index(draft.portfolio, made, placed)
    return kept.Drawn(counts, played.calm, made, _outcomes(draft, placed, played, made, index, holidays))


def build_world(
    seed: int,
    listings: int,
    history_days: int,
    live_days: int,
    t0: date,
    scenario: Path | None,
    channels: Sequence[str] = CHANNELS,
    keep_in: Path | None = None,
) -> World:
    """Simulate everything once; the same arguments give the same world, which ``keep_in`` keeps for the next time."""
    days, first = history_days + live_days, t0 - timedelta(days=history_days)
    book = draw_portfolio(seed, listings, channels)
    placing = place(scenario, book, seed, t0, live_days) if scenario is not None else Placing((), ())
    log = build_log(placing.incidents, book, seed, t0, live_days)
    price = price_matrix(book, first, days + HORIZON_NIGHTS)
    blocked = _operator_closures(book, seed, history_days, price.shape[1])
    arguments = (seed, listings, history_days, live_days, t0, tuple(channels))
    path = keep_in / kept.name_of(arguments, scenario) if keep_in is not None else None
    drawn = kept.read(path) if path is not None else None
    if drawn is None:
        draft = _Draft(seed, first, history_days, book, price, blocked, build_funnel(book, seed, first, days))
        drawn = _draw(draft, log.placed, t0, live_days)
        if path is not None:
            kept.write(path, drawn)
    made = drawn.made
    booked, revenue = _booked(made, drawn.counts.views.shape)
    return World(
        t0=t0, currency="EUR", history_days=history_days, live_days=live_days, seed=seed, portfolio=book, price=price,
        blocked=blocked, counts=drawn.counts, twin=drawn.calm, reservations=made, booked=booked, revenue_minor=revenue,
        placed=log.placed, outcomes=drawn.outcomes, too_late=placing.too_late, changes=log.changes, tweaks=log.tweaks,
        index=build_index(book, made, log.placed), stock=Stock(made, book.unit_index, price.shape[1]),
    )  # fmt: skip
