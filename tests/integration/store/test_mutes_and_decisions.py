"""Mutes as people set them, and decisions as runs take them, in a real database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from python_nodes.errors import NotFoundError
from python_nodes.store import decisions, mutes

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Told:
    fingerprint: str = "a"
    stage: str = "mute"
    decision: str = "held"
    kind: str = "no_price"
    why: str = "muted until noon"
    listing_id: int | None = 1
    property_id: int | None = 1
    alert_id: int | None = None
    held_by: str | None = None


def add(conn: Connection, **changes: object) -> int:
    told = {"start_at": NOON, "end_at": NOON + HOUR, "reason": "painting", "actor": "ada", "origin": "maintenance"}
    return mutes.add(conn, **(told | changes))


def test_a_mute_holds_from_its_start_until_before_its_end(conn: Connection) -> None:
    first = add(conn, listing_id=3)
    moments = (NOON - HOUR, NOON, NOON + HOUR / 2, NOON + HOUR)
    assert [[one.mute_id for one in mutes.active(conn, at)] for at in moments] == [[], [first], [first], []]
    (told,) = mutes.list_all(conn)
    assert (told.listing_id, told.reason, told.actor, told.origin, told.kind) == (
        3,
        "painting",
        "ada",
        "maintenance",
        None,
    )


def test_what_comes_back_is_active_in_its_turn_on_its_own_clock(conn: Connection) -> None:
    add(conn, start_at=datetime(2026, 1, 1, 22, tzinfo=UTC), end_at=datetime(2026, 1, 2, 7, tzinfo=UTC),
        origin="quiet_hours", rrule="FREQ=DAILY", zone="Europe/Lisbon")  # fmt: skip
    summer = datetime(2026, 7, 1, tzinfo=UTC)
    hours = [hour for hour in range(24) if mutes.active(conn, summer + timedelta(hours=hour))]
    assert hours == [0, 1, 2, 3, 4, 5, 21, 22, 23], "22:00 to 07:00 in Lisbon, which is an hour ahead of UTC in July"


def test_a_mute_ended_by_hand_is_over_and_still_known_to_the_next_run(conn: Connection) -> None:
    muted = add(conn, end_at=NOON + 48 * HOUR)
    mutes.end(conn, muted, NOON + HOUR)
    assert mutes.end(conn, muted, NOON + 3 * HOUR).ended_at == NOON + HOUR, "the first end stands"
    assert not mutes.active(conn, NOON + HOUR)
    assert [one.mute_id for one in mutes.since(conn, NOON + HOUR)] == [muted]
    assert not mutes.since(conn, NOON + 2 * HOUR)
    with pytest.raises(NotFoundError):
        mutes.end(conn, muted + 1, NOON)


def test_the_same_decision_again_is_counted_and_another_is_a_new_row(conn: Connection) -> None:
    for hour in range(3):
        decisions.keep(conn, [Told()], NOON + hour * HOUR)
    decisions.keep(conn, [replace(Told(), why="another")], NOON + 3 * HOUR)
    decisions.keep(conn, [Told()], NOON + 4 * HOUR)
    found = decisions.of_problem(conn, "a", None, "no_price", [])
    assert [(one.why, one.times, one.first_at, one.last_at) for one in found] == [
        ("muted until noon", 3, NOON, NOON + 2 * HOUR), ("another", 1, NOON + 3 * HOUR, NOON + 3 * HOUR),
        ("muted until noon", 1, NOON + 4 * HOUR, NOON + 4 * HOUR),
    ]  # fmt: skip


def test_decisions_of_long_ago_are_forgotten(conn: Connection) -> None:
    decisions.keep(conn, [Told()], NOON)
    decisions.keep(conn, [replace(Told(), fingerprint="b")], NOON + decisions.KEPT + HOUR)
    assert not decisions.of_problem(conn, "a", None, "no_price", [])
    assert decisions.of_problem(conn, "b", None, "no_price", [])


def test_a_problem_knows_its_parts_and_what_it_explained(conn: Connection) -> None:
    told = [
        Told(fingerprint="wide", listing_id=None), Told(fingerprint="part", listing_id=5),
        Told(fingerprint="explained", kind="demand_drop", listing_id=6, held_by="wide"),
        Told(fingerprint="other", listing_id=9), Told(fingerprint="same place", kind="suspended", listing_id=5),
    ]  # fmt: skip
    decisions.keep(conn, told, NOON)
    found = {one.fingerprint for one in decisions.of_problem(conn, "wide", None, "no_price", [5])}
    assert found == {"wide", "part", "explained"}
    assert set(decisions.held_lately(conn, ["part", "nothing"], NOON)) == {"part"}
    assert not decisions.held_lately(conn, ["part"], NOON + HOUR)
    assert {one.fingerprint for one in decisions.held(conn, NOON)} == {one.fingerprint for one in told}
