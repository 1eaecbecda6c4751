"""An imported point is scored as it arrives: one alert at once, told by the flow, and none again by the sweep."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import numpy as np
import pytest
from pydantic import SecretStr
from pytest_httpserver import HTTPServer

from python_nodes.config import Settings
from python_nodes.domain.columns import AriColumns
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.records import OperatorNight
from python_nodes.local import downloads
from python_nodes.steps import import_job
from python_nodes.steps.import_file import Order
from python_nodes.store import anomalies, ari, operator
from python_nodes.store import portfolio as portfolios
from sandbox import exports
from sandbox.simulated import World
from sandbox.world import build_world

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

T0 = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HISTORY_DAYS, LISTINGS = 150, 48
CHANNEL, KIND = "airbnb", "ctr_drop"
SECRET = SecretStr("webhook-secret" * 3)


@dataclass(frozen=True)
class Desk:
    """A worker with a watched folder, a world's history in it, and the flow's webhook."""

    worker: Worker
    world: World
    folder: Path
    flow: HTTPServer
    listings: tuple[ListingInfo, ...]

    def scan(self, as_of: datetime, **more: Any) -> dict[str, Any]:
        answer = self.worker.post("/v1/imports/scan", {"as_of": as_of.isoformat(), **more})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def sweep(self, as_of: datetime) -> dict[str, Any]:
        for path in ("/v1/guards/check", "/v1/metrics/score", "/v1/alerts/raise"):
            answer = self.worker.post(path, {"as_of": as_of.isoformat()})
            assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def alerts(self, listing: ListingInfo, kind: str) -> list[dict[str, Any]]:
        every = self.worker.client.get("/v1/alerts").json()["alerts"]
        return [one for one in every if (one["listing"], one["kind"]) == (listing.external_id, kind)]

    def busiest(self, place: int) -> ListingInfo:
        """Return the listing of the channel that is shown most often, second most often, and so on."""
        rows = self.world.performance(CHANNEL, T0 - timedelta(days=28), T0 - timedelta(days=1))
        shown: dict[str, int] = {}
        for row in rows:
            shown[row.room_id] = shown.get(row.room_id, 0) + row.search_views
        room = sorted(shown, key=lambda one: -shown[one])[place]
        return next(one for one in self.listings if (one.channel, one.external_id) == (CHANNEL, room))

    def report(self, first: date, last: date, fallen: ListingInfo | None = None) -> str:
        """Write the channel's report of some days, in which one listing is shown as ever and hardly opened any more."""
        out = io.StringIO()
        lines = csv.writer(out)
        lines.writerow(downloads.COLUMNS[CHANNEL])
        for row in self.world.performance(CHANNEL, first, last):
            share = 0.03 if fallen is not None and row.room_id == fallen.external_id else 1.0
            viewed = int(row.page_views * share)
            bookings = row.bookings if share == 1.0 else 0
            money = "1.00" if bookings else "0.00"
            lines.writerow((row.date, row.room_id, row.search_views, viewed, bookings, money, row.currency))
        return out.getvalue()


