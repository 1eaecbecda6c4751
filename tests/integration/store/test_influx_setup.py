"""`nightporter influx setup` on real servers: made once, mended, held against the plan, with tokens of least right."""

from __future__ import annotations

import base64
import re
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import numpy as np
import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient

from python_nodes.domain.metrics import MetricPoints
from python_nodes.errors import ConfigError, PermanentError
from python_nodes.local import influx, processes
from python_nodes.local.influx import Influx
from python_nodes.store.influx_setup import plan as plans
from python_nodes.store.influx_setup import server as setup
from python_nodes.store.influx_setup.plan import Plan, Wishes
from python_nodes.store.influx_setup.version_1 import seconds
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import HOURLY, RAW, InfluxHttp
from python_nodes.store.session import Database
from tests.conftest import MigratedDatabase, influx_server

NAMES = [f"influxdb-{build.version}" for build in influx.BUILDS]
ADMIN = "root-of-this-test"


@pytest.fixture(params=NAMES)
def own(request: pytest.FixtureRequest, tmp_path: Path, influx_servers: dict[str, Influx]) -> Iterator[InfluxHttp]:
    """A fresh server that lets nobody in without a secret, as its administrator."""
    known = influx_server(influx_servers, request.param)
    with influx.run(tmp_path / "influx", known.build, auth=True) as made:
        if made.build.is_2:
            yield InfluxHttp(made.address())
            return
        InfluxHttp(made.address()).rows(f"CREATE USER root WITH PASSWORD '{ADMIN}' WITH ALL PRIVILEGES")
        yield InfluxHttp(made.address(user="root", password=ADMIN))


def policies(http: InfluxHttp) -> dict[str, tuple[int, int]]:
    """What the server itself says: seconds kept and seconds a shard, by policy."""
    if http.address.token:
        with InfluxDBClient(http.address.url, http.address.token, org=http.address.org) as client:
            found = [one for one in client.buckets_api().find_buckets().buckets if one.name.startswith("nightporter")]
        rules = {one.name.partition("/")[2] or "autogen": one.retention_rules[0] for one in found}
        return {name: (one.every_seconds, one.shard_group_duration_seconds) for name, one in rules.items()}
    rows = http.rows('SHOW RETENTION POLICIES ON "nightporter"')[0]["values"]
    return {row[0]: (seconds(row[1]), seconds(row[2])) for row in rows}


def held_by(http: InfluxHttp, folder: Path, name: str) -> InfluxHttp:
    """The same server, as whoever holds a token that setup has written."""
    secret = (folder / f"influx_{name}_token").read_text()
    user, parted, password = secret.partition(":")
    known_by = {"user": user, "password": password, "token": ""} if parted else {"token": secret}
    return InfluxHttp(replace(http.address, **known_by))


def test_a_fresh_server_is_made_as_planned_and_the_second_time_nothing_changes(own: InfluxHttp, tmp_path: Path) -> None:
    wishes = Wishes(tokens_folder=tmp_path / "tokens")
    before = [gap.words for gap in setup.gaps(own, plans.read(), wishes)]
    assert before
    done, left = setup.apply(own, plans.read(), wishes)
    assert len(done) >= len(before)
    assert left == []
    day = 86_400
    assert policies(own) == {
        "autogen": (2557 * day, 728 * day), "raw": (90 * day, 7 * day), "hourly": (731 * day, 56 * day)
    }  # fmt: skip
    secrets = {file.name: file.read_text() for file in wishes.tokens_folder.iterdir()} if wishes.tokens_folder else {}
    assert sorted(secrets) == ["influx_viewer_token", "influx_worker_token"]
    assert setup.apply(own, plans.read(), wishes) == ([], [])
    assert {name: (tmp_path / "tokens" / name).read_text() for name in secrets} == secrets


