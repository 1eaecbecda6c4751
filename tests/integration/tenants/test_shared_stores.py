"""Stores that know no row-level security: in Valkey a key says whose it is, in InfluxDB every question names a tenant.

InfluxDB is asked through a recorder that hands each call on to a real server, so that what is looked at is what went
over the wire.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs
from uuid import uuid4

import httpx2
import numpy as np
import pytest
import redis
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from python_nodes.domain.metrics import BandMatrix, MetricPoints
from python_nodes.errors import PermanentError
from python_nodes.local import influx
from python_nodes.notify.webhook_guard import Guard
from python_nodes.steps import connect, connection_admin, import_folder
from python_nodes.store import bell
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import InfluxHttp
from python_nodes.store.session import Database
from tests.conftest import MigratedDatabase, influx_server
from tests.integration.tenants.conftest import AS_OF, House, Tenant

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
START, DAY = date(2026, 2, 1), timedelta(days=1)
OF_NOBODY = re.compile(r"LIMITER/nightporter:limit.*/address/|LIMIT.*/(address|refused|login)/")
"""Calls are counted by address before anybody knows whose they are."""


def keys(url: str) -> set[str]:
    with redis.Redis.from_url(url) as client:
        return {name.decode() for name in client.scan_iter(count=1_000)}


def owners(key: str, house: House) -> set[int]:
    """Each tenant that a part of the key names."""
    parts = [part.split("-")[0] for part in re.split(r"[:/]", key)]
    return {one.tenant_id for one in (house.a, house.b) if str(one.tenant_id) in parts}


def active(house: House, tenant: Tenant, url: str) -> None:
    """Do what leaves something in Valkey: a call with a key, a vendor's rate and its circuit breaker, a bell."""
    asked = {"connection_id": tenant.numbers["connections"][0], "as_of": AS_OF, "force": True}
    answer = house.client.post("/v1/poll/health", json=asked, headers={"Authorization": f"Bearer {tenant.key}"})
    assert answer.status_code in (502, 503), answer.get_data(as_text=True)
    with redis.Redis.from_url(url) as client:
        bell.ring(client, tenant.tenant_id)


def test_each_key_in_valkey_says_whose_it_is(house: House, valkey_url: str) -> None:
    for mine, other in ((house.a, house.b), (house.b, house.a)):
        with redis.Redis.from_url(valkey_url) as client:
            client.flushdb()
        active(house, mine, valkey_url)
        found = {key for key in keys(valkey_url) if OF_NOBODY.search(key) is None}
        named = {key: owners(key, house) for key in sorted(found)}
        assert len(named) >= 3, "a rate, a breaker and a bell"
        assert set(map(frozenset, named.values())) == {frozenset({mine.tenant_id})}, named
        assert other.mark not in " ".join(found)