@pytest.fixture(scope="module")
def flow() -> Iterator[HTTPServer]:
    with HTTPServer() as server:
        server.expect_request("/webhook/import-files").respond_with_json({"notified": 1})
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="module")
def worker_settings(worker_settings: Settings, flow: HTTPServer, folder: Path) -> Settings:
    """The same worker, with a watched folder and a flow that tells news."""
    return worker_settings.model_copy(
        update={
            "import_folder": folder, "news_url": flow.url_for("/webhook/import-files"), "news_secret": SECRET,
            "max_body_bytes": 8_000_000,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def desk(worker: Worker, flow: HTTPServer, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Import the history through the watched folder, then sweep for the first time."""
    world = build_world(5, LISTINGS, HISTORY_DAYS, 7, T0, None)
    assert worker.post("/v1/portfolio", world.portfolio_json()).status_code == 200
    for source in downloads.sources():
        assert worker.post("/v1/imports/sources", source).status_code == 200
    out_dir = tmp_path_factory.mktemp("exports")
    exports.write_history(world, out_dir)
    for path in (out_dir / "exports" / "history").glob("*.csv"):
        path.rename(folder / f"history-{path.name}")
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        listings = tuple(portfolios.load_listings(conn))
    found = Desk(worker, world, folder, flow, listings)
    first = found.scan(NOON - timedelta(hours=1))
    assert (first["imported"], first["failed"]) == (5, 0)
    # Before the first sweep all is history, however new.
    assert (first["observed"], first["notify"]) == (0, [])
    found.sweep(NOON)
    return found


def test_a_collapsed_value_in_a_file_raises_one_alert_at_once_that_the_sweep_goes_on_with(desk: Desk) -> None:
    fallen, at = desk.busiest(0), NOON + timedelta(days=3)
    assert desk.alerts(fallen, KIND) == []
    (desk.folder / "new-airbnb_performance.csv").write_text(desk.report(T0, T0 + timedelta(days=2), fallen))
    told = desk.scan(at)
    assert (told["imported"], told["files"][0]["rejected"]) == (1, 0)
    assert told["observed"] >= len([one for one in desk.listings if one.channel == CHANNEL])
    (alert,) = desk.alerts(fallen, KIND)
    assert {"alert_id": alert["id"]} in told["notify"]
    assert told["raised"] >= 1
    for later in (timedelta(minutes=15), timedelta(days=1)):
        desk.sweep(at + later)
        (after,) = desk.alerts(fallen, KIND)
        assert (after["id"], after["resolved_at"], after["raised_at"]) == (alert["id"], None, alert["raised_at"])
    assert after["version"] > alert["version"]
    # Nothing new has come since: nothing is looked at again.
    assert desk.scan(at + timedelta(days=1, minutes=1))["observed"] == 0


def test_an_upload_is_scored_by_its_job_and_the_flow_is_called_to_tell(desk: Desk) -> None:
    fallen, at = desk.busiest(1), NOON + timedelta(days=5)
    content = desk.report(T0 + timedelta(days=2), T0 + timedelta(days=4), fallen).encode()
    services, tenant_id = desk.worker.services, desk.worker.settings.tenant_id
    order = Order(file="upload.csv", content=content)
    asked = import_job.accept(services, tenant_id, "upload", f"{CHANNEL}_performance", order, at)
    assert asked is not None
    desk.flow.clear_log()
    import_job.run(services, tenant_id, "upload", asked)
    job = desk.worker.client.get("/v1/jobs/upload").json()
    assert job["state"] == "done"
    assert job["result"]["observed"]["raised"] >= 1
    assert len(desk.alerts(fallen, KIND)) == 1
    ((request, _),) = desk.flow.log
    token = request.headers["Authorization"].removeprefix("Bearer ")
    told = jwt.decode(token, SECRET.get_secret_value(), algorithms=["HS256"], options={"require": ["exp"]})
    assert told["exp"] - told["iat"] == 300
    assert SECRET.get_secret_value() not in str(request.headers)
    assert request.get_json() == {"as_of": at.isoformat(), "about": "upload"}
    desk.sweep(at + timedelta(minutes=15))
    assert len(desk.alerts(fallen, KIND)) == 1


def test_old_days_and_what_a_sweep_follows_score_nothing(desk: Desk) -> None:
    at = NOON + timedelta(days=6)
    old = desk.report(T0 - timedelta(days=40), T0 - timedelta(days=8), desk.busiest(2))
    (desk.folder / "old-airbnb_performance.csv").write_text(old)
    told = desk.scan(at)
    assert (told["imported"], told["observed"], told["raised"]) == (1, 0, 0)
    new = desk.report(T0 + timedelta(days=4), T0 + timedelta(days=5))
    (desk.folder / "cycle-airbnb_performance.csv").write_text(new)
    left = desk.scan(at, observe=False)
    assert (left["imported"], left["observed"]) == (1, 0)
    assert desk.scan(at + timedelta(minutes=1))["observed"] == 0


def test_a_closed_calendar_raises_one_alert_at_once_that_the_sweep_goes_on_with(desk: Desk) -> None:
    listing = next(one for one in desk.listings if one.channel == "booking_com")
    at = NOON + timedelta(days=6, hours=1)
    tell_calendar(desk, listing, at - timedelta(hours=2), is_open=True)
    body = {"listing_ids": [listing.listing_id], "looks": ["guards"], "as_of": (at - timedelta(hours=1)).isoformat()}
    assert desk.worker.post("/v1/observe", body).status_code == 200
    assert [one["evidence"] for one in desk.alerts(listing, "not_bookable")] == []
    tell_calendar(desk, listing, at, is_open=False)
    told = desk.worker.post("/v1/observe", {**body, "as_of": at.isoformat()}).json()
    (alert,) = desk.alerts(listing, "not_bookable")
    assert {"alert_id": alert["id"]} in told["notify"]
    # Whoever looks at another place writes nothing of what is as it was; a sweep says that it is still there.
    other = next(one for one in desk.listings if one.property_id != listing.property_id)
    again = {**body, "listing_ids": [other.listing_id], "as_of": (at + timedelta(minutes=1)).isoformat()}
    assert desk.worker.post("/v1/observe", again).status_code == 200
    assert desk.alerts(listing, "not_bookable") == [alert]
    desk.sweep(at + timedelta(minutes=15))
    (after,) = desk.alerts(listing, "not_bookable")
    assert (after["id"], after["resolved_at"]) == (alert["id"], None)
    assert after["version"] > alert["version"]


def tell_calendar(desk: Desk, listing: ListingInfo, at: datetime, *, is_open: bool) -> None:
    """Store what the channel says of the coming nights; the operator wants to sell all of them."""
    nights = [at.date() + timedelta(days=k) for k in range(60)]

    def same(value: object) -> np.ndarray[Any, np.dtype[np.object_]]:
        return np.full(len(nights), value, dtype=object)

    told = AriColumns(
        source="booking_com", raw_id=None, observed_at=at, listing_external_id=same(listing.external_id),
        rate_plan_external_id=same(listing.rate_plan_external_id), stay_date=np.array(nights, dtype="datetime64[D]"),
        price_minor=np.full(len(nights), 12_000.0), currency=same(listing.currency),
        is_open=np.full(len(nights), is_open), raw_row=lambda row: b"", units_left=np.ones(len(nights), dtype=np.int64),
        min_stay_nights=np.ones(len(nights), dtype=np.int64), fees_minor=np.zeros(len(nights), dtype=np.int64),
    )  # fmt: skip
    calendar = [
        OperatorNight(unit_external_id=listing.unit_external_id, stay_date=night, is_open=True, units=1)
        for night in nights
    ]
    with desk.worker.services.database.tenant(desk.worker.settings.tenant_id) as conn:
        ari.upsert_changed(conn, [told], {listing.external_id: listing.listing_id})
        operator.upsert(conn, calendar, {listing.unit_external_id: listing.unit_id}, told.observed_at)


def test_a_sweep_that_began_before_an_observation_and_ends_after_it_is_not_hidden(desk: Desk) -> None:
    mine, other = desk.listings[:2]
    found = Anomaly(
        listing_id=mine.listing_id, kind="suspended", metric="availability", onset_date=T0, observed=0.0, expected=1.0,
        lower=None, upper=None, p_value=None, share_lost=1.0, confidence=1.0, cause="listing_down",
    )  # fmt: skip
    late = NOON + timedelta(days=30)
    with desk.worker.services.database.tenant(desk.worker.settings.tenant_id) as conn:
        anomalies.replace(conn, late, "guards", [])
        anomalies.renew(conn, late + timedelta(minutes=2), "guards", [mine.listing_id], [found])
        assert [one.listing_id for one in anomalies.current(conn, late + timedelta(minutes=3))
                if one.kind == "suspended"] == [mine.listing_id]  # fmt: skip
        swept = [found, replace(found, listing_id=other.listing_id)]
        anomalies.replace(conn, late + timedelta(minutes=1), "guards", swept)
        held = anomalies.current(conn, late + timedelta(minutes=3))
        conn.rollback()
    assert {one.listing_id for one in held if one.kind == "suspended"} == {mine.listing_id, other.listing_id}
