"""Idempotency-Key on every POST: the database holds the claim and the answer, in one transaction with each other."""

from __future__ import annotations

from contextlib import ExitStack

from flask import Response, current_app, g, jsonify, request
from flask_openapi.openapi import OpenAPI

from python_nodes import auth, clock
from python_nodes.errors import PermanentError
from python_nodes.steps.services import Services
from python_nodes.store import idempotency

MAX_KEY_LENGTH = 200
FIRST_ERROR = 300


def install(app: OpenAPI) -> None:
    """Answer a repeated POST with what it was answered first."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_abandon)


def _begin() -> Response | None:
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or request.url_rule is None or key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise PermanentError(
            f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} characters", status=422, field="Idempotency-Key"
        )
    services: Services = current_app.extensions["nightporter"]
    stack = ExitStack()
    # Held open until the answer is written: who comes with the same key meanwhile waits for it, and if this process
    # dies the claim goes with it.
    conn = stack.enter_context(services.database.tenant(auth.caller().tenant_id))
    g.idempotency = (stack, conn, request.path, key)
    first = idempotency.begin(conn, request.path, key, request.get_data(cache=True), clock.now())
    if first is None:
        return None
    _close()
    answer = jsonify(first.body)
    answer.status_code = first.status
    answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _finish(answer: Response) -> Response:
    held = g.get("idempotency")
    # Only what succeeded is an answer for good; after an error the same key may try again.
    if held is not None and answer.status_code < FIRST_ERROR and isinstance(answer.get_json(silent=True), dict):
        _, conn, endpoint, key = held
        idempotency.finish(conn, endpoint, key, answer.status_code, answer.get_json())
        _close()
    return answer


def _close() -> None:
    stack, *_ = g.pop("idempotency")
    stack.close()


def _abandon(error: BaseException | None) -> None:
    held = g.pop("idempotency", None)
    if held is not None:
        stack, conn, *_ = held
        conn.rollback()
        stack.close()
