"""Expedia Group's Lodging Supply GraphQL API and EQC PARR, for Expedia and Vrbo, written from public documents.

Documented (developers.expediagroup.com/supply/lodging, read 2026-11-21):
- OAuth2: POST /identity/oauth2/v3/token with Basic client id and secret and ``grant_type=client_credentials`` gives
  ``access_token``, ``token_type``, ``expires_in`` (half an hour); at most 100 in five minutes (second-hand).
- GraphQL: POST /supply/lodging/graphql; the schema is Expedia Group's own (Apache-2.0). 401 has no body. An error of
  the request has status 400, one of execution status 200 with what could be found beside it; beyond a capability's
  limit the error is RATE_LIMIT_EXCEEDED with status 200. Reservations: filters intersect, 465 days back by booking
  date, in order of creation, pages by cursor. Reviews: averages per property and brand. Property status: checkpoints.
- EQC PARR (expediaconnectivity.com, older copies): POST /eqc/parr, account in an element, error codes, at most 31 days
  an answer (365 for one rate plan) without a word about the rest, one call per hotel at a time.
Assumed: both on one host; which checkpoint fails when something is closed or suspended, and that it was evaluated when
it changed; PARR for Vrbo, its status 200 for errors, and its element ``Fees``; scores out of 10; units read by Vrbo's
ids; the largest page. Not simulated: mutations, amounts per night, taxes, compensation, guests' contact data, messages.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import threading
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, g, request
from limits import RateLimitItem, parse

from sandbox.clock import SimulatedClock
from sandbox.faults import Fault, FaultPlan, early_answer, spoil
from sandbox.vendors import expedia_group_graphql as graphql
from sandbox.vendors import expedia_group_parr as parr
from sandbox.vendors.booking_com_auth import Window
from sandbox.vendors.expedia_group_property import CHANNELS, Properties
from sandbox.vendors.expedia_group_table import dumps
from sandbox.world import World

OPERATIONS = ("token", "reservations", "reviews", "content", "health", "ari")
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"
TOKEN_LIFE = timedelta(minutes=30)
EXCHANGES = parse("100/5 minute")


class ExpediaGroup:
    """The counterpart's state: clock, tokens, windows, one lock a hotel."""

    def __init__(self, world: World, clock: SimulatedClock, faults: FaultPlan, limit: RateLimitItem | None) -> None:
        self.world = world
        self.clock = clock
        self.faults = faults
        self.limit = limit
        self.window = Window(clock)
        self.properties = Properties(world, clock.now)
        book = world.portfolio
        self.unit_counts = {room: int(count) for room, count in zip(book.room_id, book.unit_count, strict=True)}
        self.channel_of = {place: channel for channel in CHANNELS for place in world.property_ids(channel)}
        self.busy: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()
        self._tokens: dict[str, datetime] = {}

    def issue(self) -> str:
        """A new token; what has expired is forgotten."""
        now, token = self.clock.now(), secrets.token_urlsafe(32)
        with self._lock:
            self._tokens = {known: until for known, until in self._tokens.items() if until > now}
            self._tokens[token] = now + TOKEN_LIFE
        return token

    def knows(self, authorization: str) -> bool:
        """Whether a request's Authorization header holds a token that is alive."""
        scheme, _, token = authorization.partition(" ")
        until = self._tokens.get(token)
        return scheme.lower() == "bearer" and until is not None and until > self.clock.now()


def blueprint(world: World, clock: SimulatedClock, faults: FaultPlan, limit: RateLimitItem | None) -> Blueprint:
    """The blueprint under /expedia_group."""
    vendor = ExpediaGroup(world, clock, faults, limit)
    api = Blueprint("expedia_group", __name__, url_prefix="/expedia_group")
    api.after_request(_spoil)
    api.add_url_rule("/identity/oauth2/v3/token", "token", lambda: _token(vendor), methods=["POST"])
    api.add_url_rule("/supply/lodging/graphql", "graphql", lambda: _graphql(vendor), methods=["POST"])
    api.add_url_rule("/eqc/parr", "ari", lambda: _parr(vendor), methods=["POST"])
    return api