def test_what_one_tenant_used_up_is_the_others_still(house: House, valkey_url: str) -> None:
    """The same names of theirs, vendor and account: a breaker that A's failures opened lets B ask."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()
    active(house, house.a, valkey_url)
    held = keys(valkey_url)
    active(house, house.b, valkey_url)
    assert {key for key in held if owners(key, house) == {house.b.tenant_id}} == set()
    of_a = {key for key in keys(valkey_url) if owners(key, house) == {house.a.tenant_id}}
    assert of_a == {key for key in held if owners(key, house) == {house.a.tenant_id}}, "B made or took none of A's"


@dataclass
class Wire:
    """What went to InfluxDB: statements that were asked, and lines that were written."""

    asked: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def pass_on(self, server: influx.Influx, request: Request) -> Response:
        body = request.get_data()
        if request.path.endswith("/query"):
            told = parse_qs(request.query_string.decode()) | parse_qs(body.decode())
            self.asked += told.get("q", [])
        elif request.path.endswith("/write"):
            self.written += body.decode().splitlines()
        kept = {
            name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length")
        }
        answer = httpx2.request(
            request.method, f"{server.url}{request.path}?{request.query_string.decode()}", headers=kept, content=body,
            timeout=60,
        )  # fmt: skip
        return Response(answer.content, answer.status_code, content_type=answer.headers.get("content-type"))


@pytest.fixture(params=[build.version for build in influx.BUILDS])
def series(
    request: pytest.FixtureRequest, app_database: Database, httpserver: HTTPServer
) -> Iterator[tuple[InfluxMetricStore, Wire]]:
    server = influx_server(request.getfixturevalue("influx_servers"), f"influxdb-{request.param}")
    name, wire = f"np_{uuid4().hex[:12]}", Wire()
    direct = InfluxHttp(server.address(database=name))
    direct.create_database()
    direct.close()
    httpserver.expect_request(re.compile("/.*")).respond_with_handler(lambda asked: wire.pass_on(server, asked))
    http = InfluxHttp(server.address(database=name, url=httpserver.url_for("").rstrip("/")))
    yield InfluxMetricStore(http, app_database), wire
    http.close()


def told(value: float) -> MetricPoints:
    days = np.array([START, START + DAY], dtype="datetime64[D]")
    values = {"listing_views": np.array([value, value])}
    return MetricPoints(listing_id=np.array([1, 1]), day_date=days, source="report", as_of_at=NOON, values=values)


def bands(value: float) -> BandMatrix:
    held = {"adr": np.array([[value]])}
    return BandMatrix(np.array([1]), np.array([START], dtype="datetime64[D]"), held, held, held)


def test_every_question_to_influxdb_and_every_line_names_the_tenant(
    series: tuple[InfluxMetricStore, Wire], database: MigratedDatabase, tenant_id: int
) -> None:
    store, wire = series
    other = tenant_id + 10_000
    with Database(database.owner_url).engine.begin() as conn:
        conn.exec_driver_sql(f"INSERT INTO tenants (tenant_id, name, currency) VALUES ({other}, 'other', 'EUR')")
    # The same listing, day and source of both: only whose it is parts them.
    for whose, value in ((tenant_id, 5.0), (other, 77_777.0)):
        store.write(whose, told(value))
        store.write_bands(whose, bands(value))
    assert all(re.match(rf"\w+,(\w+=[^,]+,)*tenant=({tenant_id}|{other})[, ]", line) for line in wire.written)
    assert len(wire.written) >= 6
    wire.asked.clear()
    matrix = store.read(tenant_id, ["listing_views"], [1], START, START + DAY)
    assert matrix.values["listing_views"].tolist() == [[5.0, 5.0]]
    assert [one.values["listing_views"].tolist() for one in store.told_by(tenant_id, 1, START, START + DAY)] == [
        [5.0] * 2
    ]
    store.last_told_day(tenant_id, "listing_views", [1], START + DAY)
    assert store.count(tenant_id) == (2, 1)
    assert store.read_bands(tenant_id, ["adr"], [1], START, START).expected["adr"].tolist() == [[5.0]]
    store.settle(tenant_id, NOON - timedelta(hours=1), NOON + timedelta(hours=1))
    questions = [part for one in wire.asked for part in one.split("; ") if part.startswith("SELECT") and "FROM" in part]
    assert len(questions) >= 5
    nameless = [one for one in questions if f"tenant = '{tenant_id}'" not in one]
    assert nameless == []
    assert not [one for one in wire.asked if str(other) in one]


def test_what_lies_on_the_machine_beside_the_stores_is_its_own_tenants(house: House, tmp_path: Path) -> None:
    """A file that was put there for A, any file that the worker may read, and the counts of all processes."""
    (tmp_path / "waiting.csv").write_text("date\n2026-02-01\n")
    services = replace(house.services, imports=replace(house.services.imports, folder=tmp_path))
    moment = datetime.fromisoformat(AS_OF)
    assert import_folder.scan(services, house.b.tenant_id, moment)["files"] == []
    assert (tmp_path / "waiting.csv").exists()
    assert len(import_folder.scan(services, house.a.tenant_id, moment)["files"]) == 1
    wanted = {"vendor": "operator_file", "name": "file", "settings": {"path": "/etc/hostname"}}
    for one, status in ((house.b, 422), (house.a, 200)):
        answer = house.client.post("/v1/connections", json=wanted, headers={"Authorization": f"Bearer {one.key}"})
        assert answer.status_code == status, answer.get_data(as_text=True)
    counts = []
    for one in (house.a, house.b):
        answer = house.client.get("/metrics", headers={"Authorization": f"Bearer {one.key}"})
        assert answer.status_code == 200
        counts.append(answer.get_data(as_text=True))
    assert "nightporter_http_requests_total{" in counts[0]
    for name in ("nightporter_http_requests_total", "channel_sync_total", "webhook_received_total"):
        assert name not in counts[1]


@pytest.mark.parametrize(
    ("base_url", "settings", "field"),
    [
        ("http://169.254.169.254", {}, "base_url"), ("https://10.0.0.1", {}, "base_url"),
        ("https://[::ffff:10.0.0.1]", {}, "base_url"), ("https://localhost", {}, "base_url"),
        ("http://8.8.8.8", {}, "base_url"), ("https://8.8.8.8", {"ical_base_url": "http://127.0.0.1"}, "ical_base_url"),
    ],
)  # fmt: skip
def test_another_tenant_has_no_address_of_our_network_asked(
    house: House, base_url: str, settings: dict[str, str], field: str
) -> None:
    services = replace(house.services, webhook_guard=Guard())
    credentials = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
    wanted = connection_admin.NewConnection(
        vendor="airbnb", name=base_url, base_url=base_url, settings=settings, credentials=credentials
    )
    with pytest.raises(PermanentError, match="url") as refused:
        connection_admin.add(services, house.b.tenant_id, wanted)
    assert (refused.value.status, refused.value.field) == (422, field)
    assert connection_admin.add(services, house.a.tenant_id, wanted)
    kept = connection_admin.add(house.services, house.b.tenant_id, replace(wanted, base_url="http://127.0.0.1:9"))
    # Kept from a time when it was open: it is not asked for a poll either.
    with pytest.raises(PermanentError, match="url"), connect.opened(services, house.b.tenant_id, kept, "health"):
        pytest.fail("it may not be asked")
