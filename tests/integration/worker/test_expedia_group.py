"""Expedia and Vrbo through a real worker: one connection a channel, stored under the channel's own listings."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from sandbox.clock import SimulatedClock
from sandbox.faults import FaultPlan
from sandbox.vendors import expedia_group
from sandbox.vendors.expedia_group_parr import PASSWORD, USERNAME
from sandbox.world import World, build_world
from tests.integration.worker.conftest import Worker

T0 = date(2026, 3, 30)
AS_OF = f"{T0}T12:00:00Z"
CHANNELS = ("expedia", "vrbo")


@dataclass(frozen=True)
class Simulated:
    """The simulated OTA on its own port, and the connections to it by channel."""

    world: World
    url: str
    connections: dict[str, int]


@pytest.fixture(scope="module")
def simulated(worker: Worker) -> Iterator[Simulated]:
    """Serve a small world, import its portfolio piece by piece and connect each channel."""
    world = build_world(7, 24, 60, 5, T0, None).as_seen(T0)
    app = Flask("simulated")
    clock = SimulatedClock(datetime(2026, 3, 30, 12, tzinfo=UTC))
    app.register_blueprint(expedia_group.blueprint(world, clock, FaultPlan(expedia_group.OPERATIONS), None))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert worker.post("/v1/portfolio", world.portfolio_json()).is_success
        url = f"http://127.0.0.1:{server.server_port}/expedia_group"
        yield Simulated(world, url, {channel: _connect(worker, url, channel, 30) for channel in CHANNELS})
    finally:
        server.shutdown()


def _connect(worker: Worker, url: str, channel: str, reservation_days: int) -> int:
    body = {
        "vendor": "expedia_group", "name": f"{channel}, {reservation_days} days", "base_url": url,
        "settings": {"channel": channel, "rate_limits": {"*": "1000/second"}, "reservation_days": reservation_days},
        "credentials": {
            "client_id": expedia_group.CLIENT_ID, "client_secret": expedia_group.CLIENT_SECRET,
            "eqc_username": USERNAME, "eqc_password": PASSWORD,
        },
    }  # fmt: skip
    answer = worker.post("/v1/connections", body)
    assert answer.is_success, answer.text
    return int(answer.json()["id"])


def _poll(worker: Worker, connection_id: int, operation: str, as_of: str = AS_OF) -> dict[str, Any]:
    answer = worker.post(f"/v1/poll/{operation}", {"connection_id": connection_id, "as_of": as_of})
    assert answer.is_success, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _channels_of(worker: Worker, table: str) -> dict[str, int]:
    query = (
        f"SELECT l.channel, count(DISTINCT l.id) FROM {table} t JOIN listings l"
        " ON l.id = t.listing_id GROUP BY l.channel"
    )
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        return {channel: int(count) for channel, count in conn.exec_driver_sql(query).all()}


def _stored(worker: Worker) -> set[str]:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        return {name for (name,) in conn.exec_driver_sql("SELECT external_id FROM bookings").all()}


def test_every_operation_of_each_channel_is_stored_under_its_own_listings(worker: Worker, simulated: Simulated) -> None:
    world = simulated.world
    listings = {channel: sum(one == channel for one in world.portfolio.channel) for channel in CHANNELS}
    for channel, connection_id in simulated.connections.items():
        recent = _poll(worker, connection_id, "reservations")
        made = {row.reservation_id for row in world.bookings(channel, T0 - timedelta(days=28), T0 - timedelta(days=1))}
        assert (recent["rejected"], made - _stored(worker)) == (0, set())
        assert made
        rates = _poll(worker, connection_id, "ari")
        assert (rates["rejected"], rates["stored"]) == (0, 90 * listings[channel])
        again = _poll(worker, connection_id, "ari")
        assert (again["stored"], again["unchanged"]) == (0, 90 * listings[channel])
        assert _poll(worker, connection_id, "health")["fetched"] == listings[channel]
    assert _channels_of(worker, "ari_current") == listings
    assert set(_channels_of(worker, "bookings")) == set(CHANNELS)
    assert _channels_of(worker, "listing_health") == listings


def test_after_a_long_outage_a_poll_asks_for_all_that_came_meanwhile(worker: Worker, simulated: Simulated) -> None:
    connection_id = _connect(worker, simulated.url, "vrbo", 1)
    early = T0 - timedelta(days=20)
    assert _poll(worker, connection_id, "reservations", f"{early.isoformat()}T12:00:00Z")["rejected"] == 0
    late = _poll(worker, connection_id, "reservations")["fetched"]
    made = simulated.world.bookings("vrbo", early, T0 - timedelta(days=1))
    assert late >= len(made) > 0, "a day is what the setting alone would ask for"
    assert {row.reservation_id for row in made} <= _stored(worker)
    again = _poll(worker, connection_id, "reservations", f"{T0.isoformat()}T13:00:00Z")
    assert again["fetched"] < late / 2, "what was asked for is not asked for for ever"


def test_connection_tells_what_may_be_polled(worker: Worker, simulated: Simulated) -> None:
    told = {one["id"]: one["operations"] for one in worker.client.get("/v1/connections").json()["connections"]}
    for connection_id in simulated.connections.values():
        assert {"reservations", "ari", "health"} <= set(told[connection_id])
        assert "performance" not in told[connection_id]