def _token(vendor: ExpediaGroup) -> Response:
    struck = _strike(vendor, "token")
    if struck is not None:
        return struck
    if not _is_client(request.headers.get("Authorization", "")):
        return _json({"error": "invalid_client"}, 401)
    if request.form.get("grant_type") != "client_credentials":
        return _json({"error": "unsupported_grant_type"}, 400)
    if not vendor.window.hit(EXCHANGES, "expedia_group", "token"):
        return Response(status=429)
    life_s = int(TOKEN_LIFE.total_seconds())
    return _json({"access_token": vendor.issue(), "token_type": "bearer", "expires_in": life_s}, 200)


def _graphql(vendor: ExpediaGroup) -> Response:
    asked: graphql.Request | None = None
    refused: graphql.RequestError | None = None
    try:
        asked = graphql.read_request(request.get_json(silent=True))
    except graphql.RequestError as error:
        refused = error
    struck = _strike(vendor, asked.capability if asked else "graphql")
    if struck is not None:
        return struck
    if not vendor.knows(request.headers.get("Authorization", "")):
        return Response(status=401)
    if asked is None:
        return _json({"errors": [error.formatted for error in refused.errors] if refused else []}, 400)
    if vendor.limit and not vendor.window.hit(vendor.limit, "expedia_group", asked.capability):
        return _json(_limited(asked.capability, vendor.limit, vendor), 200)
    return _json(asked.run(vendor.properties.root()), 200)


def _parr(vendor: ExpediaGroup) -> Response:
    struck = _strike(vendor, "ari")
    if struck is not None:
        return struck
    if vendor.limit and not vendor.window.hit(vendor.limit, "expedia_group", "ari"):
        return Response(status=429)
    try:
        content, status = _rates(vendor, parr.read(request.get_data())), 200
    except parr.ParrError as problem:
        content, status = parr.error(problem), 200
    response = Response(content, status=status, mimetype="text/xml")
    response.headers["X-Sandbox-Assumption"] = "true"
    return response


def _rates(vendor: ExpediaGroup, asked: parr.Asked) -> bytes:
    channel = vendor.channel_of.get(asked.hotel_id)
    if channel is None:
        raise parr.ParrError(3202, "Hotel ID not found.")
    day = vendor.properties.local_day(channel, asked.hotel_id)
    if asked.first < day - timedelta(days=1):
        raise parr.ParrError(3020, "Validation error: start date must not be before yesterday.")
    lock = vendor.busy[asked.hotel_id]
    if not lock.acquire(blocking=False):
        raise parr.ParrError(3210, "Communication error: exceed max number of connections allowed (1).")
    try:
        rows = vendor.world.ari(channel, asked.hotel_id, day, asked.first, asked.last)
        return parr.answer(asked.hotel_id, [row for row in rows if asked.wants(row)], vendor.unit_counts)
    finally:
        lock.release()


def _strike(vendor: ExpediaGroup, operation: str) -> Response | None:
    """The fault set for this operation, where it replaces the answer; else it is kept for ``_spoil``."""
    fault = vendor.faults.take(operation)
    if fault is None:
        return None
    g.fault = fault
    return early_answer(fault)


def _spoil(response: Response) -> Response:
    fault: Fault | None = g.get("fault")
    if fault and fault.name in ("cut_body", "malformed"):
        return spoil(fault, response)
    return response


def _limited(capability: str, limit: RateLimitItem, vendor: ExpediaGroup) -> dict[str, Any]:
    wait_s = vendor.window.retry_after_s(limit, "expedia_group", capability)
    error = {
        "message": f"Too many requests, please try again in {wait_s} seconds.",
        "path": ["property"],
        "extensions": {"limit": limit.amount, "duration": wait_s, "code": "RATE_LIMIT_EXCEEDED"},
    }
    return {"errors": [error], "data": {"property": None}}


def _is_client(authorization: str) -> bool:
    scheme, _, encoded = authorization.partition(" ")
    try:
        told = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(told, f"{CLIENT_ID}:{CLIENT_SECRET}".encode())


def _json(body: object, status: int) -> Response:
    """Fields in the order in which they were asked for, as GraphQL has it."""
    return Response(dumps(body), status=status, mimetype="application/json")
