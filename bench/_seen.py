"""What guards would look at on a day of a drawn world, read from the world itself: no vendor, no store.

The usual terms of a night are those of the day before a listing's incident; what a page showed then is what it showed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from python_nodes.domain.inputs import (
    AriMatrix,
    BoolArray,
    FeedMarks,
    GuardInputs,
    HealthState,
    MissingContent,
    RecentDays,
    ReviewState,
    UsualTerms,
)
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.economics import night_demand
from python_nodes.scoring.stay_shape import stay_shares
from sandbox import shown
from sandbox.calendar import MARKETS, eur_cents_per_minor
from sandbox.world import World

HORIZON_NIGHTS, SHAPE_DAYS, MEMORY_DAYS, LONGEST_NIGHTS = 90, 120, 28, 30


def guard_inputs(
    world: World, rows: Sequence[int], begun: Mapping[int, int], listings: Sequence[ListingInfo], day: date
) -> GuardInputs:
    """Return what guards look at on ``day`` of some listings; ``begun`` is the live day each one's incident starts."""
    nights = np.datetime64(day, "D") + np.arange(HORIZON_NIGHTS)
    before = [world.t0 + timedelta(days=begun[row] - 1) for row in rows]
    now_at = np.datetime64(datetime.combine(day, time(12)), "s")
    ari, marks = _ari(world, rows, [day] * len(rows), day, nights, now_at)
    usual, _ = _ari(world, rows, before, day, nights, now_at)
    told = np.where(usual.known & (usual.price_minor > 0), 1.0, np.nan)
    demand, shares = _stays(world, rows, day)
    recent, reviews = _reviews(world, rows, before, day)
    return GuardInputs(
        as_of=datetime.combine(day, time(12), UTC), as_of_day=day, listings=[listings[row] for row in rows], ari=ari,
        health=_health(world, rows, day), operator_known=np.ones((len(rows), nights.size), dtype=np.bool_),
        operator_open=_open(world, rows, day),
        operator_since=np.full((len(rows), nights.size), np.datetime64("NaT", "s")),
        usual=UsualTerms(usual.price_minor, usual.fees_minor * told, usual.min_stay_nights * told),
        last_performance_day=np.full(len(rows), np.datetime64(day, "D") - 1),
        local_day=np.full(len(rows), np.datetime64(day, "D")), night_demand=demand, stay_shares=shares,
        booked_units=np.zeros((len(rows), nights.size), dtype=np.int64), recent=recent, reviews=reviews,
        missing_content=_missing(world, rows, before, day), marks=marks, failing=(),
        worth={market.currency: eur_cents_per_minor(market.currency) for market in MARKETS},
    )  # fmt: skip


def _health(world: World, rows: Sequence[int], day: date) -> HealthState:
    ways = [shown.health(world, row, day) for row in rows]
    return HealthState(
        np.array([one.status for one in ways]),
        np.array([one.changed_at.replace(tzinfo=None) for one in ways], dtype="datetime64[s]"),
        np.array([one.detail for one in ways]),
    )


def _reviews(
    world: World, rows: Sequence[int], before: Sequence[date], day: date
) -> tuple[RecentDays, ReviewState]:  # fmt: skip
    """Return the scores of the last weeks, as they stood before each incident and since, and the latest."""
    former = np.array([shown.review(world, row, then).score_10 for row, then in zip(rows, before, strict=True)])
    latest = [shown.review(world, row, day) for row in rows]
    score, count = np.array([one.score_10 for one in latest]), np.array([one.count for one in latest])
    today = np.datetime64(day, "D")
    days = today - np.arange(MEMORY_DAYS, -2, -1)
    was_good = days[None] <= np.array([np.datetime64(then, "D") for then in before])[:, None]
    scores = np.where(days[None] <= today, np.where(was_good, former[:, None], score[:, None]), np.nan)
    blank = np.full(scores.shape, np.nan)
    return RecentDays(days, blank, blank, scores), ReviewState(score, count)


