"""Files on real stores: what a preview promises, what an import stores, and that a file read twice changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from python_nodes.domain.imports import ImportSource
from python_nodes.domain.portfolio import Listing, Portfolio, Property, Unit
from python_nodes.errors import PermanentError
from python_nodes.normalize import reference_rates
from python_nodes.steps import import_file, replay
from python_nodes.steps.import_file import Order
from python_nodes.steps.services import Services
from python_nodes.store import imports, portfolio

AS_OF = datetime(2026, 3, 10, 12, tzinfo=UTC)
VRBO = ImportSource(
    name="vrbo-report", kind="performance", channel="vrbo", date_format="YYYY-MM-DD",
    columns={
        "listing_id": "Property Number", "date": "Date", "search_impressions": "Search Impressions",
        "listing_views": "Page Views", "bookings": "Bookings", "revenue": "Gross Booking Amount",
        "currency": "Currency",
    },
)  # fmt: skip
MARKET = ImportSource(
    name="rank-tracker", kind="market_watch", channel=None,
    columns={name: name for name in ("listing_id", "date", "channel", "search_rank", "competitor_price", "currency")},
)  # fmt: skip
HEAD = "Date,Property Number,Search Impressions,Page Views,Bookings,Gross Booking Amount,Currency\n"


@dataclass(frozen=True)
class Desk:
    """Services with a portfolio: one home in GBP, sold on vrbo and airbnb."""

    services: Services
    tenant_id: int

    def save(self, source: ImportSource) -> None:
        with self.services.database.tenant(self.tenant_id) as conn:
            imports.save(conn, source, at=AS_OF)

    def run(self, source: ImportSource, told: str | bytes, file: str = "a.csv", **span: Any) -> dict[str, Any]:
        self.save(source)
        content = told.encode() if isinstance(told, str) else told
        return import_file.run(
            self.services, self.tenant_id, source.name, Order(file=file, content=content, **span), AS_OF
        )

    def preview(self, source: ImportSource, told: str) -> dict[str, Any]:
        order = Order(file="a.csv", content=told.encode())
        return import_file.preview(self.services, self.tenant_id, source, order, AS_OF)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.services.database.tenant(self.tenant_id) as conn:
            return [tuple(row) for row in conn.execute(text(query))]

    def metric(self, name: str, day: date) -> dict[str, float]:
        with self.services.database.tenant(self.tenant_id) as conn:
            ids = {one.external_id: one.listing_id for one in portfolio.load_listings(conn)}
        told = self.services.metrics.read(self.tenant_id, [name], list(ids.values()), day, day).values[name][:, 0]
        return dict(zip(ids, told.tolist(), strict=True))


@pytest.fixture
def desk(services: Services, tenant_id: int) -> Desk:
    home = Property(
        external_id="p1", name="Home", market="london", country="GB", subdivision=None, timezone="Europe/London",
        currency="GBP", priority=0.5,
    )  # fmt: skip
    unit = Unit(
        external_id="u1", property_external_id="p1", name="Home", unit_count=1, base_price_minor=10000,
        floor_price_minor=5000,
    )  # fmt: skip
    sold = tuple(
        Listing(external_id=name, unit_external_id="u1", channel=channel, title="Home", rate_plan_external_id="r")
        for name, channel in (("v1", "vrbo"), ("a1", "airbnb"), ("b1", "booking_com"))
    )
    with services.database.tenant(tenant_id) as conn:
        portfolio.upsert_portfolio(conn, tenant_id, Portfolio(properties=(home,), units=(unit,), listings=sold))
    return Desk(services, tenant_id)


def test_a_report_reaches_the_metric_store_and_its_bad_rows_the_quarantine(desk: Desk) -> None:
    told = HEAD + (
        "2026-03-01,v1,200,20,1,120.50,GBP\n2026-03-02,v1,100,x,0,0,GBP\n2026-03-02,v9,100,10,0,0,GBP\n"
        "2026-03-03,v1,100,10,0,0,EUR\n2026-03-04,v1,100"
    )
    report = desk.run(VRBO, told)
    assert (report["rows"], report["stored"], report["rejected"]) == (5, 1, 4)
    assert desk.metric("conversion_rate", date(2026, 3, 1))["v1"] == pytest.approx(0.05)
    assert np.isnan(desk.metric("listing_views", date(2026, 3, 2))["v1"])
    reasons = dict(desk.rows("SELECT field, reason FROM rejected"))
    assert reasons["listing_views"] == "a.csv, row 3, column 'Page Views': listing_views: 'x' is no whole number"
    assert reasons["listing_id"] == "a.csv, row 4, column 'Property Number': listing_id: 'v9' is no listing on vrbo"
    assert reasons["currency"] == "a.csv, row 5: currency: not the property's currency"
    assert "row 6: 3 cells where the header has 7; the file may be cut" in reasons[None]
    assert {one["column"] for one in report["errors"]} >= {"Page Views", "Property Number", "Currency"}


def test_the_same_file_twice_changes_nothing(desk: Desk) -> None:
    told = HEAD + "2026-03-01,v1,200,20,1,120.50,GBP\n"
    first = desk.run(VRBO, told)
    before = desk.rows("SELECT * FROM metrics_daily") + desk.rows("SELECT * FROM raw_index")
    again = desk.run(VRBO, told, file="renamed.csv")
    assert (first["already_imported"], again["already_imported"]) == (False, True)
    assert desk.rows("SELECT * FROM metrics_daily") + desk.rows("SELECT * FROM raw_index") == before
    assert desk.run(replace(VRBO, decimal=","), told.replace("120.50", "120"))["already_imported"] is False


def whole(replayed: int, still_rejected: int) -> replay.Replayed:
    return replay.Replayed(replayed=replayed, still_rejected=still_rejected, left=0, next_after=None)


def test_a_row_is_replayed_by_the_mapping_as_it_was_mended(desk: Desk) -> None:
    told = HEAD + "01/03/2026,v1,200,20,1,120.50,GBP\n"
    assert desk.run(VRBO, told)["rejected"] == 1
    assert replay.run(desk.services, desk.tenant_id, AS_OF) == whole(0, 1)
    desk.save(replace(VRBO, date_format="DD/MM/YYYY"))
    assert replay.run(desk.services, desk.tenant_id, AS_OF) == whole(1, 0)
    assert desk.metric("listing_views", date(2026, 3, 1))["v1"] == 20


def test_a_competitors_price_is_told_in_the_propertys_currency(desk: Desk) -> None:
    told = (
        "date,channel,listing_id,search_rank,competitor_price,currency\n"
        "2026-03-01,vrbo,v1,7,100.00,EUR\n2026-03-01,airbnb,a1,3,100.00,GBP\n2026-03-01,agoda,v1,3,100.00,GBP\n"
        "2026-03-02,vrbo,v1,0,100.00,GBP\n"
    )
    report = desk.run(MARKET, told)
    assert (report["stored"], report["rejected"]) == (2, 2)
    prices = desk.metric("competitor_price", date(2026, 3, 1))
    rate = float(reference_rates(date(2026, 3, 1))["GBP"])
    assert (prices["v1"], prices["a1"]) == (pytest.approx(100 * rate), pytest.approx(100.0))
    assert desk.metric("search_rank", date(2026, 3, 1))["v1"] == 7
    assert desk.rows("SELECT DISTINCT source, as_of_at FROM metrics_daily") == [("import:rank-tracker", AS_OF)]


def test_a_preview_shows_what_would_be_done_and_does_none_of_it(desk: Desk) -> None:
    bare = replace(VRBO, columns={})
    shown = desk.preview(bare, HEAD.replace(",", ";") + "01.03.2026;v1;1.200;20;1;1.120,50;GBP\n")
    assert shown["columns"] == VRBO.columns
    assert (shown["date_format"], shown["decimal"]) == ("DD.MM.YYYY", ",")
    (row,) = shown["first_rows"]
    assert (row["date"], row["search_impressions"], row["revenue"]) == ("2026-03-01", 1200, 112050)
    assert (shown["stored"], shown["rejected"]) == (1, 0)
    assert desk.rows("SELECT count(*) FROM metrics_daily") == [(0,)]
    assert desk.rows("SELECT count(*) FROM raw_index") == [(0,)]


def test_days_out_of_range_are_left_out(desk: Desk) -> None:
    told = HEAD + "".join(f"2026-03-0{day},v1,200,20,1,120.50,GBP\n" for day in range(1, 6))
    report = desk.run(VRBO, told, start=date(2026, 3, 2), end=date(2026, 3, 3))
    assert (report["stored"], report["out_of_range"], report["first_day"]) == (2, 3, "2026-03-02")


def test_a_mapping_that_names_a_column_that_is_not_there_is_refused_and_nothing_is_stored(desk: Desk) -> None:
    wrong = replace(VRBO, columns={**VRBO.columns, "listing_views": "Detail Views"})
    with pytest.raises(PermanentError, match=r"a\.csv, row 1: the mapping of 'vrbo-report' names the column 'Detail"):
        desk.run(wrong, HEAD + "2026-03-01,v1,200,20,1,120.50,GBP\n")
    assert desk.rows("SELECT count(*) FROM metrics_daily") == [(0,)]
    assert desk.rows("SELECT count(*) FROM import_runs") == [(0,)]


def test_reviews_and_changes_and_reservations_are_recorded(desk: Desk) -> None:
    scores = ImportSource(
        name="scores", kind="reviews", channel="airbnb", scale=5,
        columns={"listing_id": "listing", "score": "rating", "review_count": "reviews", "date": "day"},
    )  # fmt: skip
    done = desk.run(scores, "listing,rating,reviews,day\na1,4.8,20,2026-03-02\na1,4.9,21,2026-03-03\n")
    assert done["rejected"] == 0
    assert desk.rows("SELECT score_10, review_count FROM listing_reviews") == [(pytest.approx(9.8), 21)]
    assert desk.metric("review_score", date(2026, 3, 2))["a1"] == pytest.approx(9.6)

    names = ("changed_at", "channel", "property_id", "listing_id", "field", "old", "new", "changed_by")
    log = ImportSource(
        name="log", kind="change_log", channel=None,
        columns={name: name for name in names[:-1]} | {"actor": "changed_by"},
    )  # fmt: skip
    line = "2026-03-01T10:00:00+00:00,vrbo,v1,v1,price,100,110,ana\n"
    assert desk.run(log, ",".join(names) + "\n" + line)["stored"] == 1
    longer = desk.run(log, ",".join(names) + "\n" + line + line.replace("110", "120"))
    assert (longer["stored"], longer["unchanged"]) == (1, 1)

    stays = ImportSource(
        name="stays", kind="reservations", channel="booking_com", currency="GBP", date_format="DD/MM/YYYY",
        columns={
            "reservation_id": "Number", "listing_id": "Room", "status": "Status", "booked_at": "Booked",
            "check_in": "In", "check_out": "Out", "total": "Price",
        },
    )  # fmt: skip
    told = "Number,Room,Status,Booked,In,Out,Price\n77,b1,ok,01/03/2026 10:30,05/03/2026,07/03/2026,210\n"
    assert desk.run(stays, told)["stored"] == 1
    (row,) = desk.rows("SELECT source, external_id, total_amount_minor, booked_at FROM bookings")
    assert row == ("booking_com", "77", 21000, datetime(2026, 3, 1, 10, 30, tzinfo=UTC))
