"""The simulated Booking.com over real HTTP."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from typing import Any

import httpx2
import pytest
from lxml import etree

BASE = "/booking_com"
QUEUE = f"{BASE}/hotels/ota/OTA_HotelResNotif"
MODIFIED = f"{BASE}/hotels/ota/OTA_HotelResModifyNotif"
REPORTS = f"{BASE}/extranet/reports"
HEALTH = f"{BASE}/property-health-api/properties/health"


@pytest.fixture
def api(sandbox: Any, t0: str) -> httpx2.Client:
    """The public client with a token that is good at t0's noon."""
    client: httpx2.Client = sandbox.public
    client.headers["Authorization"] = f"Bearer {sandbox.token()}"
    return client


def ids_of(content: bytes) -> list[str]:
    return [str(item.get("ResID_Value")) for item in etree.fromstring(content).iter("{*}HotelReservationID")]


def acknowledge(api: httpx2.Client, path: str, ids: list[str]) -> httpx2.Response:
    name = path.rpartition("/")[2]
    found = "".join(f'<HotelReservationID ResID_Value="{item}"/>' for item in ids)
    body = (
        f'<{name}RS xmlns="http://www.opentravel.org/OTA/2003/05"><Success/><HotelReservations><HotelReservation>'
        f"<ResGlobalInfo><HotelReservationIDs>{found}</HotelReservationIDs></ResGlobalInfo></HotelReservation>"
        f"</HotelReservations></{name}RS>"
    )
    return api.post(path, content=body.encode())


