"""/login and /logout: sessions of the pages, opened by the printed link or with an API key."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Response, current_app, g, make_response, redirect, render_template, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.types import ResponseDict
from pydantic import Field

from python_nodes import auth, clock, login
from python_nodes.http.bodies import Query
from python_nodes.http.problems import problem
from python_nodes.http.reply import services
from python_nodes.scopes import of_role
from python_nodes.store import apikeys

api = APIBlueprint("sessions", __name__, abp_tags=[{"name": "pages"}])
PAGE: dict[str, Any] = {"description": "An HTML page", "content": {"text/html": {"schema": {"type": "string"}}}}
HTML: ResponseDict = {200: PAGE}
SEE_OTHER = 303
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
POLICY = "default-src 'none'; style-src 'nonce-{}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
WRONG = "The login link is wrong or has expired; `nightporter login-link` prints a new one."


@api.app_context_processor
def _token_of_forms() -> dict[str, str]:
    """Give every template what its forms and requests must carry, where a session looks at it."""
    found: auth.Caller | None = g.get("caller")
    if found is None or found.session is None:
        return {"csrf_token": ""}
    secret_key = current_app.extensions["nightporter.settings"]["secret_key"]
    return {"csrf_token": login.csrf_token(secret_key, found.session.session_id)}


class LoginQuery(Query):
    """The printed link's token, and where to go on."""

    token: str = Field(default="", max_length=2000)
    next: str = Field(default="/console/alerts", pattern=r"^/(console|console/alerts|console/portfolio|docs)$")


@api.get("/login", summary="Open the pages", doc_ui=True, responses={**HTML, 302: None})
def show_login(query: LoginQuery) -> Response:
    """Exchange the link's token for a session, or ask for an API key."""
    settings = current_app.extensions["nightporter.settings"]
    if not query.token:
        return _form("")
    told = login.read_login(settings["secret_key"], query.token, settings["login_max_age_s"])
    return problem(401, WRONG) if told is None else _opened(told, query.next, 302)


@api.post("/login", summary="Open the pages with an API key", doc_ui=True, responses={**HTML, 303: None, 401: PAGE})
def log_in() -> Response:
    """Open a session that may do what the key may, and ends when the key ends."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return problem(403, "Another site sent this form.")
    with services().database.anonymous() as conn:
        key = apikeys.authenticate(conn, request.form.get("api_key", "")[:200].strip(), clock.now())
    if key is None or key.property_ids is not None:
        return _form("That key opens nothing here: it is unknown, at its end, or for some properties only.", 401)
    told = {"tenant": key.tenant_id, "key": key.key_id, "name": key.name, "role": key.role, "scopes": list(key.scopes)}
    return _opened(told, "/console/alerts", SEE_OTHER)


@api.post(
    "/logout", security=[{"session": ["read"]}], summary="End the session", doc_ui=True,
    responses={303: None},
)  # fmt: skip
def log_out() -> Response:
    """End the session for good, wherever its cookie is."""
    session = auth.caller().session
    if session is None:
        return problem(422, "Only a session can be ended; a key is revoked.")
    with services().database.tenant(session.tenant_id) as conn:
        apikeys.end_session(conn, session.session_id, session.expires_at, clock.now())
    answer = make_response(redirect("/login", SEE_OTHER))
    answer.delete_cookie(auth.COOKIE, path="/", httponly=True, samesite="Strict", secure=_is_secure())
    return answer


def _opened(told: Any, to: str, status: int) -> Response:
    settings = current_app.extensions["nightporter.settings"]
    token = login.session_token(settings["secret_key"], told, clock.now(), settings["session_max_age_s"])
    answer = make_response(redirect(to, status))
    answer.set_cookie(
        auth.COOKIE, token, max_age=settings["session_max_age_s"], httponly=True, samesite="Strict",
        secure=_is_secure(), path="/",
    )  # fmt: skip
    scopes = frozenset(told.get("scopes", ())) | of_role(told.get("role"))
    who = f"key {told['key']} {told['name']}" if "key" in told else "login link"
    g.caller = auth.Caller(tenant_id=int(told["tenant"]), scopes=scopes, via="console", who=who)
    return answer


def _is_secure() -> bool:
    """Only where people reach us by plain HTTP on their own machine may the cookie travel without encryption."""
    address = urlsplit(services().base_url)
    is_local = address.scheme == "http" and address.hostname in LOOPBACK
    return request.is_secure or not is_local


def _form(word: str, status: int = 200) -> Response:
    nonce = secrets.token_urlsafe(16)
    answer = make_response(render_template("login.html", word=word, nonce=nonce), status)
    answer.headers["Content-Security-Policy"] = POLICY.format(nonce)
    return answer