def test_tokens_may_do_what_they_say_and_nothing_else(
    own: InfluxHttp, tmp_path: Path, app_database: Database, tenant_id: int
) -> None:
    folder = tmp_path / "tokens"
    setup.apply(own, plans.read(), Wishes(tokens_folder=folder))
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    worker, viewer = (held_by(own, folder, name) for name in ("worker", "viewer"))
    points = MetricPoints(
        np.ones(1, np.int64), np.array(["2026-11-20"], "datetime64[D]"), "report", datetime.now(UTC),
        {"listing_views": np.array([4.0])},
    )  # fmt: skip
    store = InfluxMetricStore(worker, app_database, readings=True)
    store.ping()
    store.write(tenant_id, points)
    for policy, measurement in (("autogen", "metrics"), (RAW, "readings")):
        (told,) = viewer.rows(f'SELECT listing_views FROM "nightporter"."{policy}".{measurement}')
        assert told["values"][0][1] == 4.0
    for policy in ("", RAW, HOURLY):
        with pytest.raises(PermanentError, match=r"setup"):
            viewer.write(b"metrics,listing=1 listing_views=5 1795000000000000000", policy)
    # Neither may make or see what is not theirs.
    for least in (worker, viewer):
        with pytest.raises(PermanentError):
            InfluxHttp(replace(least.address, database="elsewhere")).create_database()


def test_what_somebody_changed_is_told_and_mended_but_nothing_is_deleted_unasked(own: InfluxHttp) -> None:
    plan = plans.read()
    setup.apply(own, plan, Wishes())
    longer = plan.model_copy(update={"buckets": tuple(one.model_copy(update={"keep_days": one.keep_days * 2,
                                                      "shard_days": 14}) for one in plan.buckets)})  # fmt: skip
    done, left = setup.apply(own, longer, Wishes())
    assert (len(done), left) == (6, [])
    assert policies(own)["raw"] == (180 * 86_400, 14 * 86_400)
    done, left = setup.apply(own, plan, Wishes())
    assert len(left) == 3
    assert all("--shorten" in words for words in left)
    assert policies(own)["raw"] == (180 * 86_400, 7 * 86_400)
    done, left = setup.apply(own, plan, Wishes(may_shorten=True))
    assert (len(done), left) == (3, [])
    assert policies(own)["raw"] == (90 * 86_400, 7 * 86_400)


def test_a_token_of_too_much_right_or_lost_is_replaced(own: InfluxHttp, tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    plan = plans.read()
    worker, viewer = plan.tokens
    too_much = plan.model_copy(update={"tokens": (worker, viewer.model_copy(update={"may": ("read", "write")}))})
    setup.apply(own, too_much, Wishes(tokens_folder=folder))
    line = b"metrics,listing=1 listing_views=5 1795000000000000000"
    held_by(own, folder, "viewer").write(line)
    done, _ = setup.apply(own, plan, Wishes(tokens_folder=folder))
    assert len(done) == 1
    with pytest.raises(PermanentError):
        held_by(own, folder, "viewer").write(line)
    (folder / "influx_worker_token").unlink()
    assert len(setup.apply(own, plan, Wishes(tokens_folder=folder))[0]) == 1
    held_by(own, folder, "worker").write(line)
    old = held_by(own, folder, "worker")
    setup.apply(own, plan, Wishes(tokens_folder=folder, renew_tokens=True))
    held_by(own, folder, "worker").write(line)
    with pytest.raises(PermanentError):
        old.write(line)


def test_a_clock_apart_is_told(own: InfluxHttp) -> None:
    now = datetime.now(UTC)
    assert abs(setup.skew_s(own, now)) < 5.0
    assert setup.skew_s(own, now - timedelta(hours=1)) == pytest.approx(3600, abs=5.0)


def test_the_command_checks_and_sets_up(own: InfluxHttp, tmp_path: Path, run: Callable[..., tuple[int, str]]) -> None:
    admin, address = tmp_path / "admin", own.address
    admin.write_text(f"{address.user}:{address.password}\n" if address.user else address.token)
    told = ["--admin-token-file", str(admin), "--tokens", str(tmp_path / "tokens")]
    status, said = run(own, "setup", "--check", *told)
    assert (status, "nightporter" in said) == (1, True)
    status, said = run(own, "setup", *told)
    assert (status, "mended: " in said, "has the database nightporter" in said) == (0, True, True)
    assert run(own, "setup", "--check", *told) == (0, f"InfluxDB at {address.url} is as planned\n")
    admin.write_text("guessed:wrong" if address.user else "guessed")
    status, said = run(own, "setup", "--check", *told)
    assert (status, "refuses our user or token" in said, "guessed" in said) == (2, True, False)


class Ahead(BaseHTTPRequestHandler):
    """Hands on what InfluxDB answers, as of a clock that is an hour ahead; ``url`` is the server's own address."""

    url = ""

    def do_GET(self) -> None:
        self._relay()

    def do_POST(self) -> None:
        self._relay()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) + 3600)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def _relay(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "accept-encoding")}
        told = httpx2.request(self.command, self.url + self.path, content=sent, headers=kept, timeout=30)
        self.send_response(told.status_code)
        for name, value in told.headers.items():
            if name.lower() not in ("date", "content-length", "content-encoding", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(told.content)))
        self.end_headers()
        self.wfile.write(told.content)


