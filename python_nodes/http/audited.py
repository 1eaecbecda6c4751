"""One entry in the audit log for each change by HTTP: with the change where it has a transaction, else after it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Response, current_app, g, request
from flask_openapi.openapi import OpenAPI
from sqlalchemy.exc import SQLAlchemyError

from python_nodes import auth, clock, log
from python_nodes.http.problems import problem
from python_nodes.steps.services import Services
from python_nodes.store import audit
from python_nodes.store.audit import Entry

FIRST_ERROR = 400
TOO_MANY = 429
FIRST_FAULT = 500
FIRST_OTHER = 300
ID = re.compile(r"^(id|[a-z_]+_ids?)$")
MOST_IDS = 20
LARGE = 65_536


def install(app: OpenAPI) -> None:
    """Note every change; installed after what keeps answers by their Idempotency-Key, whose transaction it uses."""
    app.after_request(_note)


def _note(answer: Response) -> Response:
    found: auth.Caller | None = g.get("caller")
    person, about = audit.about()
    # A server's thread answers one request after another.
    audit.forget()
    if request.method in auth.SAFE or request.url_rule is None or found is None:
        return answer
    if "Idempotency-Replayed" in answer.headers or answer.status_code == TOO_MANY:
        return answer
    if found.via in _SIGNED and answer.status_code >= FIRST_ERROR:
        # Anybody may send it, and nothing was changed: forgeries must not fill the log.
        return answer
    entry, held = _entry(found, answer, person, about), g.get("idempotency")
    services: Services = current_app.extensions["nightporter"]
    try:
        if held is not None and answer.status_code < FIRST_OTHER:
            audit.record(held[1], entry)
        else:
            with services.database.tenant(found.tenant_id) as conn:
                audit.record(conn, entry)
    except SQLAlchemyError as error:
        log.get("audit").error("not_noted", action=entry.action, reason=type(error).__name__)
        if answer.status_code < FIRST_ERROR:
            return problem(503, "It could not be noted in the audit log; ask again, with the same Idempotency-Key.")
    return answer


_SIGNED = frozenset(auth.VIA.values())


def _entry(found: auth.Caller, answer: Response, person: str, told: Mapping[str, Any]) -> Entry:
    who = f"{found.who}: {person}" if person else found.who
    outcome = "done"
    if answer.status_code >= FIRST_ERROR:
        outcome = "failed" if answer.status_code >= FIRST_FAULT else "refused"
    rule = request.url_rule.rule if request.url_rule else ""
    objects: dict[str, Any] = {**(request.view_args or {}), **_ids(_body()), **_ids(_answered(answer)), **told}
    if outcome != "done":
        objects["status"] = answer.status_code
    return Entry(
        at=clock.now(), via=found.via, actor=who, action=f"{request.method} {rule}", objects=objects, outcome=outcome,
        run_id=str(g.get("run_id", "")),
    )  # fmt: skip


def _body() -> Any:
    # A payload as a vendor sent it may be large, and has no ids of ours.
    is_small = (request.content_length or LARGE) < LARGE
    return request.get_json(silent=True) if request.is_json and is_small else None


def _answered(answer: Response) -> Any:
    is_small = (answer.content_length or LARGE) < LARGE
    return answer.get_json(silent=True) if answer.is_json and is_small else None


def _ids(told: Any) -> dict[str, Any]:
    """Take ids out of a JSON object, and nothing that anybody wrote."""
    if not isinstance(told, dict):
        return {}
    found: dict[str, Any] = {}
    for name, value in told.items():
        if not ID.fullmatch(name):
            continue
        if _is_id(value):
            found[name] = value
        elif isinstance(value, list) and value and all(_is_id(one) for one in value[:MOST_IDS]):
            found[name] = value[:MOST_IDS] if len(value) <= MOST_IDS else [*value[:MOST_IDS], f"of {len(value)}"]
    return found


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
