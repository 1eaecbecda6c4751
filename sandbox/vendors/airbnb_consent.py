"""The page on which a host consents, and the token endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import Response, jsonify, redirect, render_template, request

from sandbox.clock import SimulatedClock
from sandbox.vendors.airbnb_auth import CLIENT_ID, Ask, GrantError, Grants, is_client, may_return_to

SCOPES = ("listings:read", "reservations:read", "reviews:read")


def page(clock: SimulatedClock) -> Response:
    """What the host sees; a client that cannot be told back to is refused here, on the page."""
    ask, scopes, problem = _ask(request.args)
    if problem:
        return _refused(problem)
    form = {**request.args.to_dict(), "scope": " ".join(scopes)}
    return Response(render_template("airbnb_consent.html", ask=ask, scopes=scopes, form=form, now=clock.now()))


def decide(grants: Grants) -> Response:
    """The host has pressed a button: back to the client, with a code or without."""
    ask, _, problem = _ask(request.form)
    if problem:
        return _refused(problem)
    allowed = request.form.get("decision") == "allow"
    told = {"code": grants.consent(ask)} if allowed else {"error": "access_denied"}
    separator = "&" if "?" in ask.redirect_uri else "?"
    answer = redirect(f"{ask.redirect_uri}{separator}{urlencode({**told, 'state': ask.state})}", 303)
    return Response(status=answer.status_code, headers={"Location": answer.location, "Cache-Control": "no-store"})


def token(grants: Grants) -> Response:
    """RFC 6749's token endpoint: ``authorization_code`` and ``refresh_token``, the client named in the form."""
    form = request.form
    if not is_client(form.get("client_id", ""), form.get("client_secret", "")):
        return _error("invalid_client", "unknown client_id or client_secret", 401)
    try:
        if form.get("grant_type") == "authorization_code":
            names = ("code", "code_verifier", "redirect_uri", "client_id")
            given = grants.by_code(*(form.get(name, "") for name in names))
        elif form.get("grant_type") == "refresh_token":
            given = grants.by_refresh(form.get("refresh_token", ""))
        else:
            return _error("unsupported_grant_type", "authorization_code or refresh_token", 400)
    except GrantError as error:
        return _error(error.code, str(error), 400)
    response = jsonify(given)
    response.headers["Cache-Control"] = "no-store"
    return response


def _ask(told: Mapping[str, str]) -> tuple[Ask, list[str], str]:
    """What was asked, of which scopes, and what is wrong with it."""
    ask = Ask(
        client_id=told.get("client_id", ""),
        redirect_uri=told.get("redirect_uri", ""),
        state=told.get("state", ""),
        challenge=told.get("code_challenge", ""),
    )
    scopes = told.get("scope", "").split()
    checks = (
        (ask.client_id != CLIENT_ID, "client_id is unknown"),
        (not may_return_to(ask.redirect_uri), "redirect_uri is not registered"),
        (told.get("response_type") != "code", "response_type must be code"),
        (told.get("code_challenge_method") != "S256" or len(ask.challenge) != 43, "code_challenge must be S256"),
        (not ask.state, "state is missing"),
        (not scopes or not set(scopes) <= set(SCOPES), f"scope must be of {' '.join(SCOPES)}"),
    )
    return ask, scopes, next((message for is_wrong, message in checks if is_wrong), "")


def _refused(message: str) -> Response:
    return Response(f"Airbnb (simulated) cannot show this page: {message}.\n", 400, mimetype="text/plain")


def _error(code: str, message: str, status: int) -> Response:
    response = jsonify({"error": code, "error_description": message})
    response.status_code = status
    return response
