"""Booking.com's Connectivity APIs, written from its public documents.

Documented (developers.booking.com/connectivity, read 2026-11-21):
- token-based-authentication: POST ``exchange`` with client_id and client_secret gives ``jwt`` and ``ruid``; a token
  lives one hour, 30 an hour may be created; calls carry it as Bearer.
- reservations-api (OTA): GET ``OTA_HotelResNotif`` lists what is not acknowledged, optionally by ``hotel_ids``; POST
  ``OTA_HotelResNotifRS`` naming ``HotelReservationID/@ResID_Value`` acknowledges; the same pair on
  ``OTA_HotelResModifyNotif``. Root attributes, RoomStay's parts, amounts in minor units with ``DecimalPlaces``, and the
  stay as one ``RoomRate/@EffectiveDate`` per night are from the API reference.
- property-health-api: POST for property ids, read-only.
Assumed: the path prefixes on one host; the fields inside a health answer; ``ResStatus`` values ``Modify``/``Cancel``;
the figures of the general rate limit (n/f; settable); the read of availability and rates (none
is documented; marked in header and body); the extranet reports' columns. Not simulated: guests' contact data, cards,
the e-mail fallback after 30 minutes, the ``ota_res_response_token`` feature. Of the Property Scores API (GET
``property-scores/summary?property_ids=``) the review score is served; its field names, and scores by room, are assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from flask import Blueprint, Response, current_app, g, jsonify, request
from limits import RateLimitItem

from sandbox.clock import SimulatedClock
from sandbox.faults import Fault, FaultPlan, early_answer, spoil
from sandbox.vendors import booking_com_reports as reports
from sandbox.vendors import booking_com_xml as xml
from sandbox.vendors.booking_com_auth import EXCHANGES, Tokens, Window
from sandbox.vendors.booking_com_queue import ReservationQueues
from sandbox.world import World

CHANNEL = "booking_com"
OPERATIONS = (
    "token", "reservations", "modifications", "health", "ari", "performance", "reservations_report", "reviews",
    "content",
)  # fmt: skip
_QUEUES = {
    "OTA_HotelResNotif": ("new", "reservations"),
    "OTA_HotelResModifyNotif": ("modified", "modifications"),
}
_MAX_RANGE_DAYS = 1100


class BadRequest(Exception):
    """A request that cannot be served; the message names the field."""


class BookingCom:
    """The counterpart's state: clock, tokens, windows, queues."""

    def __init__(self, world: World, clock: SimulatedClock, faults: FaultPlan, limit: RateLimitItem | None) -> None:
        self.world = world
        self.clock = clock
        self.faults = faults
        self.limit = limit
        self.tokens = Tokens(clock)
        self.window = Window(clock)
        self.queues = ReservationQueues(world)
        self.zones = world.zones(CHANNEL)


def blueprint(world: World, clock: SimulatedClock, faults: FaultPlan, limit: RateLimitItem | None) -> Blueprint:
    """The blueprint under /booking_com; an endpoint's name is its operation."""
    vendor = BookingCom(world, clock, faults, limit)
    api = Blueprint("booking_com", __name__, url_prefix="/booking_com")
    api.before_request(lambda: _guard(vendor))
    api.after_request(_spoil)
    api.register_error_handler(BadRequest, _bad_request)
    routes: tuple[tuple[str, str, Callable[[BookingCom], Response], str], ...] = (
        ("POST", "/token-based-authentication/exchange", _exchange, "token"),
        ("GET", "/hotels/ota/OTA_HotelResNotif", _queue, "reservations"),
        ("POST", "/hotels/ota/OTA_HotelResNotif", _acknowledge, "reservations_ack"),
        ("GET", "/hotels/ota/OTA_HotelResModifyNotif", _queue, "modifications"),
        ("POST", "/hotels/ota/OTA_HotelResModifyNotif", _acknowledge, "modifications_ack"),
        ("POST", "/property-health-api/properties/health", _health, "health"),
        ("GET", "/assumed/ari", _ari, "ari"),
        ("GET", "/property-scores/summary", _reviews, "reviews"),
        ("GET", "/assumed/content", _content, "content"),
        ("GET", "/extranet/reports/performance.csv", _performance, "performance"),
        ("GET", "/extranet/reports/reservations.csv", _reservations_report, "reservations_report"),
    )
    for method, path, view, name in routes:
        api.add_url_rule(path, name, lambda view=view: view(vendor), methods=[method])
    return api


