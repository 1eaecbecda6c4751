"""What an OTA may send: each bad record is kept with its raw payload and its reason, the good ones are stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

AS_OF = "2026-03-02T12:00:00Z"
CHECKOUT = Path(__file__).resolve().parents[3]
EMPTY = '<OTA_HotelResModifyNotifRQ xmlns="http://www.opentravel.org/OTA/2003/05"/>'
QUEUE = (
    '<OTA_HotelResNotifRQ xmlns="http://www.opentravel.org/OTA/2003/05"><HotelReservations>{}</HotelReservations>'
    "</OTA_HotelResNotifRQ>"
)
STAY = {
    "id": "7001", "booked": "2026-03-01T09:00:00+00:00", "room": "100101", "night": "2026-04-01", "amount": "120.00",
    "currency": "EUR",
}  # fmt: skip
REPORT = "date,property_id,room_id,search_views,page_views,bookings,revenue,currency,report_created_at"
DAY = {
    "date": "2026-03-01", "property_id": "1001", "room_id": "100101", "search_views": "300", "page_views": "60",
    "bookings": "1", "revenue": "120.00", "currency": "EUR", "report_created_at": "2026-03-02T04:00:00+00:00",
}  # fmt: skip


def reservation(**changes: str) -> str:
    told = STAY | changes
    return (
        f'<HotelReservation CreateDateTime="{told["booked"]}"><RoomStays><RoomStay><RoomTypes>'
        f'<RoomType RoomTypeCode="{told["room"]}"/></RoomTypes><RoomRates><RoomRate EffectiveDate="{told["night"]}"/>'
        f'</RoomRates><Total AmountAfterTax="{told["amount"]}" CurrencyCode="{told["currency"]}"/></RoomStay>'
        f'</RoomStays><ResGlobalInfo><HotelReservationIDs><HotelReservationID ResID_Value="{told["id"]}"/>'
        "</HotelReservationIDs></ResGlobalInfo></HotelReservation>"
    )


def report(*rows: dict[str, str]) -> str:
    return "\n".join([REPORT, *(",".join((DAY | row).values()) for row in rows)]) + "\n"


@dataclass(frozen=True)
class Rejected:
    """A record in quarantine."""

    reason: str
    field: str
    raw: bytes


@dataclass(frozen=True)
class Ota:
    """A worker's connection to a Booking.com that sends what the test says."""

    worker: Worker
    server: HTTPServer
    connection_id: int

    def queue(self, new: str | Response, changed: str | Response = EMPTY) -> None:
        for name, told in (("Notif", new), ("ModifyNotif", changed)):
            at = f"/hotels/ota/OTA_HotelRes{name}"
            answer = told if isinstance(told, Response) else Response(told, content_type="application/xml")
            self.server.expect_request(at, method="GET").respond_with_response(answer)
            self.server.expect_request(at, method="POST").respond_with_data("<ok/>")

    def poll(self, operation: str) -> httpx2.Response:
        return self.worker.post(f"/v1/poll/{operation}", {"connection_id": self.connection_id, "as_of": AS_OF})

    def acknowledged(self) -> bool:
        return any(request.method == "POST" and "OTA_" in request.path for request, _ in self.server.log)

    def rows(self, query: str) -> list[Any]:
        with self.worker.services.database.tenant(self.worker.settings.tenant_id) as conn:
            return list(conn.exec_driver_sql(query))

    def kept(self) -> Any:
        """The one record in quarantine, decrypted, with the payload that it came in."""
        (row,) = self.rows("SELECT * FROM rejected WHERE replayed_at IS NULL")
        archive = self.worker.services.archive
        with self.worker.services.database.tenant(self.worker.settings.tenant_id) as conn:
            raw = archive.keys.of(conn).opened(bytes(row.raw))
            return Rejected(row.reason, row.field, raw), archive.get(conn, row.raw_id)


@pytest.fixture
def ota(worker: Worker, httpserver: HTTPServer, portfolio: dict[str, Any]) -> Iterator[Ota]:
    assert worker.post("/v1/portfolio", portfolio).status_code == 200
    httpserver.expect_request("/token-based-authentication/exchange").respond_with_json({"jwt": "t", "ruid": "1"})
    body = {
        "vendor": "booking_com", "name": f"ota-{httpserver.port}", "base_url": httpserver.url_for(""),
        "settings": {"rate_limits": {"*": "1000/second"}}, "credentials": {"client_id": "a", "client_secret": "b"},
    }  # fmt: skip
    connection_id = worker.post("/v1/connections", body).json()["id"]
    yield Ota(worker, httpserver, connection_id)
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        for table in ("rejected", "superseded_bookings", "bookings", "poll_runs"):
            conn.exec_driver_sql(f"DELETE FROM {table}")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"currency": "XQZ"}, "CurrencyCode"),
        ({"amount": "-120.00"}, "total_amount_minor"),
        ({"amount": "a lot"}, "AmountAfterTax"),
        ({"booked": "2026-03-09T09:00:00+00:00"}, "booked_at"),
        ({"booked": "yesterday"}, "CreateDateTime"),
        ({"night": "2026-02-30"}, "EffectiveDate"),
        ({"room": "999"}, "listing_external_id"),
    ],
)
def test_one_bad_reservation_is_kept_and_the_good_one_stored(ota: Ota, change: dict[str, str], named: str) -> None:
    told = QUEUE.format(reservation() + reservation(id="7002", **change))
    ota.queue(told)
    counts = ota.poll("reservations").json()
    assert (counts["stored"], counts["rejected"]) == (1, 1)
    row, payload = ota.kept()
    assert named in row.reason
    assert named in row.field
    assert b"7002" in row.raw
    assert b"7001" not in row.raw, "the record alone, so that it can be replayed"
    assert payload == told.encode()
    assert ota.acknowledged(), "both are safe with us"


