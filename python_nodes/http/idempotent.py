"""Idempotency-Key on every POST: the database holds the claim and the answer, in one transaction with each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from flask import Response, current_app, g, jsonify, request
from flask_openapi.openapi import OpenAPI
from sqlalchemy import Connection

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


@contextmanager
def transaction() -> Iterator[Connection]:
    """Yield the transaction that holds the request's key, so that what is done and that it was done are one; or a new.

    What it changes stands once the answer is written.
    """
    held = g.get("idempotency")
    if held is not None:
        yield held[1]
        return
    services: Services = current_app.extensions["nightporter"]
    with services.database.tenant(auth.caller().tenant_id) as conn:
        yield conn


def afterwards(then: Callable[[], None]) -> None:
    """Do something once what the request changed stands: others see nothing of it before."""
    if g.get("idempotency") is None:
        then()
    else:
        g.afterwards = [*g.get("afterwards", []), then]


def tell_once(*fields: str) -> None:
    """Leave secrets out of the answer that is kept: whoever asks again is not told them."""
    g.told_once = fields


def _begin() -> Response | None:
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or request.url_rule is None or key is None or g.get("caller") is None:
        # Who logs in is nobody yet.
        return None
    if g.get("is_signed"):
        # Nor is who signs, until the endpoint has looked; what is signed says by itself whether it came before.
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
        once = g.get("told_once", ())
        kept = {name: value for name, value in answer.get_json().items() if name not in once}
        idempotency.finish(conn, endpoint, key, answer.status_code, kept)
        _close()
        for then in g.pop("afterwards", []):
            then()
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
