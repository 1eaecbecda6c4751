"""Pages for people: login, API documentation and the alert console; nothing is loaded from elsewhere."""

from __future__ import annotations

import importlib.resources
import secrets
from pathlib import Path
from typing import cast

from flask import Response, current_app, jsonify, make_response, redirect, render_template, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.openapi import OpenAPI
from flask_openapi.types import ResponseDict
from pydantic import BaseModel, Field

from python_nodes import auth, clock
from python_nodes.auth import access, caller
from python_nodes.domain.money import currency_digits
from python_nodes.http.problems import problem
from python_nodes.http.reply import services
from python_nodes.steps import alert_view

api = APIBlueprint(
    "pages", __name__, abp_tags=[{"name": "pages"}], template_folder=str(Path(__file__).parent / "templates")
)
SCALAR = importlib.resources.files("flask_openapi_scalar") / "templates" / "scalar" / "js" / "scalar.standalone.js"


@api.app_template_filter("money")
def money(amount_minor: int, currency: str) -> str:
    """Whole units with thousands separated: nobody reads cents in a list."""
    return f"{amount_minor / 10 ** currency_digits(currency):,.0f} {currency}"


JSON: ResponseDict = {200: {"description": "An OpenAPI document"}}
HTML: ResponseDict = {200: {"description": "An HTML page", "content": {"text/html": {"schema": {"type": "string"}}}}}


class LoginQuery(BaseModel):
    """The printed link's token, and where to go on."""

    token: str = Field(default="", max_length=2000)
    next: str = Field(default="/console/alerts", pattern=r"^/(console/alerts|docs)$")


def _page(template: str, nonce: str, **values: object) -> Response:
    answer = make_response(render_template(template, nonce=nonce, **values))
    # Scalar writes its own style elements, hence inline styles; scripts need the nonce, and nothing leaves this host.
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return answer


@api.get("/login", summary="Open the pages by the printed link", doc_ui=True, responses={302: None})
def login(query: LoginQuery) -> Response:
    """Exchange the link's token for a session cookie that may read."""
    settings = current_app.extensions["nightporter.settings"]
    session = auth.session_token(settings["secret_key"], query.token, settings["login_max_age_s"])
    if session is None:
        return problem(401, "The login link is wrong or has expired; `nightporter login-link` prints a new one.")
    answer = make_response(redirect(query.next))
    answer.set_cookie(
        auth.COOKIE, session, max_age=settings["session_max_age_s"], httponly=True, samesite="Lax",
        secure=request.is_secure or services().base_url.startswith("https://"), path="/",
    )  # fmt: skip
    return answer


@api.get("/openapi.json", security=access("read", page=True), summary="OpenAPI 3", responses=JSON)
def openapi() -> Response:
    """Tell the API's description, generated from the code."""
    app = cast(OpenAPI, current_app)
    return jsonify(app.api_doc)


@api.get("/docs", security=access("read", page=True), summary="This documentation as a page", responses=HTML)
def docs() -> Response:
    """Show the documentation, offline."""
    return _page("docs.html", secrets.token_urlsafe(16))


@api.get("/docs/scalar.js", security=access("read", page=True), doc_ui=True, responses={200: {"description": "Script"}})
def scalar() -> Response:
    """Give the page's script, as the wheel holds it."""
    answer = Response(SCALAR.read_bytes(), content_type="text/javascript; charset=utf-8")
    answer.headers["Cache-Control"] = "private, max-age=86400"
    return answer


@api.get("/console/alerts", security=access("read", page=True), summary="Alerts as a page", responses=HTML)
def console() -> Response:
    """Show every alert with its money, cause and deliveries."""
    alerts = alert_view.with_deliveries(services(), caller().tenant_id)
    open_alerts = [alert for alert in alerts if alert["resolved_at"] is None]
    return _page(
        "alerts.html",
        secrets.token_urlsafe(16),
        open_alerts=open_alerts,
        resolved=[alert for alert in alerts if alert["resolved_at"] is not None],
        at_stake_minor=sum(alert["impact_minor"] for alert in open_alerts),
        currency=alerts[0]["currency"] if alerts else services().currency,
        shown_at=clock.now(),
    )
