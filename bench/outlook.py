"""What is foreseen, judged by what came: worlds in which nothing happens, and places whose bookings are thinned.

Rules and settings were chosen on seeds 4000 to 4006; the seeds here judge and nothing was tuned on them. Of 800 days of
bookings 730 and more are known. A told month is right where it ended under four fifths of the year before, told weeks
where they ended under three fifths of the usual share. In the second part 15 places a world lose 80 % of their
bookings from 40 days before the day that is looked at: what was truly missed of them, and what of that was told.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from bench.forecast import quiet_world
from bench.score import row_of
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring import finals, opportunity, outlook_settings, outlooks
from python_nodes.scoring.finals import Nights
from sandbox.calendar import MARKETS, eur_cents_per_minor
from sandbox.world import World

SEEDS = tuple(range(4100, 4106))
LISTINGS, HISTORY_DAYS, AFTER_DAYS = 200, 800, 130
WEEKS = 2
HIT, LOST, SINCE_DAYS, LEAST_NIGHTS = 15, 0.8, 40, 60.0


@dataclass(frozen=True)
class Places:
    """A world's properties, with the first day whose bookings are known."""

    nights: Nights
    markets: IntArray
    capacity: FloatArray
    told_from: IntArray
    first: int


@dataclass
class Tally:
    """Over places and looks: ``sure`` are months of nine tenths' probability before anything else is asked of them."""

    looks: int = 0
    listings: int = 0
    sure: int = 0
    sure_right: int = 0
    told: int = 0
    told_right: int = 0
    new_told: int = 0
    empty: int = 0
    empty_right: int = 0
    cheap: int = 0
    truly: int = 0
    found: int = 0
    others: int = 0
    inside: int = 0
    bands: int = 0


def run(seeds: Sequence[int] = SEEDS) -> list[dict[str, Any]]:
    """Count over all worlds."""
    told = Tally()
    for number, seed in enumerate(seeds):
        world = quiet_world(seed, HISTORY_DAYS, AFTER_DAYS, number % 8 * 45, listings=LISTINGS)
        places = places_of(world)
        _quiet(told, places, world)
        _hit(told, places, seed)
    per_week = 100.0 / (told.listings * WEEKS)
    return [
        row_of("months told, quiet worlds", told.new_told * per_week, "a week and 100 listings", None, None, None),
        row_of("weeks told, quiet worlds", told.empty * per_week, "a week and 100 listings", None, None, None),
        row_of("prices told, quiet worlds", told.cheap * per_week, "a week and 100 listings", None, None, None),
        row_of("months of probability 0.9 that were missed", told.sure_right / max(told.sure, 1), f"of {told.sure}",
               "said", 0.9, 0.85),
        row_of("months held by the 80 % band", told.inside / max(told.bands, 1), f"of {told.bands}", "asked", 0.8,
               None),
        row_of("places that lost bookings: missed months told", told.found / max(told.truly, 1), f"of {told.truly}",
               None, None, None),
        row_of("months told there that were missed", told.told_right / max(told.told, 1), f"of {told.told}", None, None,
               None),
        row_of("weeks told there that stayed unsold", told.empty_right / max(told.others, 1), f"of {told.others}", None,
               None, None),
    ]  # fmt: skip


def places_of(world: World) -> Places:
    """Return a world's bookings by property, money in EUR cents."""
    made, book = world.reservations, world.portfolio
    first = int(np.datetime64(world.first, "D").astype(np.int64))
    cents = np.array([eur_cents_per_minor(MARKETS[at].currency) for at in book.market_index.tolist()])
    names, of = np.unique(np.array(book.property_id), return_inverse=True)
    until = np.where(made.cancel_day < 0, np.iinfo(np.int64).max, made.cancel_day + first)
    nights = finals.nights_of(
        of[made.listing], made.checkin + first, made.nights, made.day + first, until,
        made.total_minor * cents[made.listing],
    )  # fmt: skip
    market = np.zeros(len(names), dtype=np.int64)
    market[of] = book.market_index
    capacity, units = np.zeros(len(names)), book.first_listings()
    np.add.at(capacity, of[units], np.asarray(book.unit_count)[units])
    groups = np.unique(market, return_inverse=True)[1].astype(np.int64)
    return Places(nights, groups, capacity, np.full(len(names), first), first)


