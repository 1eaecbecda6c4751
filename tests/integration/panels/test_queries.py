"""Every query of every dashboard on a real PostgreSQL: it answers rows, as Grafana asks it and as the console does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from bench import _panel_world as world
from python_nodes import panels
from python_nodes.errors import PermanentError
from python_nodes.panels import Panel
from python_nodes.steps import panels as asked
from python_nodes.store.session import engine_for
from tests.integration.panels.conftest import Seeded

ROOT = Path(__file__).resolve().parents[3] / "grafana" / "dashboards"
SQL = [one for name in panels.DASHBOARDS for one in panels.load(name) if one.sql]
WHOLE = {"market": None, "channel": None, "start": world.LAST - timedelta(days=89), "end": world.LAST}
TIMED = {"series", "band", "stack"}


@pytest.fixture
def viewer(seeded: Seeded) -> Iterator[Engine]:
    engine = engine_for(seeded.viewer_url(seeded.tenants[0]))
    yield engine
    engine.dispose()


def told(seeded: Seeded, one: Panel, **other: Any) -> list[dict[str, Any]]:
    parameters = {**WHOLE, "listing_id": seeded.listing_ids[0], **other}
    with seeded.database.tenant(seeded.tenants[0]) as conn:
        return asked.rows(seeded.services, conn, one.dashboard, one.name, parameters)


@pytest.mark.parametrize("one", SQL, ids=lambda one: f"{one.dashboard}-{one.name}")
def test_every_panel_shows_something(seeded: Seeded, one: Panel) -> None:
    rows = told(seeded, one)
    assert rows
    assert any(value is not None for row in rows for name, value in row.items() if name != "time")
    json.dumps(rows)
    if one.shape in TIMED:
        assert next(iter(rows[0])) == "time"
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    for name, _ in (*one.columns, *one.links):
        assert name in rows[0], name
    assert set(one.hidden) | set(one.shown) <= set(rows[0])


@pytest.mark.parametrize("one", [one for one in SQL if ":listing_id" in one.sql], ids=lambda one: one.name)
def test_of_another_tenants_listing_nothing_is_seen(seeded: Seeded, one: Panel) -> None:
    rows = told(seeded, one, listing_id=seeded.foreign_listing_id)
    assert not any(row.get("observed") is not None or row.get("title") or row.get("price") for row in rows)


def grafana_queries() -> Iterator[tuple[str, str]]:
    for path in sorted(ROOT.rglob("*.json")):
        dashboard = json.loads(path.read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                if "rawSql" in target:
                    yield f"{path.parent.name}-{path.stem}-{panel['id']}", target["rawSql"]
        for mark in dashboard["annotations"]["list"]:
            yield f"{path.parent.name}-{path.stem}-{mark['name']}", mark["target"]["rawSql"]
        for one in dashboard["templating"]["list"]:
            if one["type"] == "query":
                yield f"{path.parent.name}-{path.stem}-{one['name']}", one["query"]


def interpolated(query: str, listing_id: int) -> str:
    """Do as Grafana does before it sends a query."""
    values = {
        "${market:sqlstring}": ",".join(f"'{one}'" for one in world.MARKETS),
        "${channel:sqlstring}": ",".join(f"'{one}'" for one in world.CHANNELS),
        "${listing:sqlstring}": f"'{listing_id}'", "${console}": "https://console.example",
        "$__timeFrom()": f"'{WHOLE['start']}T05:01:17.123Z'", "$__timeTo()": f"'{WHOLE['end']}T21:01:17.123Z'",
    }  # fmt: skip
    for name, value in values.items():
        query = query.replace(name, value)
    assert "$" not in re.sub(r"'[^']*'", "", query), query
    return query


@pytest.mark.parametrize(("name", "query"), list(grafana_queries()), ids=lambda one: "" if " " in one else one)
def test_every_query_of_grafana_answers_rows_to_its_role(seeded: Seeded, viewer: Engine, name: str, query: str) -> None:
    with viewer.connect() as conn:
        rows = conn.exec_driver_sql(interpolated(query, seeded.listing_ids[0]).replace("%", "%%")).mappings().all()
    assert rows, name


def test_choosing_a_channel_parts_the_portfolio(seeded: Seeded) -> None:
    bookings = panels.panel("portfolio", "bookings")
    whole = told(seeded, bookings)
    parts = [told(seeded, bookings, channel=[one]) for one in world.CHANNELS]
    for row in range(0, len(whole), 20):
        assert sum(part[row]["observed"] for part in parts) == pytest.approx(whole[row]["observed"])
        assert sum(part[row]["listings"] for part in parts) == whole[row]["listings"] == len(seeded.listing_ids)
    assert told(seeded, panels.panel("portfolio", "at_risk"), market=["nowhere"])[0]["alerts"] == 0


def test_a_wide_alert_is_counted_with_its_share(seeded: Seeded) -> None:
    at_risk = panels.panel("portfolio", "at_risk")
    split = told(seeded, panels.panel("portfolio", "channels"))
    assert sum(row["at_stake"] for row in split) == pytest.approx(told(seeded, at_risk)[0]["at_stake"])
    assert sum(row["listings"] for row in split) == len(seeded.listing_ids)


def test_a_day_that_nobody_told_is_a_gap_and_not_zero(seeded: Seeded) -> None:
    before = world.LAST - timedelta(days=110)
    rows = told(seeded, panels.panel("listing", "booking_velocity"), start=before)
    assert len(rows) == 111
    assert rows[0] == {
        "time": f"{before}T00:00:00+00:00", "observed": None, "expected": None, "lower": None, "upper": None,
    }  # fmt: skip
    assert rows[-1]["lower"] < rows[-1]["expected"] < rows[-1]["upper"]


def test_the_newest_report_of_a_day_stands(seeded: Seeded) -> None:
    one, day = seeded.listing_ids[1], world.LAST - timedelta(days=3)
    rows = told(seeded, panels.panel("listing", "listing_views"), listing_id=one, start=day, end=day)
    with seeded.database.tenant(seeded.tenants[0]) as conn:
        conn.exec_driver_sql(
            "INSERT INTO metrics_daily (listing_id, day_date, source, as_of_at, listing_views)"
            " SELECT listing_id, day_date, 'later', as_of_at + interval '1 hour', 777 FROM metrics_daily"
            f" WHERE listing_id = {one} AND day_date = '{day}' AND source = 'report'"
        )
    again = told(seeded, panels.panel("listing", "listing_views"), listing_id=one, start=day, end=day)
    assert rows[0]["observed"] != 777
    assert again[0]["observed"] == 777


def test_what_is_asked_wrongly_is_named(seeded: Seeded) -> None:
    with seeded.database.tenant(seeded.tenants[0]) as conn:
        with pytest.raises(PermanentError, match="listing_id is missing"):
            asked.rows(seeded.services, conn, "listing", "header", WHOLE)
        with pytest.raises(PermanentError, match="not asked of PostgreSQL"):
            asked.rows(seeded.services, conn, "system", "queues", WHOLE)


def test_the_days_of_a_range_are_both_inclusive(seeded: Seeded) -> None:
    one = date(2026, 4, 1)
    assert [row["time"] for row in told(seeded, panels.panel("portfolio", "bookings"), start=one, end=one)] == [
        "2026-04-01T00:00:00+00:00"
    ]
