"""After `nightporter up` every panel shows something, but for what has not happened in so short a time."""

from __future__ import annotations

import time
import tomllib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, text

from python_nodes import panels
from python_nodes.local import postgres
from python_nodes.local.worker_client import WorkerClient
from python_nodes.panels.grafana_query import influxql
from python_nodes.store import viewers
from python_nodes.store.metrics.influx_http import InfluxAddress, InfluxHttp
from python_nodes.store.session import engine_for
from tests.e2e.conftest import AFTER_THE_LIVE_DAYS

if TYPE_CHECKING:
    from tests.e2e.conftest import Live

JOB_S = 300.0
NOT_YET = {
    "alerts": {"escalations", "verdicts", "recovered", "answers", "held_back"},
    "quality": {"marks", "rejected", "imports", "flow_errors", "waiting"},
    "listing": {"changes", "change_marks"},
}
"""What nobody has done, refused or imported yet."""


def viewer_of(live: Live) -> Engine:
    """Log in as the role that Grafana would have."""
    server = postgres.Postgres(admin_url="", socket_dir=str(live.folder.root / "postgres"), port=5432, pid=0)
    admin = server.url("postgres", "", "nightporter")
    name = viewers.create(admin, admin, str(live.rows("SELECT name FROM tenants")[0][0]), "viewer-secret", "")
    return engine_for(server.url(name, "viewer-secret", "nightporter"))


def bands_written(live: Live) -> None:
    """Have the nightly job run now."""
    with WorkerClient(live.saved.worker_url, live.saved.operator_api_key) as worker:
        job = worker.post("/v1/bands/refresh", {"as_of": AFTER_THE_LIVE_DAYS}, key="panels:bands")["job_id"]
        deadline = time.monotonic() + JOB_S
        while (state := worker.get(f"/v1/jobs/{job}"))["state"] not in ("done", "failed"):
            assert time.monotonic() < deadline, state
            time.sleep(1)
        assert state["state"] == "done", state


def series_of(live: Live, panel: panels.Panel, told: dict[str, Any], peers: list[int]) -> list[dict[str, Any]]:
    """Ask the run's InfluxDB what Grafana would."""
    written = tomllib.loads((live.folder.root / "influx" / "influxdb.conf").read_text())
    http = InfluxHttp(InfluxAddress(url=f"http://{written['http']['bind-address']}"))
    length = told["end"] - told["start"] + timedelta(days=1)
    ((tenant_id,),) = live.rows("SELECT tenant_id FROM tenants")
    values = {
        "tenant_id": f"'{tenant_id}'", "listing_id": f"'{told['listing_id']}'",
        "range": f"time >= '{told['start']}T00:00:00Z' AND time <= '{told['end']}T23:59:59Z'",
        "before": f"time >= '{told['start'] - length}T00:00:00Z' AND time < '{told['start']}T00:00:00Z'",
        "peers": f"/^({'|'.join(map(str, peers))})$/",
    }  # fmt: skip
    try:
        answers = [series for one in influxql(panel, values) for series in http.rows(one)]
    finally:
        http.close()
    return [dict(zip(series["columns"], row, strict=True)) for series in answers for row in series["values"]]


def test_no_panel_is_empty(live: Live) -> None:
    bands_written(live)
    engine = viewer_of(live)
    end = live.rows("SELECT max(as_of_at)::date FROM poll_runs")[0][0]
    listing = live.rows("SELECT listing_id FROM alerts WHERE listing_id IS NOT NULL ORDER BY impact_minor DESC")[0][0]
    told: dict[str, Any] = {
        "market": None, "channel": None, "listing_id": listing, "start": end - timedelta(days=29), "end": end,
    }  # fmt: skip
    empty: dict[str, set[str]] = {}
    with engine.connect() as conn:
        near = panels.variable("listing_and_peers").sql
        peers = list(conn.execute(text(near), {"listing_id": listing}).scalars())
        for one in (panel for name in panels.DASHBOARDS for panel in panels.load(name) if panel.sql):
            if live.store == "influx" and one.influxql:
                rows = series_of(live, one, told, peers)
            else:
                bound = {name: value for name, value in told.items() if f":{name}" in one.sql}
                rows = [dict(row) for row in conn.execute(text(one.sql), bound).mappings()]
            shown = [value for row in rows for name, value in row.items() if name != "time" and value is not None]
            if not shown:
                empty.setdefault(one.dashboard, set()).add(one.name)
    engine.dispose()
    unexpected = {name: found - NOT_YET.get(name, set()) for name, found in empty.items()}
    assert not any(unexpected.values()), unexpected