def _guard(vendor: BookingCom) -> Response | None:
    """Fault by setting, token, rate limit: in that order, before any operation."""
    operation = (request.endpoint or "").removeprefix("booking_com.").removesuffix("_ack")
    fault = vendor.faults.take(operation)
    if fault:
        g.fault = fault
        answer = early_answer(fault)
        if answer is not None:
            return answer
    if operation == "token":
        return None
    problem = vendor.tokens.problem(request.headers.get("Authorization", ""))
    if problem:
        return _json({"errors": [{"code": "UNAUTHORIZED", "message": problem}]}, 401)
    if vendor.limit and not vendor.window.hit(vendor.limit, operation):
        return _too_many(vendor.window.retry_after_s(vendor.limit, operation))
    return None


def _spoil(response: Response) -> Response:
    fault: Fault | None = g.get("fault")
    if fault and fault.name in ("cut_body", "malformed"):
        return spoil(fault, response)
    return response


def _bad_request(error: Exception) -> Response:
    return _json({"errors": [{"code": "BAD_REQUEST", "message": str(error)}]}, 400)


def _too_many(retry_after_s: int) -> Response:
    response = _json({"errors": [{"code": "RATE_LIMITED", "message": "too many requests"}]}, 429)
    response.headers["Retry-After"] = str(retry_after_s)
    return response


def _json(body: object, status: int) -> Response:
    response = jsonify(body)
    response.status_code = status
    return response


def _exchange(vendor: BookingCom) -> Response:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest("a JSON body with client_id and client_secret is required")
    token = vendor.tokens.issue(str(body.get("client_id", "")), str(body.get("client_secret", "")))
    if token is None:
        return _json({"errors": [{"code": "UNAUTHORIZED", "message": "unknown client_id or client_secret"}]}, 401)
    if not vendor.window.hit(EXCHANGES, "token"):
        return _too_many(vendor.window.retry_after_s(EXCHANGES, "token"))
    return _json(token, 200)


def _queue(vendor: BookingCom) -> Response:
    name = request.path.rpartition("/")[2]
    wanted = frozenset(_hotel_ids())
    unknown = sorted(wanted - set(vendor.zones))
    if unknown:
        raise BadRequest(f"hotel_ids: unknown property {unknown[0]}")
    now = vendor.clock.now()
    entries = vendor.queues.waiting(_QUEUES[name][0], now, wanted)
    return Response(xml.reservations(f"{name}RQ", entries, now), mimetype="application/xml")


def _acknowledge(vendor: BookingCom) -> Response:
    name = request.path.rpartition("/")[2]
    now = vendor.clock.now()
    try:
        ids = xml.read_acknowledgement(request.get_data(), f"{name}RS")
    except xml.MalformedRequest as error:
        return Response(xml.errors(f"{name}RS", [str(error)], now), status=400, mimetype="application/xml")
    unknown = vendor.queues.acknowledge(_QUEUES[name][0], ids, now)
    if unknown:
        messages = [f"reservation {reservation_id} is not in the queue" for reservation_id in unknown]
        return Response(xml.errors(f"{name}RS", messages, now), status=400, mimetype="application/xml")
    return Response(xml.acknowledged(f"{name}RS", now), mimetype="application/xml")


def _health(vendor: BookingCom) -> Response:
    body = request.get_json(silent=True)
    ids = body.get("property_ids") if isinstance(body, dict) else None
    if not isinstance(ids, list) or not ids or not all(isinstance(item, str) for item in ids):
        raise BadRequest("property_ids must be a list of property ids")
    found = [_property_health(vendor, item) for item in ids if item in vendor.zones]
    missing = [item for item in ids if item not in vendor.zones]
    return _json({"data": {"properties": found}, "meta": {"not_returned": missing}}, 200)