@pytest.fixture
def ahead(own: InfluxHttp) -> Iterator[InfluxHttp]:
    """The same server behind a clock that is an hour ahead."""
    relay = ThreadingHTTPServer(("127.0.0.1", 0), type("Relay", (Ahead,), {"url": own.address.url}))
    serving = threading.Thread(target=relay.serve_forever, daemon=True)
    serving.start()
    yield InfluxHttp(replace(own.address, url=f"http://127.0.0.1:{relay.server_port}"))
    relay.shutdown()
    relay.server_close()
    serving.join()


def test_the_command_says_how_far_the_clock_is_off_and_what_to_do(
    own: InfluxHttp, ahead: InfluxHttp, tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    admin, address = tmp_path / "admin", own.address
    admin.write_text(f"{address.user}:{address.password}\n" if address.user else address.token)
    told = ["--admin-token-file", str(admin), "--tokens", str(tmp_path / "tokens")]
    status, said = run(ahead, "setup", *told)
    assert (status, "left as it is: the server's clock is 3" in said) == (0, True), said
    status, said = run(ahead, "setup", "--check", *told)
    assert status == 1
    assert re.fullmatch(r"the server's clock is 3[56]\d\d s ahead of ours: .*set by NTP", said.strip()), said
    assert run(own, "setup", "--check", *told)[0] == 0


@pytest.fixture
def run(database: MigratedDatabase, valkey_url: str, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run `nightporter influx …` as an operator would, and return its status and all that it says."""

    def command(http: InfluxHttp, *arguments: str) -> tuple[int, str]:
        env = {
            "NIGHTPORTER_DATABASE_URL": database.app_url, "NIGHTPORTER_REDIS_URL": valkey_url,
            "NIGHTPORTER_SECRET_KEY": base64.urlsafe_b64encode(bytes(32)).decode(),
            "NIGHTPORTER_RAW_ROOT": str(tmp_path), "NIGHTPORTER_METRIC_STORE": "influx",
            "NIGHTPORTER_INFLUX_URL": http.address.url, "NIGHTPORTER_INFLUX_API": http.address.api,
            "NIGHTPORTER_INFLUX_ORG": http.address.org, "NIGHTPORTER_INFLUX_USER": http.address.user,
            "NIGHTPORTER_INFLUX_PASSWORD": http.address.password or "none",
            "NIGHTPORTER_INFLUX_TOKEN": http.address.token or "none",
        }  # fmt: skip
        done = subprocess.run(
            [str(Path(sys.executable).parent / "nightporter"), "influx", *arguments],
            env=processes.clean_environment(env), capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return command


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("[[buckets]\n", "setup.toml"),
        ("organisation = 'x'\nbuckets = []\n", "buckets"),
        ("organisation = 'x'\n[[buckets]]\npolicy = 'raw'\nkeep_days = 0\nshard_days = 1\n", "keep_days"),
        ("organisation = 'x'\nbukets = 3\n", "bukets"),
    ],
)
def test_a_plan_that_is_wrong_is_refused_by_name(tmp_path: Path, written: str, told: str) -> None:
    file = tmp_path / "setup.toml"
    file.write_text(written)
    with pytest.raises(ConfigError, match=told):
        plans.read(file)
    with pytest.raises(ConfigError, match="No such file"):
        plans.read(tmp_path / "missing.toml")


def test_the_plan_in_the_influx_folder_is_the_one_that_is_used() -> None:
    here = Path(__file__).parents[3] / "influx" / "setup.toml"
    assert plans.read(here) == plans.read() == Plan.model_validate(plans.read().model_dump())
