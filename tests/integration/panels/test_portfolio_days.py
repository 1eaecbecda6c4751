"""Days that are added up say the same as the series they come from, on either store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from bench import _panel_world as world
from python_nodes import panels
from python_nodes.errors import RetryableError
from python_nodes.local import influx
from python_nodes.panels.grafana_query import influxql
from python_nodes.steps import panels as asked
from python_nodes.steps import portfolio_days
from python_nodes.steps.services import Services
from python_nodes.store import migrate
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import InfluxAddress, InfluxHttp
from tests.conftest import influx_server
from tests.integration.panels.conftest import DAYS, Seeded

AS_OF = datetime(world.LAST.year, world.LAST.month, world.LAST.day, 12, tzinfo=UTC)
NAMES = ("bookings", "revenue", "occupancy", "channels", "markets")
MONTH: dict[str, Any] = {"start": world.LAST - timedelta(days=29), "end": world.LAST}
CHOICES: tuple[dict[str, Any], ...] = (
    {}, {"channel": ["vrbo", "airbnb"]}, {"market": ["berlin"]}, {"market": ["berlin"], "channel": ["expedia"]},
)  # fmt: skip
Told = dict[str, list[dict[str, Any]]]


def told(services: Services, tenant_id: int, **chosen: Any) -> Told:
    parameters = {"market": None, "channel": None, "start": world.LAST - timedelta(days=59), "end": world.LAST} | chosen
    with services.database.tenant(tenant_id) as conn:
        return {name: asked.rows(services, conn, "portfolio", name, parameters) for name in NAMES}


def alike(one: Told, other: Told) -> None:
    """Compare all but the money that was expected, which only days that are added up have."""
    for name in NAMES:
        assert len(one[name]) == len(other[name])
        for mine, theirs in zip(one[name], other[name], strict=True):
            for column in set(mine) - ({"expected"} if name == "revenue" else set()):
                if isinstance(mine[column], float):
                    assert mine[column] == pytest.approx(theirs[column], rel=1e-9), (name, column, mine)
                else:
                    assert mine[column] == theirs[column], (name, column, mine)


@pytest.fixture
def tenant(seeded: Seeded) -> Iterator[int]:
    """The second tenant, whose days are forgotten afterwards."""
    yield seeded.tenants[1]
    with seeded.database.tenant(seeded.tenants[1]) as conn:
        conn.execute(text("DELETE FROM portfolio_days"))


@pytest.mark.parametrize("chosen", CHOICES, ids=str)
def test_added_up_a_panel_shows_what_it_showed(seeded: Seeded, tenant: int, chosen: dict[str, Any]) -> None:
    before = told(seeded.services, tenant, **chosen)
    assert portfolio_days.run(seeded.services, tenant, AS_OF)["rows"] > 0
    after = told(seeded.services, tenant, **chosen)
    alike(before, after)
    assert not any(row["expected"] for row in before["revenue"])
    assert any(row["expected"] for row in after["revenue"])


def test_it_is_what_is_kept_that_is_shown(seeded: Seeded, tenant: int) -> None:
    portfolio_days.run(seeded.services, tenant, AS_OF)
    with seeded.database.tenant(tenant) as conn:
        conn.execute(text("UPDATE portfolio_days SET bookings = 5000"))
    rows = told(seeded.services, tenant)["bookings"]
    kept = [row["observed"] for row in rows][: -portfolio_days.OPEN_DAYS]
    assert min(kept) >= 5000
    assert max(row["observed"] for row in rows[-portfolio_days.OPEN_DAYS :]) < 100
    assert portfolio_days.run(seeded.services, tenant, AS_OF)["rows"] > 0
    again = [row["observed"] for row in told(seeded.services, tenant)["bookings"]]
    assert max(again) < 100


def test_another_tenants_days_are_not_touched(seeded: Seeded, tenant: int) -> None:
    portfolio_days.run(seeded.services, tenant, AS_OF)
    with seeded.database.tenant(seeded.tenants[0]) as conn:
        assert conn.execute(text("SELECT count(*) FROM portfolio_days")).scalar_one() == 0


@pytest.fixture(scope="module", params=[f"influxdb-{build.version}" for build in influx.BUILDS])
def on_influx(
    request: pytest.FixtureRequest, seeded: Seeded, influx_servers: dict[str, influx.Influx]
) -> Iterator[tuple[Services, int, int]]:
    """A third tenant with the same portfolio, whose series are in InfluxDB alone."""
    server = influx_server(influx_servers, request.param)
    http = InfluxHttp(server.address(database=f"np_{uuid4().hex[:12]}"))
    http.create_database()
    tenant_id = migrate.create_tenant(seeded.urls.owner_url, f"panels-{request.param}", "EUR")
    services = replace(seeded.services, metrics=InfluxMetricStore(http, seeded.database))
    ids = world.seed(services.database, services.metrics, tenant_id, listings=len(seeded.listing_ids), days=DAYS)
    yield services, tenant_id, ids[0]
    http.close()


def test_series_in_influxdb_are_shown_by_the_same_queries(seeded: Seeded, on_influx: tuple[Services, int, int]) -> None:
    services, tenant_id, first = on_influx
    with services.database.tenant(tenant_id) as conn:
        assert conn.execute(text("SELECT count(*) FROM metrics_daily")).scalar_one() == 0
    alike(told(services, tenant_id), told(seeded.services, seeded.tenants[1]))
    span = {"start": world.LAST - timedelta(days=29), "end": world.LAST}
    for one in panels.load("listing"):
        shown = []
        for place, tenant, listing in (
            (services, tenant_id, first), (seeded.services, seeded.tenants[1], seeded.foreign_listing_id),
        ):  # fmt: skip
            with place.database.tenant(tenant) as conn:
                shown.append(asked.rows(place, conn, "listing", one.name, {"listing_id": listing, **span}))
        if one.shape == "band":
            assert shown[0] == shown[1], one.name
        assert [len(rows) for rows in shown] == [len(shown[0])] * 2, one.name


def test_every_panel_of_the_portfolio_is_answered_from_influxdb(
    seeded: Seeded, on_influx: tuple[Services, int, int]
) -> None:
    services, tenant_id, _ = on_influx
    parameters = {"market": None, "channel": None, **MONTH}
    shown = {}
    for place, tenant in ((services, tenant_id), (seeded.services, seeded.tenants[1])):
        with place.database.tenant(tenant) as conn:
            shown[tenant] = {
                one.name: asked.rows(place, conn, "portfolio", one.name, parameters) for one in panels.load("portfolio")
            }
    mine, theirs = shown.values()
    assert all(mine.values())
    # This one asks of no beginning: its days are counted back from the end.
    worst = [
        {row["title"]: (row["bookings"], row["before"], row["trend"]) for row in one["worst_listings"]}
        for one in (mine, theirs)
    ]
    assert worst[0] == worst[1]
    assert all(bookings and before and len(trend) == 28 for bookings, before, trend in worst[0].values())


def test_days_are_added_up_from_influxdb_too(seeded: Seeded, on_influx: tuple[Services, int, int]) -> None:
    services, tenant_id, _ = on_influx
    before = told(services, tenant_id)
    portfolio_days.run(services, tenant_id, AS_OF)
    alike(before, told(services, tenant_id))


def answered(services: Services, tenant_id: int, listing: int, one: panels.Panel) -> list[list[dict[str, Any]]]:
    """Return the rows that each InfluxQL statement of a panel answers over the last month."""
    assert isinstance(services.metrics, InfluxMetricStore)
    with services.database.tenant(tenant_id) as conn:
        chosen = text(panels.variable("listing_and_peers").sql)
        near = conn.execute(chosen, {"listing_id": listing}).scalars().all()
    values = {
        "tenant_id": f"'{tenant_id}'", "listing_id": f"'{listing}'", "peers": f"/^({'|'.join(map(str, near))})$/",
        "range": f"time >= '{MONTH['start']}T00:00:00Z' AND time <= '{MONTH['end']}T23:59:59Z'",
        "before": f"time >= '{MONTH['start'] - timedelta(days=30)}T00:00:00Z' AND time < '{MONTH['start']}T00:00:00Z'",
    }  # fmt: skip
    found = []
    for statement in influxql(one, values):
        rows: list[dict[str, Any]] = []
        for series in services.metrics.http.rows(statement):
            named = [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]
            rows += [{**series.get("tags", {}), **row} for row in named]
        found.append(rows)
    return found


def shown(services: Services, tenant_id: int, listing: int, one: panels.Panel) -> list[dict[str, Any]]:
    """Return what the console shows of it."""
    with services.database.tenant(tenant_id) as conn:
        return asked.rows(services, conn, "listing", one.name, {"listing_id": listing, **MONTH})


def test_grafanas_influxql_answers_what_the_console_shows(on_influx: tuple[Services, int, int]) -> None:
    for one in (panel for panel in panels.load("listing") if panel.influxql and panel.shape == "band"):
        rows = shown(*on_influx, one)
        wanted = {name: [row[name] for row in rows] for name in ("observed", "expected", "lower", "upper")}
        for told in answered(*on_influx, one):
            for name in set(told[0]) - {"time"} if told else ():
                assert [row[name] for row in told] == pytest.approx(wanted.pop(name)), (one.name, name)
        # What InfluxDB has no series of, the console shows as gaps.
        assert all(value is None for values in wanted.values() for value in values), (one.name, wanted.keys())


def test_grafanas_influxql_tells_the_funnel_now_and_before(on_influx: tuple[Services, int, int]) -> None:
    one = panels.panel("listing", "funnel")
    stages = shown(*on_influx, one)
    for (row,), column, share in zip(
        answered(*on_influx, one), ("now", "before"), ("share", "share_before"), strict=True
    ):
        assert [row[name] for name in ("shown", "viewed", "booked")] == pytest.approx([each[column] for each in stages])
        assert [row["share viewed"], row["share booked"]] == pytest.approx([each[share] for each in stages[1:]])


def test_grafanas_influxql_tells_the_peers(on_influx: tuple[Services, int, int]) -> None:
    one = panels.panel("listing", "peers")
    wanted = {str(row["listing_id"]): row for row in shown(*on_influx, one)}
    (rows,) = answered(*on_influx, one)
    assert {row["listing"] for row in rows} == set(wanted)
    assert len(rows) > 1
    for row in rows:
        for name in ("bookings", "conversion", "price", "review_score"):
            assert row[name] == pytest.approx(wanted[row["listing"]][name]), (name, row)
    series = panels.panel("listing", "peers_series")
    drawn = {row["time"][:10]: row for row in shown(*on_influx, series)}
    for rows, name in zip(answered(*on_influx, series), ("observed", "peers"), strict=True):
        # Of the week before the range InfluxDB reads what it likes, so the first six days may not be drawn.
        assert [row["time"][:10] for row in rows] == sorted(drawn)[-len(rows) :]
        assert len(drawn) - 6 <= len(rows) <= len(drawn)
        assert [row[name] for row in rows] == pytest.approx([drawn[row["time"][:10]][name] for row in rows])
    assert {"lower", "upper"} <= set(rows[0])


def test_of_days_that_are_all_added_up_no_series_is_read(on_influx: tuple[Services, int, int]) -> None:
    services, tenant_id, _ = on_influx
    portfolio_days.run(services, tenant_id, AS_OF)
    over = world.LAST - timedelta(days=portfolio_days.OPEN_DAYS)
    span = {"start": over - timedelta(days=29), "end": over}
    away = replace(
        services, metrics=InfluxMetricStore(InfluxHttp(InfluxAddress(url="http://127.0.0.1:9")), services.database)
    )
    assert told(away, tenant_id, **span) == told(services, tenant_id, **span)
    with pytest.raises(RetryableError):
        told(away, tenant_id)
