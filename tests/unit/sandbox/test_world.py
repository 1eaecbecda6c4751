"""The world is deterministic, consistent in itself, and its twin differs only where an incident is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from sandbox.calendar import eur_cents_per_minor
from sandbox.simulated import World
from sandbox.world import DEFAULT_SCENARIO, DEFAULT_T0, build_world

LAST = DEFAULT_T0 + timedelta(days=13)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(11, 36, 60, 14, DEFAULT_T0, DEFAULT_SCENARIO)


def _incident(world: World, kind: str) -> tuple[dict[str, object], str, str, date]:
    found = next(item for item in world.incidents() if item["kind"] == kind)
    return found, str(found["listing"]), str(found["property"]), date.fromisoformat(str(found["start"]))


def test_the_same_seed_gives_the_same_world_and_another_does_not(world: World) -> None:
    again = build_world(11, 36, 60, 14, DEFAULT_T0, DEFAULT_SCENARIO)
    assert again.portfolio_json() == world.portfolio_json()
    assert again.incidents() == world.incidents()
    assert again.performance(world.first, LAST) == world.performance(world.first, LAST)
    assert again.bookings(world.first, LAST) == world.bookings(world.first, LAST)
    other = build_world(12, 36, 60, 14, DEFAULT_T0, DEFAULT_SCENARIO)
    assert other.performance(world.first, LAST) != world.performance(world.first, LAST)


def test_the_portfolio_has_the_contracts_fields(world: World) -> None:
    book = world.portfolio_json()
    assert set(book) == {"currency", "properties", "units", "listings"}
    assert set(book["properties"][0]) == {
        "external_id", "name", "market", "country", "subdivision", "timezone", "currency", "priority",
    }  # fmt: skip
    assert set(book["units"][0]) == {
        "external_id", "property_external_id", "name", "unit_count", "base_price_minor", "floor_price_minor",
    }  # fmt: skip
    assert len({item["external_id"] for item in book["listings"]}) == 36
    sizes = [world.portfolio.property_id.count(p["external_id"]) for p in book["properties"]]
    assert min(sizes) == 1
    assert 1 < max(sizes) <= 5


def test_performance_agrees_with_the_reservations(world: World) -> None:
    day = DEFAULT_T0 - timedelta(days=3)
    made = world.bookings(day, day)
    rows = world.performance(day, day)
    assert sum(row.bookings for row in rows) == len(made) > 20
    assert sum(r.revenue_minor for r in rows if r.currency == "EUR") == sum(
        b.total_minor for b in made if b.currency == "EUR"
    )


def test_bookings_are_made_within_the_property_local_day(world: World) -> None:
    zones = {p["external_id"]: ZoneInfo(p["timezone"]) for p in world.portfolio_json()["properties"]}
    for day in (DEFAULT_T0 - timedelta(days=22), DEFAULT_T0):  # 2026-03-08: clocks change in the USA
        for row in world.bookings(day, day):
            assert row.booked_at.astimezone(zones[row.property_id]).date() == day
            assert row.checkin >= day
            assert row.checkout > row.checkin
            assert row.total_minor > 0
        for row in world.cancellations(day):
            assert row.cancelled_at is not None
            assert row.cancelled_at > row.booked_at


def test_no_night_is_sold_more_often_than_there_are_units(world: World) -> None:
    made = world.reservations
    for i, units in enumerate(world.portfolio.unit_count):
        kept = (made.listing == i) & (made.cancel_day < 0)
        change = np.zeros(world.price.shape[1] + 1, dtype=np.int64)
        np.add.at(change, made.checkin[kept], 1)
        np.add.at(change, made.checkin[kept] + made.nights[kept], -1)
        assert np.cumsum(change).max() <= units


def test_sold_out_is_open_with_no_units_left(world: World) -> None:
    rows = [r for p in world.property_ids() for r in world.ari(p, DEFAULT_T0, DEFAULT_T0, LAST)]
    sold_out = [r for r in rows if r.is_open and r.units_left == 0]
    assert sold_out
    assert all(r.price_minor is not None for r in sold_out)


def test_a_nights_price_does_not_depend_on_when_it_is_looked_at(world: World) -> None:
    calm = replace(world, placed=(), losses_minor=())
    for pid in calm.property_ids():
        early = calm.ari(pid, DEFAULT_T0, LAST, LAST)
        late = calm.ari(pid, DEFAULT_T0 + timedelta(days=9), LAST, LAST)
        assert [r.price_minor for r in early] == [r.price_minor for r in late]


def test_a_closed_calendar_shows_on_the_channel_and_never_at_the_operators(world: World) -> None:
    _, room, pid, start = _incident(world, "calendar_closed")
    night = start + timedelta(days=20)

    def shown(day: date) -> list[bool]:
        return [r.is_open for r in world.ari(pid, day, night, night) if r.room_id == room]

    unit = next(row["unit"] for row in world.listing_table() if row["listing"] == room)
    own = [r for r in world.operator_calendar(start, night, night) if r.unit_external_id == unit]
    assert own[0].is_open
    assert shown(start) == [False]
    assert shown(start - timedelta(days=1)) == [True]


def test_operator_closures_show_on_both_sides(world: World) -> None:
    horizon = DEFAULT_T0 + timedelta(days=89)
    closed = [r for r in world.operator_calendar(DEFAULT_T0, DEFAULT_T0, horizon) if not r.is_open]
    assert closed
    room = next(row for row in world.listing_table() if row["unit"] == closed[0].unit_external_id)
    night = closed[0].night
    shown = [r for r in world.ari(room["property"], DEFAULT_T0, night, night) if r.room_id == room["listing"]]
    assert [r.is_open for r in shown] == [False]


def test_a_price_error_changes_the_shown_price_by_its_factor(world: World) -> None:
    item, room, pid, start = _incident(world, "price_error")
    factor = next(p.factor for p in world.placed if p.incident_id == item["id"])
    night = start + timedelta(days=10)
    wrong, right = (
        next(r.price_minor for r in world.ari(pid, day, night, night) if r.room_id == room)
        for day in (start, start - timedelta(days=1))
    )
    assert wrong is not None
    assert right is not None
    assert wrong == pytest.approx(right * factor, rel=0.01)


def test_a_listing_that_is_down_has_no_impressions_and_is_suspended(world: World) -> None:
    _, room, pid, start = _incident(world, "listing_down")
    seen = [r.search_views for r in world.performance(start, start) if r.room_id == room]
    assert seen == [0]
    health = {r.room_id: r for r in world.health(pid, start)}
    assert health[room].status == "suspended"
    assert health[room].changed_at.date() == start
    assert {r.status for r in world.health(pid, start - timedelta(days=1))} == {"bookable"}
    with pytest.raises(KeyError):
        world.health("404", start)


def test_the_twin_differs_only_where_an_incident_is(world: World) -> None:
    touched = np.zeros(world.twin.events.shape, dtype=bool)
    for item in world.placed:
        touched[np.array(item.listings)[:, None], np.arange(item.first_day, item.last_day + 1)] = True
    live = world.counts.events[:, world.history_days :]
    assert (live[~touched] == world.twin.events[~touched]).all()
    assert (live[touched] != world.twin.events[touched]).any()


def test_the_true_loss_is_what_many_twins_lose_on_average() -> None:
    drops: list[float] = []
    told = 0
    for seed in range(6):
        world = build_world(seed, 24, 30, 14, DEFAULT_T0, DEFAULT_SCENARIO)
        calm = build_world(seed, 24, 30, 14, DEFAULT_T0, None)
        for item, loss in zip(world.placed, world.losses_minor, strict=True):
            if item.kind not in ("conversion_drop", "listing_down"):
                continue
            i = item.listings[0]
            cents = eur_cents_per_minor(world.portfolio.market(i).currency)
            days = (30 + item.first_day, 30 + item.last_day)
            drops.append(cents * (_kept(calm, i, days) - _kept(world, i, days)))
            told += loss
    assert sum(drops) == pytest.approx(told, rel=0.15)


def _kept(world: World, listing: int, days: tuple[int, int]) -> float:
    made = world.reservations
    rows = (made.listing == listing) & (made.day >= days[0]) & (made.day <= days[1]) & (made.cancel_day < 0)
    return float(made.total_minor[rows].sum())


def test_every_incident_has_the_contracts_keys_and_costs_money(world: World) -> None:
    for item in world.incidents():
        assert list(item) == [
            "id", "kind", "scope", "is_control", "listing", "property", "market", "start", "end", "true_loss_minor",
        ]  # fmt: skip
        assert item["true_loss_minor"] > 0
        assert date.fromisoformat(item["start"]) >= DEFAULT_T0
        assert item["is_control"] == (item["kind"] == "public_holiday") == (item["scope"] == "market")


def test_no_ordinary_price_comes_near_its_floor(world: World) -> None:
    floor = np.array([unit["floor_price_minor"] for unit in world.portfolio_json()["units"]])
    assert (world.price > 1.1 * floor[:, None]).all()
