"""Airbnb for partners, by our assumption, and the public iCal feed.

Airbnb's API is open to partners only and its documents are not public: every path, field and limit under
``/airbnb/assumed/v1`` is ours, answered with ``X-Sandbox-Assumption: true``. Known from the public: a host consents by
OAuth (help pages; ``airbnb_auth.py``), what partner APIs are seen to hold (listings, prices, rules, reservations) and
that they hold no views or impressions, and how the exported calendar looks (``airbnb_ical.py``).
Not simulated: messages, payouts, guests' contact data, writing anything.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from flask import Blueprint, Response, g, jsonify, request
from limits import RateLimitItem

from sandbox.clock import SimulatedClock
from sandbox.faults import Fault, FaultPlan, early_answer, spoil
from sandbox.vendors import airbnb_bodies as bodies
from sandbox.vendors import airbnb_consent, airbnb_ical
from sandbox.vendors.airbnb_auth import Grants
from sandbox.vendors.airbnb_bodies import CHANNEL, BadRequest, State
from sandbox.vendors.booking_com_auth import Window
from sandbox.world import World

OPERATIONS = ("authorize", "token", "reservations", "calendars", "listings", "review_summaries", "ical")
TEMPLATES = Path(__file__).parents[1] / "templates"
_OPEN = ("authorize", "decide", "token", "ical")
_MAX_RANGE_DAYS = 1100


def blueprint(world: World, clock: SimulatedClock, faults: FaultPlan, limit: RateLimitItem | None) -> Blueprint:
    """The blueprint under /airbnb; an endpoint's name is its operation."""
    api = Blueprint("airbnb", __name__, url_prefix="/airbnb", template_folder=str(TEMPLATES))
    state, grants, window = State(world, clock), Grants(clock), Window(clock)
    api.before_request(lambda: _guard(grants, faults, window, limit))
    api.after_request(_finish)
    api.register_error_handler(BadRequest, _bad_request)
    routes: tuple[tuple[str, str, str, Callable[..., Response]], ...] = (
        ("GET", "/oauth2/authorize", "authorize", lambda: airbnb_consent.page(clock)),
        ("POST", "/oauth2/authorize", "decide", lambda: airbnb_consent.decide(grants)),
        ("POST", "/oauth2/token", "token", lambda: airbnb_consent.token(grants)),
        ("GET", "/assumed/v1/reservations", "reservations", lambda: _reservations(state)),
        ("GET", "/assumed/v1/calendars", "calendars", lambda: _calendars(state)),
        ("GET", "/assumed/v1/listings", "listings", lambda: _listings(state)),
        ("GET", "/assumed/v1/review_summaries", "review_summaries", lambda: _reviews(state)),
        ("GET", "/assumed/v1/calendar_links", "calendar_links", lambda: _links(state)),
        ("GET", "/calendar/ical/<listing_id>.ics", "ical", lambda listing_id: _ical(state, listing_id)),
    )
    for method, path, name, view in routes:
        api.add_url_rule(path, name, view, methods=[method])
    return api


def _guard(grants: Grants, faults: FaultPlan, window: Window, limit: RateLimitItem | None) -> Response | None:
    """Fault by setting, token, rate limit: in that order, before any operation."""
    operation = (request.endpoint or "").removeprefix("airbnb.")
    fault = faults.take(operation)
    if fault:
        g.fault = fault
        answer = early_answer(fault)
        if answer is not None:
            return answer
    problem = None if operation in _OPEN else grants.problem(request.headers.get("Authorization", ""))
    if problem:
        return _error("unauthorized", problem, 401)
    if limit and not window.hit(limit, CHANNEL, operation):
        refused = _error("rate_limited", "too many requests", 429)
        refused.headers["Retry-After"] = str(window.retry_after_s(limit, CHANNEL, operation))
        return refused
    return None


def _finish(response: Response) -> Response:
    if request.path.startswith("/airbnb/assumed/"):
        response.headers["X-Sandbox-Assumption"] = "true"
    fault: Fault | None = g.get("fault")
    if fault and fault.name in ("cut_body", "malformed"):
        return spoil(fault, response)
    return response


def _bad_request(error: Exception) -> Response:
    return _error("bad_request", str(error), 400)


def _error(code: str, message: str, status: int) -> Response:
    response = jsonify({"error": code, "error_description": message})
    response.status_code = status
    return response


def _reservations(state: State) -> Response:
    """Changed after a moment, or booked between two days; oldest change first, page by page."""
    if "updated_after" in request.args:
        rows = state.changed_after(_moment("updated_after"))
    else:
        rows = state.booked(_day("booked_from"), _day("booked_to"))
    page, cursor = bodies.page_of(rows, request.args)
    return jsonify({"reservations": [bodies.reservation(row) for row in page], "next_cursor": cursor})


def _calendars(state: State) -> Response:
    first, last = _day("from"), _day("to")
    if not 0 <= (last - first).days <= _MAX_RANGE_DAYS:
        raise BadRequest(f"from and to must span 1 to {_MAX_RANGE_DAYS} days")
    return jsonify({"calendars": [bodies.calendar(state.nights(one, first, last)) for one in state.wanted()]})


def _listings(state: State) -> Response:
    fields = request.args.get("fields", "status")
    if fields not in ("status", "content"):
        raise BadRequest("fields must be status or content")
    page, cursor = bodies.page_of(state.listing_ids(), request.args)
    tell = state.status if fields == "status" else state.content
    return jsonify({"listings": [tell(one) for one in page], "next_cursor": cursor})


def _reviews(state: State) -> Response:
    return jsonify({"summaries": [state.reviews(one) for one in state.wanted()]})


def _links(state: State) -> Response:
    """What a host would copy from each listing's calendar page, one link by one."""
    base = request.host_url.rstrip("/") + "/airbnb"
    links = {one: f"{base}/calendar/ical/{one}.ics?s={airbnb_ical.secret(one)}" for one in state.listing_ids()}
    return jsonify({"links": links})


def _ical(state: State, listing_id: str) -> Response:
    if request.args.get("s") != airbnb_ical.secret(listing_id) or listing_id not in state.zones:
        return Response("Not Found", 404, mimetype="text/plain")
    today, now = state.today(listing_id), state.clock.now()
    fault: Fault | None = g.get("fault")
    if fault and fault.name == "empty_feed":
        return Response(airbnb_ical.empty(), mimetype="text/calendar")
    nights = state.nights(listing_id, today, today + timedelta(days=airbnb_ical.BOOKING_WINDOW_NIGHTS - 1))
    text = airbnb_ical.feed(listing_id, today, state.standing(listing_id), nights, now)
    return Response(text, mimetype="text/calendar")


def _day(name: str) -> date:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        raise BadRequest(f"{name} must be a date, YYYY-MM-DD") from None


def _moment(name: str) -> datetime:
    try:
        found = datetime.fromisoformat(request.args.get(name, ""))
    except ValueError:
        raise BadRequest(f"{name} must be an ISO 8601 moment") from None
    if found.tzinfo is None:
        raise BadRequest(f"{name} must carry its zone")
    return found
