"""The world is deterministic, consistent in itself, and its twin differs only where an incident is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from sandbox.channels import CHANNELS, PRICE_RATIO
from sandbox.rows import BookingRow, PerformanceRow
from sandbox.simulated import World
from sandbox.world import DEFAULT_SCENARIO, DEFAULT_T0, build_world

LAST = DEFAULT_T0 + timedelta(days=13)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(11, 36, 60, 14, DEFAULT_T0, DEFAULT_SCENARIO)


@dataclass(frozen=True)
class Found:
    """One incident of a kind, and where its channel has it."""

    i: int
    channel: str
    place: str
    room: str
    unit: str
    start: date


def _incident(world: World, kind: str) -> Found:
    item = next(item for item in world.placed if item.kind == kind)
    i, book = item.listings[0], world.portfolio
    start = world.t0 + timedelta(days=item.first_day)
    return Found(i, book.channel[i], book.channel_property_id[i], book.room_id[i], book.unit_id[i], start)


def _rows(world: World, start: date, end: date) -> list[PerformanceRow]:
    return [row for channel in CHANNELS for row in world.performance(channel, start, end)]


def _made(world: World, start: date, end: date) -> list[BookingRow]:
    return [row for channel in CHANNELS for row in world.bookings(channel, start, end)]


def test_the_same_seed_gives_the_same_world_and_another_does_not(world: World) -> None:
    again = build_world(11, 36, 60, 14, DEFAULT_T0, DEFAULT_SCENARIO)
    assert again.portfolio_json() == world.portfolio_json()
    assert again.incidents() == world.incidents()
    assert _rows(again, world.first, LAST) == _rows(world, world.first, LAST)
    assert _made(again, world.first, LAST) == _made(world, world.first, LAST)
    other = build_world(12, 36, 60, 14, DEFAULT_T0, DEFAULT_SCENARIO)
    assert _rows(other, world.first, LAST) != _rows(world, world.first, LAST)


def test_the_portfolio_has_the_contracts_fields(world: World) -> None:
    book = world.portfolio_json()
    assert set(book) == {"currency", "properties", "units", "listings"}
    assert set(book["properties"][0]) == {
        "external_id", "name", "market", "country", "subdivision", "timezone", "currency", "priority",
    }  # fmt: skip
    assert set(book["units"][0]) == {
        "external_id", "property_external_id", "name", "unit_count", "base_price_minor", "floor_price_minor",
    }  # fmt: skip
    assert set(book["listings"][0]) == {
        "external_id", "unit_external_id", "channel", "title", "rate_plan_external_id", "channel_property_id",
    }  # fmt: skip
    assert len({item["external_id"] for item in book["listings"]}) == 36
    sizes = [sum(u["property_external_id"] == p["external_id"] for u in book["units"]) for p in book["properties"]]
    assert min(sizes) == 1
    assert 1 < max(sizes) <= 5


def test_performance_agrees_with_the_reservations(world: World) -> None:
    day = DEFAULT_T0 - timedelta(days=3)
    made = _made(world, day, day)
    rows = _rows(world, day, day)
    assert sum(row.bookings for row in rows) == len(made) > 20
    assert sum(r.revenue_minor for r in rows if r.currency == "EUR") == sum(
        b.total_minor for b in made if b.currency == "EUR"
    )


@pytest.mark.parametrize("channel", CHANNELS)
def test_bookings_are_made_within_the_property_local_day(world: World, channel: str) -> None:
    zones = world.zones(channel)
    for day in (DEFAULT_T0 - timedelta(days=22), DEFAULT_T0):  # 2026-03-08: clocks change in the USA
        for row in world.bookings(channel, day, day):
            assert row.booked_at.astimezone(zones[row.property_id]).date() == day
            assert row.checkin >= day
            assert row.checkout > row.checkin
            assert row.total_minor > 0
        for row in world.cancellations(channel, day):
            assert row.cancelled_at is not None
            assert row.cancelled_at > row.booked_at


def test_no_night_is_sold_more_often_than_there_are_units_over_all_channels(world: World) -> None:
    made, book = world.reservations, world.portfolio
    shared = 0
    for i in book.first_listings():
        kept = (book.unit_index[made.listing] == book.unit_index[i]) & (made.cancel_day < 0)
        change = np.zeros(world.price.shape[1] + 1, dtype=np.int64)
        np.add.at(change, made.checkin[kept], 1)
        np.add.at(change, made.checkin[kept] + made.nights[kept], -1)
        assert np.cumsum(change).max() <= book.unit_count[i]
        shared += len(set(made.listing[kept].tolist())) > 1
    assert shared > 5, "units really are sold on several channels"


def test_a_night_sold_on_one_channel_is_gone_on_all(world: World) -> None:
    book = world.portfolio
    for unit in set(book.unit_id):
        left = []
        for i in (i for i in range(len(book)) if book.unit_id[i] == unit):
            rows = world.ari(book.channel[i], book.channel_property_id[i], DEFAULT_T0, DEFAULT_T0, LAST)
            left.append([row.units_left for row in rows if row.room_id == book.room_id[i]])
        assert all(one == left[0] for one in left)


def test_no_id_occurs_on_two_channels(world: World) -> None:
    book = world.portfolio
    for ids in (book.room_id, book.channel_property_id, book.rate_id):
        where: dict[str, set[str]] = {}
        for one, channel in zip(ids, book.channel, strict=True):
            where.setdefault(one, set()).add(channel)
        assert max(len(channels) for channels in where.values()) == 1
    made = [row.reservation_id for row in _made(world, world.first, LAST)]
    assert len(set(made)) == len(made)


def test_sold_out_is_open_with_no_units_left(world: World) -> None:
    rows = [r for c in CHANNELS for p in world.property_ids(c) for r in world.ari(c, p, DEFAULT_T0, DEFAULT_T0, LAST)]
    sold_out = [r for r in rows if r.is_open and r.units_left == 0]
    assert sold_out
    assert all(r.price_minor is not None for r in sold_out)


def test_a_nights_price_does_not_depend_on_when_it_is_looked_at() -> None:
    calm = build_world(11, 36, 30, 14, DEFAULT_T0, None)
    for channel in CHANNELS:
        for place in calm.property_ids(channel):
            early = calm.ari(channel, place, DEFAULT_T0, LAST, LAST)
            late = calm.ari(channel, place, DEFAULT_T0 + timedelta(days=9), LAST, LAST)
            assert [r.price_minor for r in early] == [r.price_minor for r in late]


def test_prices_differ_by_channel_as_stated(world: World) -> None:
    book = world.portfolio
    ratio = np.array([PRICE_RATIO[channel] for channel in book.channel])
    for unit in set(book.unit_index.tolist()):
        level = (world.price / ratio[:, None])[book.unit_index == unit]
        assert np.abs(level / level[0] - 1).max() < 0.01
    assert set(book.channel) == set(CHANNELS)


def test_a_closed_calendar_shows_on_its_channel_and_never_at_the_operators(world: World) -> None:
    found = _incident(world, "calendar_closed")
    night = found.start + timedelta(days=20)

    def shown(day: date) -> list[bool]:
        rows = world.ari(found.channel, found.place, day, night, night)
        return [r.is_open for r in rows if r.room_id == found.room]

    own = [r for r in world.operator_calendar(found.start, night, night) if r.unit_external_id == found.unit]
    assert own[0].is_open
    assert shown(found.start) == [False]
    assert shown(found.start - timedelta(days=1)) == [True]


def test_operator_closures_show_on_all_sides(world: World) -> None:
    horizon = DEFAULT_T0 + timedelta(days=89)
    closed = [r for r in world.operator_calendar(DEFAULT_T0, DEFAULT_T0, horizon) if not r.is_open]
    assert closed
    book, night = world.portfolio, closed[0].night
    for i in (i for i, unit in enumerate(book.unit_id) if unit == closed[0].unit_external_id):
        shown = world.ari(book.channel[i], book.channel_property_id[i], DEFAULT_T0, night, night)
        assert [(r.is_open, r.units_left) for r in shown if r.room_id == book.room_id[i]] == [(False, 0)]


def test_a_price_error_shows_its_factor(world: World) -> None:
    found = _incident(world, "price_error")
    factor = next(item.factor for item in world.placed if item.listings == (found.i,))
    night = found.start + timedelta(days=1)
    wrong, right = (
        next(r.price_minor for r in world.ari(found.channel, found.place, day, night, night) if r.room_id == found.room)
        for day in (found.start, found.start - timedelta(days=1))
    )
    assert wrong is not None
    assert right is not None
    assert wrong == pytest.approx(right * factor, rel=0.01)


def test_a_listing_that_is_down_has_no_impressions_and_is_suspended(world: World) -> None:
    found = _incident(world, "listing_down")
    seen = [
        r.search_views for r in world.performance(found.channel, found.start, found.start) if r.room_id == found.room
    ]
    assert seen == [0]
    health = {r.room_id: r for r in world.health(found.channel, found.place, found.start)}
    assert health[found.room].status == "suspended"
    assert health[found.room].changed_at.date() == found.start
    before = world.health(found.channel, found.place, found.start - timedelta(days=1))
    assert {r.status for r in before} == {"bookable"}
    with pytest.raises(KeyError):
        world.health(found.channel, "404", found.start)


def test_away_from_incidents_the_twin_differs_by_spilled_demand_only(world: World) -> None:
    touched = np.zeros(world.twin.events.shape, dtype=bool)
    for item in world.placed:
        touched[np.array(item.listings)[:, None], np.arange(item.first_day, item.last_day + 1)] = True
    live, calm = world.counts.impressions[:, world.history_days :], world.twin.impressions
    assert (live[~touched] >= calm[~touched]).all()
    assert live[~touched].sum() < 1.1 * calm[~touched].sum()
    assert (live[touched] != calm[touched]).any()
    spilled = [outcome.spill_minor for outcome in world.outcomes]
    assert max(spilled) > 0


def test_one_channel_only_is_a_world_of_one_channel() -> None:
    world = build_world(11, 36, 30, 14, DEFAULT_T0, DEFAULT_SCENARIO, ("booking_com",))
    book = world.portfolio
    assert set(book.channel) == {"booking_com"}
    assert len(set(book.unit_id)) == 36
    assert book.channel_property_id == book.property_id
    assert not book.fee_minor.any()


def test_an_incident_after_the_live_days_is_told_not_dropped(tmp_path: Path) -> None:
    path = tmp_path / "late.toml"
    path.write_text('[[incident]]\nid="x"\nkind="listing_down"\nselect={third="high"}\nstart_day=20\ndays=2\n')
    world = build_world(1, 24, 20, 14, DEFAULT_T0, path)
    assert world.incidents() == []
    assert world.too_late == ({"id": "x", "kind": "listing_down", "start_day": 20},)


def test_no_ordinary_price_comes_near_its_floor(world: World) -> None:
    floor = 0.4 * world.portfolio.base_price_minor
    assert (world.price > 1.1 * floor[:, None]).all()