def _ari(
    world: World,
    rows: Sequence[int],
    told_on: Sequence[date],
    day: date,
    nights: NDArray[np.datetime64],
    now_at: np.datetime64,
) -> tuple[AriMatrix, FeedMarks]:
    """Return availability as each listing's channel told it; nights in a foreign currency are refused and marked."""
    last, shape = day + timedelta(days=HORIZON_NIGHTS - 1), (len(rows), nights.size)
    is_open, price = np.zeros(shape, dtype=np.bool_), np.full(shape, np.nan)
    left, stay, fees = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    foreign = []
    for at, (row, asked) in enumerate(zip(rows, told_on, strict=True)):
        when, own, shown_in = asked, world.portfolio.market(row).currency, world.currency_on(row, asked)
        if shown_in != own:
            foreign.append((at, shown_in))
            when = world.t0 + timedelta(days=min(i.first_day for i in world.active(row, asked)) - 1)
        told = shown.ari(world, (row,), when, day, last)
        is_open[at] = [one.is_open for one in told]
        price[at] = [np.nan if one.price_minor is None else one.price_minor for one in told]
        left[at], stay[at] = [one.units_left for one in told], [one.min_stay_nights for one in told]
        fees[at] = [one.fees_minor for one in told]
    moments = np.full(len(rows), now_at)
    of = np.array([at for at, _ in foreign], dtype=np.int64)
    moments[of] = now_at - np.timedelta64(24, "h")
    count = len(foreign)
    marks = FeedMarks(
        of, np.array(["ari"] * count, dtype=np.str_), np.array(["currency"] * count, dtype=np.str_),
        np.full(count, np.datetime64(day, "D")), np.array([one for _, one in foreign], dtype=np.str_),
        np.full(count, now_at),
    )  # fmt: skip
    return AriMatrix(nights, np.ones(shape, dtype=np.bool_), is_open, price, left, stay, fees, moments), marks


def _open(world: World, rows: Sequence[int], day: date) -> BoolArray:
    first = world.day_index(day)
    return np.asarray(~world.blocked[np.array(rows), first : first + HORIZON_NIGHTS], dtype=np.bool_)


def _stays(world: World, rows: Sequence[int], day: date) -> tuple[FloatArray, FloatArray]:
    """Return which nights bookings touch and how long they stay, by the last weeks' of all listings."""
    made, end = world.reservations, world.day_index(day)
    past = np.flatnonzero((made.day >= end - SHAPE_DAYS) & (made.day < end))
    listing: IntArray = made.listing[past]
    lead, stay = made.checkin[past] - made.day[past], made.nights[past]
    count = len(world.portfolio)
    demand = night_demand(listing, lead, stay, count, HORIZON_NIGHTS)
    return demand[list(rows)], stay_shares(listing, stay, count, LONGEST_NIGHTS)[list(rows)]


def _missing(world: World, rows: Sequence[int], before: Sequence[date], day: date) -> MissingContent:
    """Return what each listing's page lost since the day before its incident."""
    gone = []
    for at, (row, then) in enumerate(zip(rows, before, strict=True)):
        old, new = shown.content(world, row, then), shown.content(world, row, day)
        seen = np.datetime64(datetime.combine(then, time(12)), "s")
        parts = (("amenity", old.amenities, new.amenities), ("rate_plan", old.rate_plans, new.rate_plans))
        for part, had, has in parts:
            gone += [(at, part, name, len(has), seen) for name in had if name not in has]
    columns = list(zip(*gone, strict=True)) if gone else [(), (), (), (), ()]
    return MissingContent(
        np.array(columns[0], dtype=np.int64), np.array(columns[1], dtype=np.str_), np.array(columns[2], dtype=np.str_),
        np.array(columns[3], dtype=np.int64), np.array(columns[4], dtype="datetime64[s]"),
    )  # fmt: skip
