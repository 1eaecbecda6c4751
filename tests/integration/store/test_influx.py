"""InfluxDB as a store that can be down, wrongly set up, guarded, cut off; on every server that is there."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.permission import Permission
from influxdb_client.domain.permission_resource import PermissionResource
from pytest_httpserver import HTTPServer

from python_nodes import config, jobs
from python_nodes.app import create_app
from python_nodes.domain.metrics import MetricPoints
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.local import influx, processes
from python_nodes.local.influx import Influx
from python_nodes.store.influx_setup import plan as plans
from python_nodes.store.influx_setup import server as setup
from python_nodes.store.influx_setup.plan import Wishes
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import InfluxAddress, InfluxHttp, literal
from python_nodes.store.session import Database
from tests.conftest import MigratedDatabase, influx_server

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = date(2026, 2, 1)
SECRET = "wrong-or-right"


def named(builds: Iterable[influx.Build]) -> list[str]:
    return [f"influxdb-{build.version}" for build in builds]


@pytest.fixture(params=named(influx.BUILDS))
def server(request: pytest.FixtureRequest, influx_servers: dict[str, Influx]) -> Influx:
    return influx_server(influx_servers, request.param)


@pytest.fixture(params=named(build for build in influx.BUILDS if build.is_2))
def server_2(request: pytest.FixtureRequest, influx_servers: dict[str, Influx]) -> Influx:
    return influx_server(influx_servers, request.param)


@pytest.fixture(params=named(build for build in influx.BUILDS if not build.is_2))
def guarded(request: pytest.FixtureRequest, influx_servers: dict[str, Influx], tmp_path: Path) -> Iterator[Influx]:
    """A 1.x server that knows an administrator and a user who may read and write one database."""
    build = influx_server(influx_servers, request.param).build
    with influx.run(tmp_path / "influx", build, auth=True) as made:
        InfluxHttp(address(made)).rows(f"CREATE USER root WITH PASSWORD '{SECRET}' WITH ALL PRIVILEGES")
        root = InfluxHttp(address(made, user="root", password=SECRET))
        root.create_database()
        root.rows(f"CREATE USER worker WITH PASSWORD '{SECRET}'")
        root.rows("GRANT ALL ON nightporter TO worker")
        yield made


def address(server: Influx, **own: Any) -> InfluxAddress:
    return server.address(**own)


def points(value: float, *, source: str = "report", as_of: datetime = NOON, n_days: int = 1) -> MetricPoints:
    days = np.arange(np.datetime64(DAY), np.datetime64(DAY) + n_days)
    told = {"listing_views": np.full(n_days, value)}
    return MetricPoints(np.ones(n_days, np.int64), days, source, as_of, told)


def value(store: InfluxMetricStore, tenant: int) -> float:
    return float(store.read(tenant, ["listing_views"], [1], DAY, DAY).values["listing_views"][0, 0])


def test_a_user_of_least_right_reads_and_writes(guarded: Influx, app_database: Database, tenant_id: int) -> None:
    store = InfluxMetricStore(InfluxHttp(address(guarded, user="worker", password=SECRET)), app_database)
    store.ping()
    store.write(tenant_id, points(4.0))
    assert value(store, tenant_id) == 4.0


def test_a_wrong_password_is_refused_and_does_not_show(guarded: Influx, app_database: Database, tenant_id: int) -> None:
    store = InfluxMetricStore(InfluxHttp(address(guarded, user="worker", password="guessed")), app_database)
    for use in (store.ping, lambda: store.write(tenant_id, points(4.0)), lambda: value(store, tenant_id)):
        with pytest.raises(PermanentError, match="refuses our user or token") as refused:
            use()
        assert "guessed" not in str(refused.value)
    shown = repr(store.http.address)
    assert "guessed" not in shown
    assert base64.b64encode(b"worker:guessed").decode() not in shown


def test_a_token_of_user_and_password_serves_1_8(guarded: Influx, app_database: Database, tenant_id: int) -> None:
    store = InfluxMetricStore(InfluxHttp(address(guarded, token=f"worker:{SECRET}")), app_database)
    if guarded.build.api == "v1":
        # 1.6 knows no tokens: whoever sends one is nobody to it.
        with pytest.raises(PermanentError, match="refuses our user or token"):
            store.ping()
        return
    store.write(tenant_id, points(4.0))
    assert value(store, tenant_id) == 4.0


def test_a_token_of_least_right_serves_2(server_2: Influx, app_database: Database, tenant_id: int) -> None:
    root = address(server_2, database="of_least_right")
    InfluxHttp(root).create_database()
    with InfluxDBClient(root.url, root.token, org=root.org) as client:
        bucket = client.buckets_api().find_bucket_by_name(root.database)
        just_it = PermissionResource(type="buckets", id=bucket.id, org_id=bucket.org_id)
        may = [Permission(action=action, resource=just_it) for action in ("read", "write")]
        given = client.authorizations_api().create_authorization(org_id=bucket.org_id, permissions=may)
    store = InfluxMetricStore(InfluxHttp(replace(root, token=given.token)), app_database)
    store.ping()
    store.write(tenant_id, points(4.0))
    assert value(store, tenant_id) == 4.0
    elsewhere = InfluxMetricStore(InfluxHttp(replace(root, token=given.token, database="unused")), app_database)
    with pytest.raises(PermanentError):
        elsewhere.write(tenant_id, points(4.0))


def test_a_wrong_token_is_refused_by_2_and_does_not_show(
    server_2: Influx, app_database: Database, tenant_id: int
) -> None:
    store = InfluxMetricStore(InfluxHttp(address(server_2, token="guessed")), app_database)
    for use in (store.ping, lambda: store.write(tenant_id, points(4.0)), lambda: value(store, tenant_id)):
        with pytest.raises(PermanentError, match="refuses our user or token") as refused:
            use()
        assert "guessed" not in str(refused.value) + repr(store.http.address)


def test_a_missing_database_says_what_to_run(server: Influx, app_database: Database, tenant_id: int) -> None:
    http = InfluxHttp(address(server, database="nobody_made_this"))
    store = InfluxMetricStore(http, app_database)
    for use in (store.ping, lambda: store.write(tenant_id, points(4.0)), lambda: value(store, tenant_id),
                lambda: store.count(tenant_id)):  # fmt: skip
        with pytest.raises(PermanentError, match=r"no database nobody_made_this.*influx setup"):
            use()


def test_creating_the_database_twice_changes_nothing(server: Influx, app_database: Database, tenant_id: int) -> None:
    http = InfluxHttp(address(server, database="made_twice"))
    http.create_database()
    store = InfluxMetricStore(http, app_database)
    store.write(tenant_id, points(4.0))
    http.create_database()
    assert value(store, tenant_id) == 4.0
    if server.build.is_2:
        # InfluxQL of 2.x tells the same of every bucket.
        with InfluxDBClient(server.url, server.token, org=influx.ORG) as client:
            (rule,) = client.buckets_api().find_bucket_by_name("made_twice").retention_rules
        assert (rule.every_seconds, rule.shard_group_duration_seconds) == (0, 17472 * 3600)
        return
    policies = http.rows('SHOW RETENTION POLICIES ON "made_twice"')[0]["values"]
    assert [row[:3] for row in policies] == [["autogen", "0s", "17472h0m0s"]]


def test_a_server_that_is_down_is_a_passing_failure(
    server: Influx, app_database: Database, tenant_id: int, tmp_path: Path
) -> None:
    with influx.run(tmp_path / "influx", server.build) as mine:
        store = InfluxMetricStore(InfluxHttp(address(mine)), app_database)
        store.http.create_database()
        store.write(tenant_id, points(4.0))
    assert store.write(tenant_id, points(5.0, as_of=NOON + timedelta(hours=1))) == 1
    with pytest.raises(RetryableError, match=f"InfluxDB at {mine.url} does not answer"):
        store.ping()
    with pytest.raises(RetryableError, match=f"1 reports wait for InfluxDB at {mine.url}"):
        value(store, tenant_id)
    port = int(mine.url.rsplit(":", 1)[1])
    with influx.run(tmp_path / "influx", server.build, port=port):
        assert store.drain(tenant_id, at_once=True) == 1
        assert value(store, tenant_id) == 5.0


def test_a_server_that_hangs_is_given_up_on(
    server: Influx, app_database: Database, tenant_id: int, tmp_path: Path
) -> None:
    with influx.run(tmp_path / "influx", server.build) as mine:
        http = InfluxHttp(address(mine, timeout_s=0.5))
        http.create_database()
        process = psutil.Process(mine.child.process.pid)
        process.suspend()
        try:
            store = InfluxMetricStore(http, app_database)
            store.write(tenant_id, points(4.0))
            assert "does not answer" in store.waiting(tenant_id).reason
            with pytest.raises(RetryableError, match="does not answer"):
                store.ping()
        finally:
            process.resume()


def test_an_answer_without_its_end_is_never_taken_for_missing_days(
    httpserver: HTTPServer, app_database: Database, tenant_id: int
) -> None:
    rows = 'name,tags,time,as_of,listing_views\nmetrics,"listing=1,source=report",1769904000000000000,1,4\n'
    httpserver.expect_request("/query", headers={"Accept": "application/csv"}).respond_with_data(rows)
    httpserver.expect_request("/query").respond_with_json({"results": [{"statement_id": 0}]})
    store = InfluxMetricStore(InfluxHttp(InfluxAddress(url=httpserver.url_for(""))), app_database)
    with pytest.raises(RetryableError, match="broke off"):
        value(store, tenant_id)


@pytest.mark.parametrize(("status", "error"), [(503, RetryableError), (429, RetryableError), (413, PermanentError)])
def test_statuses_are_errors_by_what_recovers_from_them(
    httpserver: HTTPServer, app_database: Database, tenant_id: int, status: int, error: type[Exception]
) -> None:
    httpserver.expect_request("/query").respond_with_data("{}", status=status, headers={"Retry-After": "7"})
    store = InfluxMetricStore(InfluxHttp(InfluxAddress(url=httpserver.url_for(""))), app_database)
    with pytest.raises(error) as raised:
        value(store, tenant_id)
    assert getattr(raised.value, "retry_after_s", 7.0) == 7.0


@pytest.mark.parametrize("status", [503, 429])
def test_an_overloaded_server_is_left_alone_for_as_long_as_it_asks(
    httpserver: HTTPServer, app_database: Database, tenant_id: int, status: int
) -> None:
    httpserver.expect_request("/query").respond_with_data("{}", status=status, headers={"Retry-After": "45"})
    store = InfluxMetricStore(InfluxHttp(InfluxAddress(url=httpserver.url_for(""))), app_database)
    for hour in range(3):
        store.write(tenant_id, points(4.0, as_of=NOON + timedelta(hours=hour)))
    assert len(httpserver.log) == 1
    assert store.waiting(tenant_id).entries == 3
    with pytest.raises(RetryableError, match="3 reports wait") as raised:
        store.drain(tenant_id)
    assert 40.0 < (raised.value.retry_after_s or 0.0) <= 45.0


def test_a_report_that_the_server_refuses_for_good_does_not_wait(
    httpserver: HTTPServer, app_database: Database, tenant_id: int
) -> None:
    httpserver.expect_request("/query").respond_with_data("{}", status=413)
    store = InfluxMetricStore(InfluxHttp(InfluxAddress(url=httpserver.url_for(""))), app_database)
    with pytest.raises(PermanentError):
        store.write(tenant_id, points(4.0))
    assert store.waiting(tenant_id).entries == 0


def test_days_older_than_the_server_keeps_are_left_out_and_the_rest_is_stored(
    server: Influx, app_database: Database, tenant_id: int
) -> None:
    http = InfluxHttp(address(server, database="kept_seven_years"))
    setup.apply(http, plans.read(), Wishes())
    store = InfluxMetricStore(http, app_database, readings=True)
    days = np.array(["1999-12-31", "2026-02-01"], "datetime64[D]")
    told = MetricPoints(np.ones(2, np.int64), days, "report", NOON, {"listing_views": np.array([1.0, 4.0])})
    assert store.write(tenant_id, told) == 2
    assert store.count(tenant_id) == (1, 1)
    assert store.waiting(tenant_id).entries == 0
    assert value(store, tenant_id) == 4.0


def test_the_last_reading_of_each_hour_is_kept(server: Influx, app_database: Database, tenant_id: int) -> None:
    http = InfluxHttp(address(server, database="by_the_hour"))
    setup.apply(http, plans.read(), Wishes())
    store = InfluxMetricStore(http, app_database, readings=True)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
    odd = 'import: rank, "all"=1'
    for at, told in ((0, 1.0), (20, 2.0), (55, 3.0), (60, 4.0), (310, 9.0)):
        for source in ("report", odd):
            store.write(tenant_id, points(told, source=source, as_of=start + timedelta(minutes=at), n_days=2))
    until = start + timedelta(hours=5, minutes=59)
    assert [store.settle(tenant_id, start, until).hourly for _ in range(2)] == [4, 4]
    rows = http.rows(
        f'SELECT listing_views, day, source FROM "by_the_hour"."hourly".readings WHERE source = {literal(odd)}'
    )
    day = (DAY + timedelta(days=1) - date(1970, 1, 1)).days
    assert [row[1:] for row in rows[0]["values"]] == [[3.0, day, odd], [4.0, day, odd]]
    # What came late is made up for: 5:10 is in the last hour, which is whole now.
    assert store.settle(tenant_id, start, start + timedelta(hours=6)).hourly == 6
    assert store.count(tenant_id) == (4, 1)


@pytest.mark.parametrize("source", ["", "two\nlines", "back\\slash"])
def test_a_source_that_no_tag_can_hold_is_refused(
    server: Influx, app_database: Database, tenant_id: int, source: str
) -> None:
    http = InfluxHttp(address(server, database="sources"))
    http.create_database()
    store = InfluxMetricStore(http, app_database)
    with pytest.raises(PermanentError, match="cannot name a series"):
        store.write(tenant_id, points(4.0, source=source))
    assert store.count(tenant_id) == (0, 0)


def test_a_later_report_overwrites_and_leaves_one_point_a_day(
    server: Influx, app_database: Database, tenant_id: int
) -> None:
    http = InfluxHttp(address(server, database="overwritten"))
    http.create_database()
    store = InfluxMetricStore(http, app_database)
    for hour in range(5):
        store.write(tenant_id, points(float(hour), as_of=NOON + timedelta(hours=hour), n_days=30))
    assert store.count(tenant_id) == (30, 1)
    told = http.rows(f"SELECT sum(listing_views) FROM metrics WHERE tenant = {literal(str(tenant_id))}")
    # So a panel that sums, and knows nothing of reports, counts each day once.
    assert told[0]["values"][0][1] == 30 * 4.0


def test_a_kept_copy_starts_from_where_it_was_taken(
    server: Influx, app_database: Database, tenant_id: int, tmp_path: Path
) -> None:
    with influx.run(tmp_path / "influx", server.build) as mine:
        store = InfluxMetricStore(InfluxHttp(address(mine)), app_database)
        store.http.create_database()
        store.write(tenant_id, points(4.0, n_days=40))
        mine.keep(tmp_path / "copy")
        store.write(tenant_id, points(9.0, as_of=NOON + timedelta(hours=1)))
        assert value(store, tenant_id) == 9.0
    with influx.run(tmp_path / "copy", server.build) as copied:
        store = InfluxMetricStore(InfluxHttp(address(copied)), app_database)
        assert (value(store, tenant_id), store.count(tenant_id)) == (4.0, (40, 1))


def test_the_command_line_sets_up_what_the_settings_name(
    server: Influx, database: MigratedDatabase, valkey_url: str, tmp_path: Path, app_database: Database, tenant_id: int
) -> None:
    own = {
        "NIGHTPORTER_DATABASE_URL": database.app_url, "NIGHTPORTER_REDIS_URL": valkey_url,
        "NIGHTPORTER_SECRET_KEY": base64.urlsafe_b64encode(bytes(32)).decode(), "NIGHTPORTER_RAW_ROOT": str(tmp_path),
        **server.settings, "NIGHTPORTER_METRIC_STORE": "postgres", "NIGHTPORTER_INFLUX_DATABASE": "by_command",
    }  # fmt: skip
    command = [str(Path(sys.executable).parent / "nightporter"), "influx", "setup"]
    for more, told in (({}, "NIGHTPORTER_METRIC_STORE is not influx"), ({"NIGHTPORTER_METRIC_STORE": "influx"}, "")):
        env = processes.clean_environment(own | more)
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, told in done.stderr) == (2 if told else 0, True)
    assert "has the database by_command" in done.stdout
    http = InfluxHttp(address(server, database="by_command"))
    assert InfluxMetricStore(http, app_database).write(tenant_id, points(1.0)) == 1


def test_readyz_names_influxdb_when_it_is_away(database: MigratedDatabase, valkey_url: str, tmp_path: Path) -> None:
    settings = config.load({
        "NIGHTPORTER_DATABASE_URL": database.app_url, "NIGHTPORTER_REDIS_URL": valkey_url,
        "NIGHTPORTER_SECRET_KEY": base64.urlsafe_b64encode(bytes(32)).decode(), "NIGHTPORTER_RAW_ROOT": str(tmp_path),
        "NIGHTPORTER_METRIC_STORE": "influx", "NIGHTPORTER_INFLUX_URL": f"http://127.0.0.1:{processes.free_port()}",
    })  # fmt: skip
    answer = create_app(settings).test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json["stores"] == {"influxdb": "unavailable", "postgresql": "ok", "valkey": "ok"}
    jobs.services.cache_clear()
