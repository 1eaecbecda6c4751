"""Settling over HTTP: on PostgreSQL nothing waits; on InfluxDB what waited is written, or the caller hears why not."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from python_nodes.domain.metrics import MetricPoints
from python_nodes.local import influx, processes
from python_nodes.steps import series
from python_nodes.store.influx_setup import plan as plans
from python_nodes.store.influx_setup import server as setup
from python_nodes.store.influx_setup.plan import Wishes
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import InfluxHttp
from tests.conftest import influx_build
from tests.integration.worker.conftest import Worker

NOW = datetime.now(UTC)


def points(value: float, as_of: datetime) -> MetricPoints:
    day = np.array([as_of.date()], "datetime64[D]")
    return MetricPoints(np.ones(1, np.int64), day, "report", as_of, {"listing_views": np.array([value])})


def test_on_postgresql_there_is_nothing_to_do(worker: Worker) -> None:
    answer = worker.post("/v1/series/settle", {"as_of": NOW.isoformat()})
    assert (answer.status_code, answer.json()) == (200, {"drained": 0, "hourly": 0})


def test_who_may_only_read_may_not_settle(worker: Worker) -> None:
    key = worker.key("read")
    assert worker.post("/v1/series/settle", {}, Authorization=f"Bearer {key}").status_code == 403


@pytest.mark.parametrize("version", [build.version for build in influx.BUILDS])
def test_what_waited_is_written_and_its_hours_are_made(worker: Worker, version: str, tmp_path: Path) -> None:
    build = influx_build(version)
    tenant, port = worker.settings.tenant_id, processes.free_port()
    with influx.run(tmp_path / "influx", build, port=port) as made:
        http = InfluxHttp(made.address())
        setup.apply(http, plans.read(), Wishes())
    store = InfluxMetricStore(http, worker.services.database, readings=True)
    services = replace(worker.services, metrics=store)
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    for minutes in (100, 70, 50):
        store.write(tenant, points(float(-minutes), hour - timedelta(minutes=minutes)))
    assert store.waiting(tenant).entries == 3
    with influx.run(tmp_path / "influx", build, port=port):
        time.sleep(1.5)
        assert series.settle(services, tenant, hour) == {"drained": 3, "hourly": 2}
        assert series.settle(services, tenant, hour) == {"drained": 0, "hourly": 2}
        assert store.waiting(tenant).entries == 0