@pytest.mark.parametrize("spoilt", [QUEUE.format(reservation())[:300], "not XML at all", ""])
def test_a_queue_that_cannot_be_read_is_kept_whole_and_not_acknowledged(ota: Ota, spoilt: str) -> None:
    ota.queue(spoilt)
    counts = ota.poll("reservations").json()
    assert (counts["stored"], counts["rejected"]) == (0, 1)
    row, payload = ota.kept()
    assert (row.field, row.raw, payload) == ("document", spoilt.encode(), spoilt.encode())
    assert not ota.acknowledged(), "Booking.com must send it again"


def test_a_body_cut_on_its_way_stores_nothing_of_either_queue(ota: Ota) -> None:
    cut = Response(EMPTY[:30], content_type="application/xml")
    cut.headers["Content-Length"] = str(len(EMPTY))
    ota.queue(QUEUE.format(reservation()), cut)
    answer = ota.poll("reservations")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("booking_com reservation_changes: connection failed or body cut")
    assert ota.rows("SELECT * FROM bookings") == []
    assert ota.rows("SELECT * FROM rejected") == []
    assert not ota.acknowledged()
    (run,) = ota.rows("SELECT error FROM poll_runs")
    assert "body cut" in run.error


def test_a_vendor_that_refuses_is_a_502_and_one_that_fails_a_503(ota: Ota) -> None:
    for status, told in ((403, 502), (500, 503)):
        ota.server.clear_all_handlers()
        ota.server.expect_request("/token-based-authentication/exchange").respond_with_json({"jwt": "t"})
        ota.queue(Response("guest Ada Lovelace", status=status))
        answer = ota.poll("reservations")
        assert answer.status_code == told
        assert str(status) in answer.json()["detail"]
        assert "Ada" not in answer.text


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"currency": "XQZ"}, "currency"),
        ({"revenue": "-1.00"}, "revenue"),
        ({"search_views": "-3"}, "search_impressions"),
        ({"page_views": "many"}, "page_views"),
        ({"date": "2026-02-30"}, "date"),
        ({"date": "2026-03-09"}, "day_date"),
        ({"room_id": "999"}, "listing_external_id"),
    ],
)
def test_one_bad_day_of_a_report_is_kept_and_the_good_one_stored(ota: Ota, change: dict[str, str], named: str) -> None:
    told = report({}, {"room_id": "100201", **change})
    ota.server.expect_request("/extranet/reports/performance.csv").respond_with_data(told, content_type="text/csv")
    counts = ota.poll("performance").json()
    assert (counts["fetched"], counts["rejected"]) == (2, 1)
    row, payload = ota.kept()
    assert named in row.field
    assert named in row.reason
    assert payload == told.encode()
    # What was kept is a report by itself: heading and the one row.
    assert row.raw.decode().splitlines()[0] == REPORT
    assert len(row.raw.decode().strip().splitlines()) == 2


def test_a_report_without_one_of_its_columns_names_it(ota: Ota) -> None:
    told = report({}).replace("page_views", "pageviews")
    ota.server.expect_request("/extranet/reports/performance.csv").respond_with_data(told, content_type="text/csv")
    counts = ota.poll("performance").json()
    assert (counts["stored"], counts["rejected"]) == (0, 1)
    row, _ = ota.kept()
    assert "page_views" in row.reason


def test_a_health_answer_that_is_no_json_is_kept_whole(ota: Ota) -> None:
    ota.server.expect_request("/property-health-api/properties/health").respond_with_data('{"data": {"prop')
    counts = ota.poll("health").json()
    assert (counts["stored"], counts["rejected"]) == (0, 1)
    row, payload = ota.kept()
    assert payload == row.raw == b'{"data": {"prop'


def test_a_listing_nobody_knew_is_replayed_by_the_command_once_it_is_known(
    ota: Ota, portfolio: dict[str, Any], worker: Worker
) -> None:
    ota.queue(QUEUE.format(reservation(room="100301")))
    assert ota.poll("reservations").json()["rejected"] == 1
    assert replayed(worker) == {"replayed": 0, "still_rejected": 1}
    listing = portfolio["listings"][0] | {"external_id": "100301", "unit_external_id": "unit-3"}
    unit = portfolio["units"][0] | {"external_id": "unit-3"}
    grown = portfolio | {"units": [*portfolio["units"], unit], "listings": [*portfolio["listings"], listing]}
    assert worker.post("/v1/portfolio", grown).status_code == 200
    assert replayed(worker) == {"replayed": 1, "still_rejected": 0}
    (booking,) = ota.rows("SELECT total_amount_minor, currency FROM bookings")
    assert tuple(booking) == (12000, "EUR")
    assert replayed(worker) == {"replayed": 0, "still_rejected": 0}


def replayed(worker: Worker) -> Any:
    own = {
        "DATABASE_URL": worker.settings.database_url.get_secret_value(),
        "REDIS_URL": worker.settings.redis_url.get_secret_value(),
        "SECRET_KEY": worker.settings.secret_key.get_secret_value(),
        "RAW_ROOT": str(worker.settings.raw_root),
        "TENANT_ID": str(worker.settings.tenant_id),
    }
    env = {**os.environ, **{f"NIGHTPORTER_{name}": value for name, value in own.items()}}
    command = [str(Path(sys.executable).parent / "nightporter"), "replay-raw"]
    done = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)
