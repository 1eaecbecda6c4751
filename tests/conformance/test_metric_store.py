"""What every metric store must do, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest

from python_nodes.domain.metrics import METRICS, BandMatrix, MetricPoints, MetricStore
from python_nodes.errors import PermanentError
from python_nodes.local import influx
from python_nodes.store import migrate
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import InfluxHttp
from python_nodes.store.metrics.postgres import PostgresMetricStore
from python_nodes.store.session import Database
from tests.conftest import MigratedDatabase, influx_server

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
START = date(2026, 2, 1)
NAN = float("nan")


@pytest.fixture(params=["postgresql", *(f"influxdb-{build.version}" for build in influx.BUILDS)])
def store(request: pytest.FixtureRequest, app_database: Database) -> Iterator[MetricStore]:
    if request.param == "postgresql":
        yield PostgresMetricStore(app_database)
        return
    server = influx_server(request.getfixturevalue("influx_servers"), request.param)
    http = InfluxHttp(server.address(database=f"np_{uuid4().hex[:12]}"))
    http.create_database()
    yield InfluxMetricStore(http, app_database)
    http.close()


def points(
    rows: list[tuple[int, int, float]], *, metric: str = "listing_views", source: str = "report", as_of: datetime = NOON
) -> MetricPoints:
    return MetricPoints(
        listing_id=np.array([row[0] for row in rows], dtype=np.int64),
        day_date=np.array([START + timedelta(days=row[1]) for row in rows], dtype="datetime64[D]"),
        source=source,
        as_of_at=as_of,
        values={metric: np.array([row[2] for row in rows], dtype=np.float64)},
    )


def values(
    store: MetricStore, tenant: int, listings: list[int], n_days: int, metric: str = "listing_views"
) -> list[list[float]]:
    matrix = store.read(tenant, [metric], listings, START, START + timedelta(days=n_days - 1))
    told: list[list[float]] = matrix.values[metric].tolist()
    return told


def test_reads_back_what_was_written_in_the_order_asked(store: MetricStore, tenant_id: int) -> None:
    assert store.write(tenant_id, points([(7, 0, 1.5), (3, 1, 2.5)])) == 2
    matrix = store.read(tenant_id, ["listing_views"], [7, 5, 3], START, START + timedelta(days=1))
    np.testing.assert_array_equal(matrix.values["listing_views"], [[1.5, NAN], [NAN, NAN], [NAN, 2.5]])
    assert matrix.listing_ids.tolist() == [7, 5, 3]
    assert matrix.days.astype(str).tolist() == ["2026-02-01", "2026-02-02"]


def test_writing_twice_changes_nothing(store: MetricStore, tenant_id: int) -> None:
    for _ in range(2):
        store.write(tenant_id, points([(1, 0, 4.0), (1, 1, 5.0)]))
    assert values(store, tenant_id, [1], 2) == [[4.0, 5.0]]


def test_a_told_value_replaces_and_nan_keeps(store: MetricStore, tenant_id: int) -> None:
    store.write(tenant_id, points([(1, 0, 4.0), (1, 1, 5.0)]))
    store.write(tenant_id, points([(1, 0, 6.0), (1, 1, NAN)], as_of=NOON + timedelta(hours=1)))
    assert values(store, tenant_id, [1], 2) == [[6.0, 5.0]]


def test_one_metric_leaves_the_others_alone(store: MetricStore, tenant_id: int) -> None:
    store.write(tenant_id, points([(1, 0, 4.0)]))
    store.write(tenant_id, points([(1, 0, 100.0)], metric="search_impressions"))
    assert values(store, tenant_id, [1], 1) == [[4.0]]
    assert values(store, tenant_id, [1], 1, "search_impressions") == [[100.0]]


def test_an_older_report_never_wins(store: MetricStore, tenant_id: int) -> None:
    store.write(tenant_id, points([(1, 0, 4.0)]))
    store.write(tenant_id, points([(1, 0, 3.0)], as_of=NOON - timedelta(hours=1)))
    assert values(store, tenant_id, [1], 1) == [[4.0]]


def test_the_newest_source_wins_where_it_tells(store: MetricStore, tenant_id: int) -> None:
    later = NOON + timedelta(hours=1)
    store.write(tenant_id, points([(1, 0, 9.0), (1, 1, NAN)], source="a", as_of=later))
    store.write(tenant_id, points([(1, 0, 4.0), (1, 1, 5.0)], source="b"))
    assert values(store, tenant_id, [1], 2) == [[9.0, 5.0]]


def test_each_value_is_told_with_its_source_and_its_time(store: MetricStore, tenant_id: int) -> None:
    later = NOON + timedelta(hours=1)
    store.write(tenant_id, points([(1, 0, 9.0), (1, 1, NAN), (2, 0, 3.0)], source="derived", as_of=later))
    store.write(tenant_id, points([(1, 0, 4.0), (1, 1, 5.0), (1, 9, 6.0)], source="booking_com"))
    told = store.told_by(tenant_id, 1, START, START + timedelta(days=1))
    assert [(one.source, one.as_of_at) for one in told] == [("booking_com", NOON), ("derived", later)]
    assert told[0].day_date.astype(str).tolist() == ["2026-02-01", "2026-02-02"]
    assert told[0].values["listing_views"].tolist() == [4.0, 5.0]
    assert np.isnan(told[0].values["search_rank"]).all()
    assert told[1].values["listing_views"][0] == 9.0
    assert store.told_by(tenant_id, 5, START, START + timedelta(days=1)) == []


def test_twins_in_one_batch_merge_to_the_last_told(store: MetricStore, tenant_id: int) -> None:
    store.write(tenant_id, points([(1, 0, 4.0), (2, 0, 1.0), (1, 0, 6.0), (1, 0, NAN)]))
    assert values(store, tenant_id, [1, 2], 1) == [[6.0], [1.0]]


def test_every_metric_keeps_its_exact_value(store: MetricStore, tenant_id: int) -> None:
    one = points([(1, 0, 0.1 + 0.2)])
    store.write(tenant_id, MetricPoints(
        listing_id=one.listing_id, day_date=one.day_date, source="all", as_of_at=NOON,
        values={name: np.array([0.1 + 0.2 + at]) for at, name in enumerate(METRICS)},
    ))  # fmt: skip
    matrix = store.read(tenant_id, METRICS, [1], START, START)
    assert [float(matrix.values[name][0, 0]) for name in METRICS] == [0.1 + 0.2 + at for at in range(len(METRICS))]


def test_tenants_do_not_meet(store: MetricStore, tenant_id: int, database: MigratedDatabase) -> None:
    other = migrate.create_tenant(database.owner_url, "tenant-b", "USD")
    store.write(tenant_id, points([(1, 0, 4.0)]))
    store.write(other, points([(1, 0, 8.0)]))
    assert values(store, tenant_id, [1], 1) == [[4.0]]
    assert values(store, other, [1], 1) == [[8.0]]


def test_nothing_written_and_nothing_asked(store: MetricStore, tenant_id: int) -> None:
    assert store.write(tenant_id, points([])) == 0
    assert store.read(tenant_id, ["adr"], [], START, START).values["adr"].shape == (0, 1)


def test_an_unknown_metric_is_named(store: MetricStore, tenant_id: int) -> None:
    with pytest.raises(PermanentError, match="no_such"):
        store.write(tenant_id, points([(1, 0, 4.0)], metric="no_such"))
    with pytest.raises(PermanentError, match="no_such"):
        store.read(tenant_id, ["no_such"], [1], START, START)


def test_two_writers_at_once_lose_nothing(store: MetricStore, tenant_id: int) -> None:
    rows = [(listing, day, float(listing)) for listing in range(1, 21) for day in range(50)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: store.write(tenant_id, points(rows)), range(4))) == [1000] * 4
    assert values(store, tenant_id, [3, 20], 50) == [[3.0] * 50, [20.0] * 50]


def test_a_late_report_fills_only_days_that_no_later_one_told(store: MetricStore, tenant_id: int) -> None:
    store.write(tenant_id, points([(1, 0, 4.0), (1, 2, 5.0)]))
    store.write(tenant_id, points([(1, 0, 1.0), (1, 1, 2.0), (1, 2, NAN), (2, 0, 3.0)], as_of=NOON - timedelta(days=1)))
    np.testing.assert_array_equal(values(store, tenant_id, [1, 2], 3), [[4.0, 2.0, 5.0], [3.0, NAN, NAN]])


def test_an_older_source_never_hides_a_newer_one_written_before(store: MetricStore, tenant_id: int) -> None:
    store.write(tenant_id, points([(1, 0, 9.0)], source="b", as_of=NOON + timedelta(hours=1)))
    store.write(tenant_id, points([(1, 0, 4.0)], source="a"))
    store.write(tenant_id, points([(1, 0, 5.0)], source="c"))
    assert values(store, tenant_id, [1], 1) == [[9.0]]


def test_of_two_sources_at_one_moment_the_name_that_sorts_last_stands(store: MetricStore, tenant_id: int) -> None:
    for source, value in (("b", 2.0), ("c", 3.0), ("a", 1.0)):
        store.write(tenant_id, points([(1, 0, value)], source=source))
    assert values(store, tenant_id, [1], 1) == [[3.0]]


def test_a_source_may_have_any_printable_name(store: MetricStore, tenant_id: int) -> None:
    odd = 'import: Vrbo\'s "rank, all=1" é'
    store.write(tenant_id, points([(1, 0, 1.0)], source=odd))
    store.write(tenant_id, points([(1, 0, 0.5)], source=odd, as_of=NOON - timedelta(hours=1)))
    assert values(store, tenant_id, [1], 1) == [[1.0]]


def test_days_outside_the_span_and_listings_not_asked_for_stay_out(store: MetricStore, tenant_id: int) -> None:
    store.write(tenant_id, points([(1, -1, 1.0), (1, 0, 2.0), (1, 1, 3.0), (1, 2, 4.0), (11, 0, 5.0)]))
    assert values(store, tenant_id, [1], 2) == [[2.0, 3.0]]


def test_floats_come_back_to_the_last_bit(store: MetricStore, tenant_id: int) -> None:
    draw = np.random.default_rng(5)
    told = np.concatenate([draw.lognormal(0, 20, 500), -draw.random(100), [0.0, 1e-300, 1e300, 2.0**53 - 1, 5e-324]])
    store.write(tenant_id, points([(1, at, value) for at, value in enumerate(told)]))
    assert values(store, tenant_id, [1], len(told)) == [told.tolist()]


def test_days_before_1970_and_far_ahead_are_days_too(store: MetricStore, tenant_id: int) -> None:
    one = points([(1, 0, 1.0), (1, 1, 2.0)])
    days = np.array(["1969-12-31", "2100-02-28"], dtype="datetime64[D]")
    store.write(tenant_id, MetricPoints(one.listing_id, days, one.source, NOON, one.values))
    for day, value in ((date(1969, 12, 31), 1.0), (date(2100, 2, 28), 2.0)):
        assert store.read(tenant_id, ["listing_views"], [1], day, day).values["listing_views"].tolist() == [[value]]


def test_more_listings_than_one_query_asks_for(store: MetricStore, tenant_id: int) -> None:
    listings = list(range(1, 2501))
    store.write(tenant_id, points([(listing, 0, float(listing)) for listing in listings]))
    store.write(tenant_id, points([(listing, 0, 0.0) for listing in listings], as_of=NOON - timedelta(hours=1)))
    asked = listings[::-1]
    assert values(store, tenant_id, asked, 1) == [[float(listing)] for listing in asked]


def test_the_last_told_day_of_each_listing(store: MetricStore, tenant_id: int) -> None:
    store.write(tenant_id, points([(1, 0, 1.0), (1, 3, 2.0), (2, 1, 3.0), (2, 2, NAN), (4, 9, 1.0)]))
    store.write(tenant_id, points([(1, 5, 1.0)], metric="adr"))
    until = START + timedelta(days=5)
    told = store.last_told_day(tenant_id, "listing_views", [2, 1, 3, 4], until)
    assert told.astype(str).tolist() == ["2026-02-02", "2026-02-04", "NaT", "NaT"]
    with pytest.raises(PermanentError, match="no_such"):
        store.last_told_day(tenant_id, "no_such", [1], until)


def test_counts_what_it_holds_of_this_tenant(store: MetricStore, tenant_id: int, database: MigratedDatabase) -> None:
    assert store.count(tenant_id) == (0, 0)
    other = migrate.create_tenant(database.owner_url, "tenant-b", "USD")
    store.write(other, points([(1, 0, 8.0)]))
    store.write(tenant_id, points([(1, 0, 1.0), (1, 1, 2.0), (2, 0, 3.0), (2, 1, NAN)]))
    store.write(tenant_id, points([(1, 0, 1.0)], metric="adr"))
    assert store.count(tenant_id) == (4, 3)
    # Another source's value is one more, but no other series.
    store.write(tenant_id, points([(1, 0, 2.0)], source="import: rank, all=1"))
    assert store.count(tenant_id) == (5, 3)


def bands(expected: list[list[float]], *, metric: str = "adr", listings: tuple[int, ...] = (3, 1)) -> BandMatrix:
    told = np.array(expected)
    days = np.datetime64(START) + np.arange(told.shape[1])
    return BandMatrix(np.array(listings), days, {metric: told}, {metric: told / 2}, {metric: told * 2})


def test_bands_come_back_where_they_are_known(store: MetricStore, tenant_id: int) -> None:
    assert store.write_bands(tenant_id, bands([[0.1 + 0.2, NAN, 4.0], [5.0, 6.0, NAN]])) == 4
    assert store.write_bands(tenant_id, bands([[7.0, 8.0, 9.0], [NAN, NAN, NAN]], metric="revpar")) == 3
    told = store.read_bands(tenant_id, ["adr", "revpar"], [1, 2, 3], START, START + timedelta(days=1))
    np.testing.assert_array_equal(told.expected["adr"], [[5.0, 6.0], [NAN, NAN], [0.1 + 0.2, NAN]])
    np.testing.assert_array_equal(told.lower["adr"], told.expected["adr"] / 2)
    np.testing.assert_array_equal(told.upper["revpar"], [[NAN, NAN], [NAN, NAN], [14.0, 16.0]])
    assert told.days.astype(str).tolist() == ["2026-02-01", "2026-02-02"]


def test_a_later_band_replaces_and_writing_twice_changes_nothing(store: MetricStore, tenant_id: int) -> None:
    store.write_bands(tenant_id, bands([[1.0, 2.0], [3.0, 4.0]]))
    for _ in range(2):
        assert store.write_bands(tenant_id, bands([[9.0, NAN], [3.0, 5.0]])) == 3
    told = store.read_bands(tenant_id, ["adr"], [3, 1], START, START + timedelta(days=1))
    assert told.expected["adr"].tolist() == [[9.0, 2.0], [3.0, 5.0]]
    assert told.upper["adr"].tolist() == [[18.0, 4.0], [6.0, 10.0]]


def test_bands_are_no_values_and_no_other_tenants(
    store: MetricStore, tenant_id: int, database: MigratedDatabase
) -> None:
    other = migrate.create_tenant(database.owner_url, "tenant-b", "USD")
    store.write_bands(other, bands([[1.0], [2.0]]))
    told = store.read_bands(tenant_id, ["adr"], [3, 1], START, START)
    assert np.isnan(told.expected["adr"]).all()
    assert store.count(other) == (0, 0)
    assert np.isnan(store.read(other, ["adr"], [3, 1], START, START).values["adr"]).all()


def test_bands_of_nothing_and_of_an_unknown_metric(store: MetricStore, tenant_id: int) -> None:
    assert store.write_bands(tenant_id, bands([[NAN], [NAN]])) == 0
    assert store.read_bands(tenant_id, ["adr"], [], START, START).expected["adr"].shape == (0, 1)
    with pytest.raises(PermanentError, match="no_such"):
        store.write_bands(tenant_id, bands([[1.0], [2.0]], metric="no_such"))
    with pytest.raises(PermanentError, match="no_such"):
        store.read_bands(tenant_id, ["no_such"], [1], START, START)


def test_answers_a_ping(store: MetricStore) -> None:
    store.ping()


def test_changes_tell_what_was_written_since_a_mark(store: MetricStore, tenant_id: int) -> None:
    store.write(tenant_id, points([(1, 0, 1.0)]))
    first = store.changes(tenant_id, None)
    assert first.rewritten is None, "nobody knows what a reader without a mark has read"
    assert store.changes(tenant_id, first.mark).rewritten == ()
    store.write(tenant_id, points([(4, 3, 2.0), (2, 9, 2.0), (4, 5, 1.0)]))
    store.write(tenant_id, points([(1, 0, 3.0)], as_of=NOON - timedelta(days=2)))
    then = store.changes(tenant_id, first.mark)
    assert then.rewritten is not None
    told = [
        (None if one.listing_ids is None else one.listing_ids.tolist(), one.start, one.end) for one in then.rewritten
    ]
    assert told == [
        ([2, 4], START + timedelta(days=3), START + timedelta(days=9)),
        ([1], START, START),
    ]
    assert store.changes(tenant_id, then.mark).rewritten == ()
    assert store.changes(tenant_id, "1:00000000-0000-0000-0000-000000000000").rewritten is None


def test_changes_of_one_tenant_are_not_told_to_another(
    store: MetricStore, database: MigratedDatabase, tenant_id: int
) -> None:
    other = migrate.create_tenant(database.owner_url, "tenant-b", "EUR")
    store.write(other, points([(1, 0, 1.0)]))
    mark = store.changes(other, None).mark
    store.write(tenant_id, points([(1, 0, 2.0)]))
    assert store.changes(other, mark).rewritten == ()
    assert store.changes(tenant_id, mark).rewritten is None