def months(today: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Give the months that end in a week to ninety days, each with that of the year before."""
    at = np.datetime64(today, "D").item()
    for _ in range(4):
        span, before = (_span(at.year - back, at.month) for back in (0, 1))
        if 6 <= span[1] - today < finals.SIZE:
            yield span, before
        at = at.replace(day=1) + timedelta(days=32)


def _span(year: int, month: int) -> tuple[int, int]:
    first = int(np.datetime64(f"{year}-{month:02d}-01", "D").astype(np.int64))
    return first, first + monthrange(year, month)[1] - 1


def _quiet(told: Tally, places: Places, world: World) -> None:
    """Look once a week: what is new is what was not told a week before."""
    n = len(places.markets)
    was, were_empty = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    told.listings += len(world.portfolio)
    for week in range(WEEKS + 1):
        today = places.first + HISTORY_DAYS + 7 * week
        now, empty = _look(told, places, places.nights, today, was, were_empty, np.zeros(n, dtype=np.bool_))
        if week:
            told.new_told += int((now & ~was).sum())
            told.empty += int((empty & ~were_empty).sum())
            told.cheap += _cheap(world, today - places.first)
        was, were_empty = now, empty


def _look(
    told: Tally, places: Places, nights: Nights, today: int, was: BoolArray, were_empty: BoolArray, hit: BoolArray
) -> tuple[BoolArray, BoolArray]:  # fmt: skip
    n = len(places.markets)
    ahead = outlooks.look_ahead(nights, places.markets, places.capacity, places.told_from, today)
    any_told, any_missed = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    for span, before in months(today):
        found = outlooks.month(ahead, nights, places.told_from, span, before, np.full(n, np.nan))
        came = finals.books(nights, today + 110, span[0], span[1] - span[0] + 1, n)[1].sum(axis=1)
        known, missed = np.isfinite(found.wanted), came < found.limit
        now = outlooks.told_months(found, was)
        any_told, any_missed = any_told | now, any_missed | (missed & known)
        if hit.any():
            told.told += int((now & hit).sum())
            told.told_right += int((now & hit & missed).sum())
            continue
        sure = known & (found.probability >= outlook_settings.DEFAULTS.sure)
        told.sure, told.sure_right = told.sure + int(sure.sum()), told.sure_right + int((sure & missed).sum())
        told.inside += int(((came >= found.lower) & (came <= found.upper))[known].sum())
        told.bands += int(known.sum())
    weeks = outlooks.weeks(ahead)
    empty = outlooks.told_weeks(weeks, were_empty)
    if hit.any():
        told.truly, told.found = told.truly + int((any_missed & hit).sum()), told.found + int((any_told & hit).sum())
        sold = finals.books(nights, today + 110, today, outlook_settings.DEFAULTS.window_nights, n)[0].sum(axis=1)
        told.others += int(empty.sum())
        told.empty_right += int((empty & (sold < outlook_settings.DEFAULTS.unsold_share * weeks.usual)).sum())
    return any_told, empty


def _hit(told: Tally, places: Places, seed: int) -> None:
    """Take most bookings of some places away from some weeks ago on, and look."""
    rng, today, all_nights = np.random.default_rng(seed), places.first + HISTORY_DAYS + 14, places.nights
    n = len(places.markets)
    volume = np.bincount(all_nights.row[all_nights.night > today - 364], minlength=n)
    rows = rng.permutation(np.flatnonzero(volume > LEAST_NIGHTS))[:HIT]
    hit = np.isin(np.arange(n), rows)
    # A booking's nights go together: they share listing, day and price.
    lot = (
        all_nights.row * 7919 + all_nights.from_day * 104_729 + np.round(all_nights.worth_minor).astype(np.int64)
    ) % 1000
    gone = hit[all_nights.row] & (all_nights.from_day >= today - SINCE_DAYS) & (lot < 1000 * LOST)
    left = Nights(*(getattr(all_nights, name)[~gone] for name in Nights.__slots__))
    nobody = np.zeros(n, dtype=np.bool_)
    _look(told, places, left, today, nobody, nobody, hit)


def _cheap(world: World, day: int) -> int:
    """Count the listings that would be told to raise their price, in a world where prices are as they should be."""
    days = slice(day - opportunity.RECENT_DAYS - opportunity.PAST_DAYS, day)
    shown = world.counts.impressions[:, days].astype(np.float64)
    row = {place: i for i, place in enumerate(zip(world.portfolio.channel, world.portfolio.room_id, strict=True))}
    peers = np.full((len(world.portfolio), opportunity.PEER_DAYS), np.nan)
    for back in range(opportunity.PEER_DAYS):
        for seen in world.market_watch(world.first + timedelta(days=day - opportunity.PEER_DAYS + back)):
            peers[row[seen.channel, seen.room_id], back] = seen.competitor_price_minor
    prices = world.price[:, day : day + 7].astype(np.float64)
    return int(opportunity.told(opportunity.look(shown, peers, prices), np.zeros(len(row), dtype=np.bool_)).sum())
