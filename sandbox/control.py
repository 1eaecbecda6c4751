"""The control port: truth, driver, faults and clock, behind a token that the worker never gets."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request

from sandbox import oracle
from sandbox.clock import SimulatedClock
from sandbox.driver import Driver, Order
from sandbox.faults import FaultBoard, FaultError
from sandbox.world import World

SECRET_LETTERS = 32
"""A shorter one could be guessed from a token that it signed."""


class BadSetting(ValueError):
    """A setting that cannot be; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What the control port can reach."""

    world: World
    clock: SimulatedClock
    driver: Driver
    faults: FaultBoard
    token: str


def create_control_app(controls: Controls) -> Flask:
    """The application of the control port."""
    app = Flask("sandbox.control")
    app.register_blueprint(_blueprint(controls))

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify({"status": "ok"})

    @app.errorhandler(BadSetting)
    @app.errorhandler(FaultError)
    def bad_setting(error: Exception) -> tuple[Response, int]:
        return jsonify({"error": str(error)}), 400

    return app


def _blueprint(controls: Controls) -> Blueprint:
    api = Blueprint("control", __name__)

    @api.before_request
    def authorize() -> tuple[Response, int] | None:
        given = request.headers.get("Authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {controls.token}".encode()):
            return None
        return jsonify({"error": "the control token is required"}), 401

    @api.get("/truth")
    def truth() -> Response:
        return jsonify(_truth(controls.world))

    @api.get("/control/status")
    def status() -> Response:
        now = controls.clock.now().isoformat(timespec="seconds")
        return jsonify(controls.driver.status().as_json() | {"now": now})

    @api.post("/control/drive")
    def drive() -> tuple[Response, int]:
        if not controls.driver.start(_order(_body(), controls.world.live_days)):
            return jsonify({"error": "a drive is under way"}), 409
        return jsonify(controls.driver.status().as_json()), 202

    @api.post("/control/stop")
    def stop() -> Response:
        controls.driver.stop()
        return jsonify(controls.driver.status().as_json())

    @api.post("/control/faults")
    def faults() -> Response:
        fault = controls.faults.set(_body())
        return jsonify({"name": fault.name if fault else "none", "times": fault.times if fault else 0})

    @api.post("/control/clock")
    def clock() -> Response:
        controls.clock.step_to(_moment(_body()))
        return jsonify({"now": controls.clock.now().isoformat(timespec="seconds")})

    return api


def _truth(world: World) -> dict[str, Any]:
    return {
        "t0": world.t0.isoformat(), "currency": world.currency, "incidents": world.incidents(),
        "not_started": list(world.too_late), "oracle": oracle.STATEMENT, "listings": world.listing_table(),
    }  # fmt: skip


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadSetting("the body must be a JSON object")
    return body


def _moment(body: dict[str, Any]) -> datetime:
    try:
        moment_at = datetime.fromisoformat(str(body.get("now")))
    except ValueError:
        raise BadSetting("now must be an ISO 8601 moment") from None
    if moment_at.tzinfo is None:
        raise BadSetting("now must carry its zone")
    return moment_at


def _order(body: dict[str, Any], live_days: int) -> Order:
    unknown = sorted(set(body) - {"poll_url", "score_url", "webhook_secret", "days"})
    if unknown:
        raise BadSetting(f"unknown field {unknown[0]!r}")
    for name in ("poll_url", "score_url"):
        if not str(body.get(name, "")).startswith(("http://", "https://")):
            raise BadSetting(f"{name} must be an http or https address")
    secret = body.get("webhook_secret")
    if not isinstance(secret, str) or len(secret) < SECRET_LETTERS:
        raise BadSetting(f"webhook_secret must be a text of {SECRET_LETTERS} letters or more")
    days = body.get("days")
    days = live_days if days is None else days
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= live_days:
        raise BadSetting(f"days must be a whole number from 1 to {live_days}")
    return Order(poll_url=body["poll_url"], score_url=body["score_url"], webhook_secret=secret, days=days)