def _property_health(vendor: BookingCom, property_id: str) -> dict[str, object]:
    """A property is as bad as its best room: it is closed only if nothing of it can be booked."""
    local_day = vendor.clock.now().astimezone(vendor.zones[property_id]).date()
    rows = vendor.world.health(CHANNEL, property_id, _live(vendor, local_day))
    best = min(rows, key=lambda row: ("bookable", "closed", "suspended").index(row.status))
    return {
        "property_id": property_id, "status": best.status, "status_changed_at": best.changed_at.isoformat(),
        "rooms": [
            {
                "room_id": row.room_id, "status": row.status, "detail": row.detail,
                "status_changed_at": row.changed_at.isoformat(),
            }
            for row in rows
        ],
    }  # fmt: skip


def _reviews(vendor: BookingCom) -> Response:
    return _rooms(vendor, "property_ids", lambda property_id, day: [
        {"room_id": row.room_id, "review_score": row.score_10, "review_count": row.count}
        for row in vendor.world.reviews(CHANNEL, property_id, day)
    ])  # fmt: skip


def _content(vendor: BookingCom) -> Response:
    return _rooms(vendor, "hotel_ids", lambda property_id, day: [
        {"room_id": row.room_id, "amenities": list(row.amenities), "rate_plans": list(row.rate_plans)}
        for row in vendor.world.content(CHANNEL, property_id, day)
    ])  # fmt: skip


def _rooms(vendor: BookingCom, parameter: str, tell: Callable[[str, date], list[dict[str, object]]]) -> Response:
    """The rooms of each property asked for; one that is not ours is left out."""
    wanted = list(dict.fromkeys(_ids(parameter)))
    if not wanted:
        raise BadRequest(f"{parameter} is required")
    now = vendor.clock.now()
    found = [
        {"property_id": one, "rooms": tell(one, _live(vendor, now.astimezone(vendor.zones[one]).date()))}
        for one in wanted
        if one in vendor.zones
    ]
    response = _json({"data": {"properties": found}}, 200)
    response.headers["X-Sandbox-Assumption"] = "true"
    return response


def _ari(vendor: BookingCom) -> Response:
    """What is known of each property asked for; one that is not ours is named in a warning and holds up no other."""
    wanted = list(dict.fromkeys(_hotel_ids()))
    known = [property_id for property_id in wanted if property_id in vendor.zones]
    if not known:
        raise BadRequest(f"hotel_ids: unknown property {wanted[0]}" if wanted else "hotel_ids is required")
    first, last = _range()
    now = vendor.clock.now()
    blocks = [
        xml.AriBlock(
            property_id,
            vendor.world.ari(
                CHANNEL, property_id, _live(vendor, now.astimezone(vendor.zones[property_id]).date()), first, last
            ),
        )
        for property_id in known
    ]
    missing = [property_id for property_id in wanted if property_id not in vendor.zones]
    response = Response(xml.ari(blocks, missing), mimetype="application/xml")
    response.headers["X-Sandbox-Assumption"] = "true"
    return response


def _hotel_ids() -> list[str]:
    return _ids("hotel_ids")


def _ids(parameter: str) -> list[str]:
    return [part.strip() for part in request.args.get(parameter, "").split(",") if part.strip()]


def _performance(vendor: BookingCom) -> Response:
    first, last = _range()
    return _report(reports.performance_csv(vendor.world, vendor.zones, first, last, vendor.clock.now()))


def _reservations_report(vendor: BookingCom) -> Response:
    first, last = _range()
    return _report(reports.reservations_csv(vendor.world, vendor.zones, first, last, vendor.clock.now()))


def _report(text: str) -> Response:
    response = current_app.response_class(text, mimetype="text/csv")
    response.headers["X-Sandbox-Assumption"] = "true"
    return response


def _range() -> tuple[date, date]:
    days = []
    for name in ("from", "to"):
        try:
            days.append(date.fromisoformat(request.args.get(name, "")))
        except ValueError:
            raise BadRequest(f"{name} must be a date, YYYY-MM-DD") from None
    if days[1] < days[0]:
        raise BadRequest("to must not be before from")
    if days[1] - days[0] > timedelta(days=_MAX_RANGE_DAYS):
        raise BadRequest(f"from and to span more than {_MAX_RANGE_DAYS} days")
    return days[0], days[1]


def _live(vendor: BookingCom, day: date) -> date:
    """The world knows the channel's state from its first day to its last live day."""
    world = vendor.world
    return max(world.t0 - timedelta(days=1), min(day, world.t0 + timedelta(days=world.live_days - 1)))
