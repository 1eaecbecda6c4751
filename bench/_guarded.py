"""What the product's guards say of a simulated incident on a day, without servers: their inputs made from the world.

Left out against a run with servers: bookings that a channel's calendar has not taken over yet, and failing polls.
What a night is worth is a plain curve over lead times, since no guard's word depends on it here, only its cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from bench.score import listing_infos
from python_nodes import guards
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import (
    AriMatrix,
    FeedMarks,
    GuardInputs,
    HealthState,
    MissingContent,
    RecentDays,
    ReviewState,
    UsualTerms,
)
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.guards.settings import DEFAULTS
from sandbox import shown
from sandbox.calendar import MARKETS, eur_cents_per_minor
from sandbox.incidents import Incident
from sandbox.rows import AriRow
from sandbox.world import World

HORIZON_NIGHTS, MEMORY_DAYS, OTHERS = 90, 28, 2
STAYS = (0.15, 0.3, 0.25, 0.15, 0.08, 0.04, 0.03)


def infos(world: World) -> list[ListingInfo]:
    """Return the listings as stored ones, with the units and properties they belong to."""
    book = world.portfolio
    units, homes = np.asarray(book.unit_index), np.unique(book.property_id, return_inverse=True)[1]
    return [
        replace(one, unit_id=int(units[row]), property_id=int(homes[row]),
                channel_property_id=book.channel_property_id[row], base_price_minor=int(book.base_price_minor[row]),
                unit_count=int(book.unit_count[row]))
        for row, one in enumerate(listing_infos(world))
    ]  # fmt: skip


def findings(world: World, listings: Sequence[ListingInfo], item: Incident, day: date) -> list[Anomaly]:
    """Return what guards find on an incident's property on ``day``, at noon UTC."""
    home = {world.portfolio.property_id[row] for row in item.listings}
    rows = [row for row in range(len(listings)) if world.portfolio.property_id[row] in home]
    # A report is late beside its channel's others.
    channels = {world.portfolio.channel[row] for row in rows}
    calm = [row for row in range(len(listings)) if row not in rows and not world.active(row, day)]
    for name in sorted(channels):
        rows += [row for row in calm if world.portfolio.channel[row] == name][:OTHERS]
    made = inputs(world, [listings[row] for row in rows], rows, world.t0 + timedelta(days=item.first_day - 1), day)
    return [one for one in guards.find(made, DEFAULTS) if one.listing_id in item.listings]


def inputs(
    world: World, listings: Sequence[ListingInfo], rows: Sequence[int], before: date, day: date
) -> GuardInputs:  # fmt: skip
    """Make a guard's inputs of listings; ``before`` is a day on which all was usual."""
    nights = np.datetime64(day, "D") + np.arange(HORIZON_NIGHTS)
    last = day + timedelta(days=HORIZON_NIGHTS - 1)
    usual, now = ([shown.ari(world, (row,), at, day, last) for row in rows] for at in (before, day))
    own = [one.currency for one in listings]
    price = np.array([_prices(a, b, name) for a, b, name in zip(now, usual, own, strict=True)])
    told = np.full(len(rows), np.datetime64(_noon(day).replace(tzinfo=None), "s"))
    seen = world.as_seen(day)
    reported, marks = _reports(seen, rows, now, own, day)
    low = world.day_index(day)
    lead = np.exp(-np.arange(HORIZON_NIGHTS) / 30.0)
    full = (len(rows), HORIZON_NIGHTS)
    return GuardInputs(
        as_of=_noon(day), as_of_day=day, listings=listings,
        ari=AriMatrix(
            nights, np.ones(full, dtype=np.bool_), _part(now, "is_open") > 0, price,
            _part(now, "units_left").astype(np.int64), _part(now, "min_stay_nights").astype(np.int64),
            _part(now, "fees_minor").astype(np.int64), told,
        ),
        health=_health(world, rows, day), operator_known=np.ones(full, dtype=np.bool_),
        operator_open=~world.blocked[list(rows), low : low + HORIZON_NIGHTS],
        operator_since=np.full(full, np.datetime64("NaT", "s")),
        usual=UsualTerms(
            np.array([_prices(one, one, name) for one, name in zip(usual, own, strict=True)]),
            _part(usual, "fees_minor"), _part(usual, "min_stay_nights"),
        ),
        last_performance_day=reported, local_day=np.full(len(rows), np.datetime64(day, "D")),
        night_demand=np.broadcast_to(lead / lead.sum(), full).copy(),
        stay_shares=np.broadcast_to(np.array(STAYS), (len(rows), len(STAYS))).copy(),
        booked_units=np.zeros(full, dtype=np.int64), recent=_recent(world, rows, reported, day),
        reviews=_reviews(world, rows, day), missing_content=_missing(world, rows, before, day), marks=marks, failing=(),
        worth={market.currency: eur_cents_per_minor(market.currency) for market in MARKETS}
        | {"EUR": 1.0, "USD": eur_cents_per_minor("USD")},
    )  # fmt: skip


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