def test_a_call_without_a_token_or_with_a_wrong_one_gets_401(api: httpx2.Client) -> None:
    assert httpx2.get(api.base_url.join(QUEUE), trust_env=False).status_code == 401
    assert api.get(QUEUE, headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_wrong_credentials_get_no_token(api: httpx2.Client) -> None:
    path = f"{BASE}/token-based-authentication/exchange"
    assert api.post(path, json={"client_id": "sandbox-client", "client_secret": "x"}).status_code == 401
    assert api.post(path, content=b"{").status_code == 400


def test_a_token_expires_an_hour_later_on_the_simulated_clock(sandbox: Any, api: httpx2.Client, t0: str) -> None:
    assert api.get(QUEUE).status_code == 200
    sandbox.step(f"{t0}T12:59:00+00:00")
    assert api.get(QUEUE).status_code == 200
    sandbox.step(f"{t0}T13:00:30+00:00")
    assert api.get(QUEUE).status_code == 401


def test_the_thirty_first_exchange_of_an_hour_is_refused_until_the_clock_moves_on(
    sandbox: Any, api: httpx2.Client, t0: str
) -> None:
    sandbox.step(f"{t0}T15:00:00+00:00")
    body = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    path = f"{BASE}/token-based-authentication/exchange"
    codes = [api.post(path, json=body).status_code for _ in range(31)]
    assert codes == [200] * 30 + [429]
    sandbox.step(f"{t0}T16:30:00+00:00")
    assert api.post(path, json=body).status_code == 200


def test_a_reservation_comes_again_until_it_is_acknowledged(api: httpx2.Client) -> None:
    first = ids_of(api.get(QUEUE).content)
    assert first
    assert ids_of(api.get(QUEUE).content) == first
    assert acknowledge(api, QUEUE, first[:1]).status_code == 200
    assert ids_of(api.get(QUEUE).content) == first[1:]


def test_the_queue_can_be_asked_by_property(api: httpx2.Client) -> None:
    root = etree.fromstring(api.get(QUEUE).content)
    hotels = sorted({str(item.get("HotelCode")) for item in root.iter("{*}BasicPropertyInfo")})
    some = etree.fromstring(api.get(QUEUE, params={"hotel_ids": hotels[0]}).content)
    assert {item.get("HotelCode") for item in some.iter("{*}BasicPropertyInfo")} == {hotels[0]}
    assert api.get(QUEUE, params={"hotel_ids": "nowhere"}).status_code == 400


def test_bad_acknowledgements_are_refused_with_the_reason(api: httpx2.Client) -> None:
    assert b"not in the queue" in acknowledge(api, QUEUE, ["0"]).content
    answer = api.post(QUEUE, content=b"<OTA_HotelResNotifRS><cut")
    assert answer.status_code == 400
    assert b"not well-formed" in answer.content


def test_nights_of_a_reservation_add_up_to_its_total(api: httpx2.Client) -> None:
    for stay in etree.fromstring(api.get(QUEUE).content).iter("{*}RoomStay"):
        nights = [int(str(item.get("AmountAfterTax"))) for item in stay.findall("{*}RoomRates//{*}Total")]
        total = stay.find("{*}Total")
        assert total is not None
        assert sum(nights) == int(str(total.get("AmountAfterTax")))
        assert total.get("DecimalPlaces") == ("0" if total.get("CurrencyCode") == "JPY" else "2")


def test_the_queue_holds_only_what_was_booked_by_now_and_grows(sandbox: Any, api: httpx2.Client, t0: str) -> None:
    root = etree.fromstring(api.get(QUEUE).content)
    stamps = [str(item.get("CreateDateTime")) for item in root.iter("{*}HotelReservation")]
    assert max(stamps) <= f"{t0}T12:05:00+00:00"
    before = len(stamps)
    sandbox.step(f"{date.fromisoformat(t0) + timedelta(days=3)}T12:00:00+00:00")
    api.headers["Authorization"] = f"Bearer {sandbox.token()}"
    assert len(ids_of(api.get(QUEUE).content)) > before


def test_cancellations_after_t0_arrive_in_the_modify_queue_only(sandbox: Any, api: httpx2.Client, t0: str) -> None:
    sandbox.step(f"{date.fromisoformat(t0) + timedelta(days=10)}T12:00:00+00:00")
    api.headers["Authorization"] = f"Bearer {sandbox.token()}"
    content = api.get(MODIFIED).content
    cancelled = ids_of(content)
    assert cancelled
    assert {item.get("ResStatus") for item in etree.fromstring(content).iter("{*}HotelReservation")} == {"Cancel"}
    start = (date.fromisoformat(t0) - timedelta(days=60)).isoformat()
    rows = report(api, "reservations", start, t0)
    known = {row["reservation_id"]: row for row in rows}
    late = [known[item] for item in cancelled if item in known]
    assert late
    assert {(row["status"], row["cancelled_at"]) for row in late} == {("ok", "")}
    assert acknowledge(api, MODIFIED, cancelled).status_code == 200
    assert ids_of(api.get(MODIFIED).content) == []


def report(api: httpx2.Client, name: str, start: str, end: str) -> list[dict[str, str]]:
    answer = api.get(f"{REPORTS}/{name}.csv", params={"from": start, "to": end})
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_performance_report_ends_with_the_propertys_yesterday(sandbox: Any, api: httpx2.Client, t0: str) -> None:
    day = date.fromisoformat(t0)
    rows = report(api, "performance", (day - timedelta(days=2)).isoformat(), (day + timedelta(days=5)).isoformat())
    assert {row["date"] for row in rows} == {(day - timedelta(days=n)).isoformat() for n in (1, 2)}
    listed = json.loads((sandbox.out_dir / "portfolio.json").read_text())["listings"]
    ours = sum(item["channel"] == "booking_com" for item in listed)
    assert len(rows) == 2 * ours > 0
    sandbox.step(f"{t0}T02:00:00+00:00")
    api.headers["Authorization"] = f"Bearer {sandbox.token()}"
    early = report(api, "performance", (day - timedelta(days=1)).isoformat(), t0)
    assert len(early) < ours, "west of Greenwich it is still the day before"


def test_history_ends_the_day_before_t0(api: httpx2.Client, t0: str) -> None:
    day = date.fromisoformat(t0)
    history = report(api, "reservations", (day - timedelta(days=60)).isoformat(), (day + timedelta(days=9)).isoformat())
    assert history
    assert not {row["reservation_id"] for row in history} & set(ids_of(api.get(QUEUE).content))


@pytest.mark.parametrize(
    ("params", "field"),
    [({"from": "2026-01-01"}, "to"), ({"from": "x", "to": "2026-01-01"}, "from"),
     ({"from": "2026-01-02", "to": "2026-01-01"}, "to")],
)  # fmt: skip
def test_a_bad_range_names_its_field(api: httpx2.Client, params: dict[str, str], field: str) -> None:
    answer = api.get(f"{REPORTS}/performance.csv", params=params)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith(field)


def test_availability_is_marked_as_an_assumption(sandbox: Any, api: httpx2.Client, t0: str) -> None:
    portfolio = json.loads((sandbox.out_dir / "portfolio.json").read_text())
    hotel = next(x["channel_property_id"] for x in portfolio["listings"] if x["channel"] == "booking_com")
    end = (date.fromisoformat(t0) + timedelta(days=6)).isoformat()
    answer = api.get(f"{BASE}/assumed/ari", params={"hotel_ids": hotel, "from": t0, "to": end})
    assert answer.headers["X-Sandbox-Assumption"] == "true"
    assert b"<!-- ASSUMPTION" in answer.content
    messages = list(etree.fromstring(answer.content).iter("AvailStatusMessage"))
    units = {u["external_id"] for u in portfolio["units"] if u["property_external_id"] == hotel}
    ours = [x for x in portfolio["listings"] if x["channel"] == "booking_com"]
    rooms = {x["external_id"] for x in ours if x["unit_external_id"] in units}
    assert {c.get("InvTypeCode") for m in messages for c in m.iter("StatusApplicationControl")} == rooms
    assert len(messages) == 7 * len(rooms)


def test_availability_of_several_properties_comes_at_once_and_names_a_stranger(
    sandbox: Any, api: httpx2.Client, t0: str
) -> None:
    portfolio = json.loads((sandbox.out_dir / "portfolio.json").read_text())
    hotels = [one["external_id"] for one in portfolio["properties"][:2]]
    asked = ",".join([*hotels, "nowhere"])
    answer = api.get(f"{BASE}/assumed/ari", params={"hotel_ids": asked, "from": t0, "to": t0})
    root = etree.fromstring(answer.content)
    assert [block.get("HotelCode") for block in root.iter("AvailStatusMessages")] == hotels
    assert [one.get("ShortText") for one in root.iter("Warning")] == ["unknown property nowhere"]
    for wrong in ("nowhere", ""):
        answer = api.get(f"{BASE}/assumed/ari", params={"hotel_ids": wrong, "from": t0, "to": t0})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"].startswith("hotel_ids")


def test_health_tells_each_room_and_names_what_it_cannot_return(sandbox: Any, api: httpx2.Client) -> None:
    hotel = json.loads((sandbox.out_dir / "portfolio.json").read_text())["properties"][0]["external_id"]
    body = api.post(HEALTH, json={"property_ids": [hotel, "nowhere"]}).json()
    assert [item["property_id"] for item in body["data"]["properties"]] == [hotel]
    assert body["data"]["properties"][0]["rooms"]
    assert body["meta"]["not_returned"] == ["nowhere"]
    assert api.post(HEALTH, json={"property_ids": "all"}).status_code == 400


@pytest.mark.parametrize(
    ("name", "status", "retry_after"),
    [("unauthorized", 401, None), ("rate_limited", 429, "2"), ("rate_limited_no_header", 429, None),
     ("server_error", 500, None)],
)  # fmt: skip
def test_status_faults_strike_as_often_as_set(
    sandbox: Any, api: httpx2.Client, name: str, status: int, retry_after: str | None
) -> None:
    sandbox.fault(name=name, operation="reservations", times=2)
    answers = [api.get(QUEUE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].headers.get("Retry-After") == retry_after


def test_a_fault_of_one_operation_leaves_the_others_alone(sandbox: Any, api: httpx2.Client) -> None:
    sandbox.fault(name="server_error", operation="health", times=1)
    assert api.get(QUEUE).status_code == 200
    assert api.post(HEALTH, json={"property_ids": ["x"]}).status_code == 500


def test_a_timeout_outlasts_the_clients_patience(sandbox: Any, api: httpx2.Client) -> None:
    sandbox.fault(name="timeout", delay_s=3)
    with pytest.raises(httpx2.ReadTimeout):
        api.get(QUEUE, timeout=0.5)


def test_a_cut_body_is_shorter_than_it_declares(sandbox: Any, api: httpx2.Client) -> None:
    sandbox.fault(name="cut_body")
    with pytest.raises(httpx2.RemoteProtocolError):
        api.get(QUEUE)


def test_a_malformed_body_arrives_whole_and_does_not_parse(sandbox: Any, api: httpx2.Client) -> None:
    sandbox.fault(name="malformed")
    answer = api.get(QUEUE)
    assert answer.status_code == 200
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(answer.content)
