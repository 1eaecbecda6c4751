"""A poll of rates on real stores: what is kept when the other side fails half way, and what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from lxml import etree
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from sqlalchemy import text
from werkzeug import Request, Response

from bench import _documents
from python_nodes import wiring
from python_nodes.config import Settings
from python_nodes.errors import RetryableError
from python_nodes.steps import connection_admin, poll, replay
from python_nodes.steps.services import Services
from python_nodes.store import portfolio
from tests.conftest import MigratedDatabase

AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
LISTINGS, NIGHTS = 3, 4
QUEUES = ("/hotels/ota/OTA_HotelResNotif", "/hotels/ota/OTA_HotelResModifyNotif")


@dataclass(frozen=True)
class Polling:
    """Services with a portfolio and a connection of one property a call."""

    services: Services
    tenant_id: int
    connection_id: int

    def poll(self, as_of: datetime = AS_OF) -> poll.PollResult:
        return poll.run(self.services, self.tenant_id, self.connection_id, "ari", as_of)

    def poll_if_due(self, as_of: datetime) -> poll.PollResult:
        return poll.when_due(self.services, self.tenant_id, self.connection_id, "ari", as_of)

    def every(self, hours: int) -> None:
        with self.services.database.tenant(self.tenant_id) as conn:
            told = {"hours": hours, "id": self.connection_id}
            query = "UPDATE connections SET settings = jsonb_set(settings::jsonb, '{every_hours}',"
            conn.execute(text(query + " jsonb_build_object('ari', cast(:hours AS int))) WHERE id = :id"), told)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.services.database.tenant(self.tenant_id) as conn:
            return [tuple(row) for row in conn.execute(text(query))]


@pytest.fixture
def polling(
    database: MigratedDatabase, tenant_id: int, valkey_url: str, tmp_path: Path, httpserver: HTTPServer
) -> Iterator[Polling]:
    settings = Settings(
        database_url=SecretStr(database.app_url), redis_url=SecretStr(valkey_url),
        secret_key=SecretStr(Fernet.generate_key().decode()), raw_root=tmp_path, tenant_id=tenant_id, retry_attempts=1,
    )  # fmt: skip
    services = wiring.build_services(settings)
    with services.database.tenant(tenant_id) as conn:
        portfolio.upsert_portfolio(conn, tenant_id, _documents.portfolio_of(LISTINGS))
    httpserver.expect_request("/token-based-authentication/exchange").respond_with_json({"jwt": "t", "ruid": "1"})
    wanted = connection_admin.NewConnection(
        vendor="booking_com", name="ota", base_url=httpserver.url_for(""),
        settings={"rate_limits": {"*": "1000/second"}, "ari_properties_per_call": 1},
        credentials={"client_id": "a", "client_secret": "b"},
    )  # fmt: skip
    yield Polling(services, tenant_id, connection_admin.add(services, tenant_id, wanted))
    services.database.dispose()


def serve(httpserver: HTTPServer, *, failing: str = "", extra: bytes = b"") -> None:
    def answer(request: Request) -> Response:
        asked = request.args["hotel_ids"]
        if asked == failing:
            return Response(status=500)
        content = _documents.ari_xml([int(asked.removeprefix("p"))], AS_OF.date(), NIGHTS, seed=1)
        return Response(content.replace(b"</AvailStatusMessages>", extra + b"</AvailStatusMessages>"))

    httpserver.expect_request("/assumed/ari").respond_with_handler(answer)


def test_all_payloads_of_a_poll_are_archived_each_for_itself_and_stored_once(
    polling: Polling, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    first = polling.poll()
    assert (first.fetched, first.stored, first.unchanged, first.rejected) == (12, 12, 0, 0)
    assert polling.rows("SELECT count(*), count(DISTINCT raw_id) FROM ari_current") == [(12, 3)]
    assert polling.rows("SELECT count(*) FROM raw_index") == [(3,)]
    again = polling.poll(AS_OF + timedelta(hours=6))
    assert (again.stored, again.unchanged) == (0, 12)


def test_what_is_not_due_is_not_asked_for_until_the_next_stretch_of_time(
    polling: Polling, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    polling.every(24)
    first = polling.poll_if_due(AS_OF)
    calls = len(httpserver.log)
    later = polling.poll_if_due(AS_OF + timedelta(hours=11))
    assert (first.fetched, later.fetched, later.run_id, len(httpserver.log)) == (12, 0, first.run_id, calls)
    assert polling.poll_if_due(AS_OF + timedelta(hours=12)).fetched == 12, "a new UTC day"
    polling.every(0)
    assert polling.poll_if_due(AS_OF + timedelta(hours=13)).fetched == 12


def test_what_failed_is_due_again_at_once(polling: Polling, httpserver: HTTPServer) -> None:
    serve(httpserver, failing="p00002")
    polling.every(24)
    with pytest.raises(RetryableError):
        polling.poll_if_due(AS_OF)
    httpserver.clear_all_handlers()
    httpserver.expect_request("/token-based-authentication/exchange").respond_with_json({"jwt": "t", "ruid": "1"})
    serve(httpserver)
    assert polling.poll_if_due(AS_OF + timedelta(hours=1)).fetched == 12


def test_what_came_before_a_failure_is_archived_and_nothing_is_stored(polling: Polling, httpserver: HTTPServer) -> None:
    serve(httpserver, failing="p00002")
    with pytest.raises(RetryableError):
        polling.poll()
    kept = polling.rows("SELECT id FROM raw_index ORDER BY id")
    assert len(kept) == 2
    with polling.services.database.tenant(polling.tenant_id) as conn:
        told = [polling.services.archive.get(conn, row[0]) for row in kept]
    assert [b"r00000" in told[0], b"r00001" in told[1]] == [True, True]
    assert polling.rows("SELECT count(*) FROM ari_current") == [(0,)]
    assert polling.rows("SELECT error IS NOT NULL FROM poll_runs") == [(True,)]


def whole(replayed: int, still_rejected: int) -> replay.Replayed:
    return replay.Replayed(replayed=replayed, still_rejected=still_rejected, left=0, next_after=None)


def test_a_night_of_a_listing_unknown_so_far_is_replayed_when_it_is_known(
    polling: Polling, httpserver: HTTPServer
) -> None:
    stranger = _documents.ari_xml([7], AS_OF.date(), 2, seed=1)
    messages = stranger[stranger.index(b"<AvailStatusMessage ") : stranger.index(b"</AvailStatusMessages>")]
    serve(httpserver, extra=messages)
    # Every property's answer tells the same two nights; the same document is quarantined once.
    assert polling.poll().rejected == 6
    assert polling.rows("SELECT count(DISTINCT raw) FROM rejected WHERE operation = 'ari'") == [(2,)]
    assert replay.run(polling.services, polling.tenant_id, AS_OF) == whole(0, 2)
    with polling.services.database.tenant(polling.tenant_id) as conn:
        portfolio.upsert_portfolio(conn, polling.tenant_id, _documents.portfolio_of(8))
    assert replay.run(polling.services, polling.tenant_id, AS_OF) == whole(2, 0)
    assert polling.rows("SELECT count(*) FROM ari_current") == [(14,)]


def reservation(number: int, booked_at: datetime) -> str:
    return (
        f'<HotelReservation CreateDateTime="{booked_at.isoformat()}"><RoomStays><RoomStay><RoomTypes>'
        '<RoomType RoomTypeCode="r00000"/></RoomTypes><RoomRates><RoomRate EffectiveDate="2026-04-01"/></RoomRates>'
        '<Total AmountAfterTax="24690" CurrencyCode="EUR" DecimalPlaces="2"/></RoomStay></RoomStays><ResGlobalInfo>'
        f'<HotelReservationIDs><HotelReservationID ResID_Value="{number}"/></HotelReservationIDs></ResGlobalInfo>'
        "</HotelReservation>"
    )


def serve_queue(httpserver: HTTPServer, booked: dict[int, datetime]) -> None:
    """What is not acknowledged comes again."""
    namespace = "http://www.opentravel.org/OTA/2003/05"

    def waiting(_: Request) -> Response:
        told = "".join(reservation(number, at) for number, at in booked.items())
        return Response(f'<OTA_HotelResNotifRQ xmlns="{namespace}">{told}</OTA_HotelResNotifRQ>')

    def acknowledged(request: Request) -> Response:
        for one in etree.fromstring(request.get_data()).iter("{*}HotelReservationID"):
            del booked[int(one.get("ResID_Value", ""))]
        return Response("<ok/>")

    httpserver.expect_request(QUEUES[0], method="GET").respond_with_handler(waiting)
    httpserver.expect_request(QUEUES[0], method="POST").respond_with_handler(acknowledged)
    httpserver.expect_request(QUEUES[1]).respond_with_data(f'<OTA_HotelResModifyNotifRQ xmlns="{namespace}"/>')


def test_a_late_poll_leaves_in_the_queue_what_was_booked_after_its_moment_and_the_next_one_stores_it(
    polling: Polling, httpserver: HTTPServer
) -> None:
    early, late = AS_OF + timedelta(minutes=48), AS_OF + timedelta(hours=2)
    queue = {1: AS_OF - timedelta(hours=1), 2: early, 3: late}
    serve_queue(httpserver, queue)

    def poll_at(as_of: datetime) -> poll.PollResult:
        return poll.run(polling.services, polling.tenant_id, polling.connection_id, "reservations", as_of)

    first = poll_at(AS_OF)
    assert (first.stored, first.rejected, set(queue)) == (2, 1, {3})
    second = poll_at(AS_OF + timedelta(hours=3))
    assert (second.stored, second.rejected, set(queue)) == (1, 0, set())
    stored = polling.rows("SELECT external_id, count(*) FROM bookings GROUP BY 1 ORDER BY 1")
    assert stored == [("1", 1), ("2", 1), ("3", 1)]