def _part(told: Sequence[Sequence[AriRow]], name: str) -> np.ndarray:
    return np.array([[float(getattr(night, name)) for night in one] for one in told])


def _prices(told: Sequence[AriRow], usual: Sequence[AriRow], own: str) -> list[float]:
    """Return prices by night; amounts in a foreign currency are refused, and the last good ones stand."""
    return [
        float("nan") if (one if one.currency == own else other).price_minor is None
        else float((one if one.currency == own else other).price_minor or 0)
        for one, other in zip(told, usual, strict=True)
    ]  # fmt: skip


def _health(world: World, rows: Sequence[int], day: date) -> HealthState:
    told = [shown.health(world, row, day) for row in rows]
    moments = np.array([one.changed_at.replace(tzinfo=None) for one in told], dtype="datetime64[s]")
    return HealthState(np.array([one.status for one in told]), moments, np.array([one.detail for one in told]))


def _reports(
    seen: World, rows: Sequence[int], now: Sequence[Sequence[AriRow]], own: Sequence[str], day: date
) -> tuple[np.ndarray, FeedMarks]:
    """Return the last reported day of each listing, and what is odd about the rows of the last week."""
    place = {row: at for at, row in enumerate(rows)}
    last = np.full(len(rows), np.datetime64("NaT", "D"))
    odd: list[tuple[int, str, str, date, str]] = []
    for channel in sorted({seen.portfolio.channel[row] for row in rows}):
        told = seen.figures(channel, day - timedelta(days=8), day - timedelta(days=1))
        mine = [k for k, row in enumerate(told.listing.tolist()) if row in place]
        times: Counter[tuple[int, int]] = Counter((place[int(told.listing[k])], int(told.day[k])) for k in mine)
        for (at, index), count in sorted(times.items()):
            when = seen.first + timedelta(days=index)
            last[at] = np.fmax(last[at], np.datetime64(when, "D"))
            if count > 1:
                odd.append((at, "performance", "duplicate", when, str(count)))
    for at, nights in enumerate(now):
        if nights[0].currency != own[at]:
            odd.append((at, "ari", "currency", day, nights[0].currency))
    moment = np.datetime64(_noon(day).replace(tzinfo=None), "s")
    return last, FeedMarks(
        np.array([one[0] for one in odd], dtype=np.int64), np.array([one[1] for one in odd], dtype=np.str_),
        np.array([one[2] for one in odd], dtype=np.str_), np.array([one[3] for one in odd], dtype="datetime64[D]"),
        np.array([one[4] for one in odd], dtype=np.str_), np.full(len(odd), moment),
    )  # fmt: skip


def _recent(world: World, rows: Sequence[int], reported: np.ndarray, day: date) -> RecentDays:
    """Return the last weeks, up to what each listing's report has told."""
    days = np.datetime64(day, "D") - np.arange(MEMORY_DAYS, -2, -1)
    low = world.day_index(day) - MEMORY_DAYS
    at = np.minimum(np.arange(low, low + days.size), world.counts.views.shape[1] - 1)
    there = days[None, :] <= reported[:, None]
    chosen = list(rows)
    score = [[shown.review(world, row, one).score_10 for one in days[:-1].astype(object)] + [np.nan] for row in rows]
    return RecentDays(
        days, np.where(there, world.counts.impressions[chosen][:, at], np.nan),
        np.where(there, world.counts.views[chosen][:, at], np.nan), np.array(score, dtype=np.float64),
    )  # fmt: skip


def _reviews(world: World, rows: Sequence[int], day: date) -> ReviewState:
    told = [shown.review(world, row, day) for row in rows]
    return ReviewState(np.array([one.score_10 for one in told]), np.array([one.count for one in told]))


def _missing(world: World, rows: Sequence[int], before: date, day: date) -> MissingContent:
    gone: list[tuple[int, str, str, int]] = []
    for at, row in enumerate(rows):
        past, now = shown.content(world, row, before), shown.content(world, row, day)
        for part, had, has in (
            ("amenity", past.amenities, now.amenities), ("rate_plan", past.rate_plans, now.rate_plans),
        ):  # fmt: skip
            gone += [(at, part, name, len(has)) for name in had if name not in has]
    moment = np.datetime64(_noon(before).replace(tzinfo=None), "s")
    return MissingContent(
        np.array([one[0] for one in gone], dtype=np.int64), np.array([one[1] for one in gone], dtype=np.str_),
        np.array([one[2] for one in gone], dtype=np.str_), np.array([one[3] for one in gone], dtype=np.int64),
        np.full(len(gone), moment),
    )  # fmt: skip
