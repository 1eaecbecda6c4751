"""Who calls and what they may do: API keys with roles or scopes, and sessions of the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from flask import Response, g, request
from flask_openapi.models.security_scheme import SecurityScheme
from flask_openapi.openapi import OpenAPI
from flask_openapi.utils import parse_rule

from python_nodes import clock, login
from python_nodes.http.problems import problem
from python_nodes.login import Session
from python_nodes.scopes import Scope, granted, of_role, roles_with
from python_nodes.store import apikeys
from python_nodes.store.session import Database

PUBLIC_PATHS = frozenset({"/healthz", "/readyz", "/login"})
COOKIE = "nightporter_session"
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
SCHEMES: dict[str, SecurityScheme | dict[str, Any]] = {
    "api_key": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer np_…`"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Set by the printed login link"},
    "slack_signature": {"type": "apiKey", "in": "header", "name": "X-Slack-Signature", "description": "Slack signs"},
    "twilio_signature": {"type": "apiKey", "in": "header", "name": "X-Twilio-Signature", "description": "Twilio signs"},
    "vendor_signature": {"type": "apiKey", "in": "header", "name": "Signature", "description": "The vendor's own way"},
    "action_link": {"type": "apiKey", "in": "query", "name": "token", "description": "The signed link of a message"},
}
SIGNED = frozenset({"slack_signature", "twilio_signature", "vendor_signature", "action_link"})
"""Schemes that the endpoint itself checks, on the raw body; an API key beside them is welcome and not needed."""

BY_PROPERTY = frozenset(
    {
        "/v1/alerts", "/v1/alerts/<int:id>", "/v1/alerts/<int:id>/explain", "/v1/metrics/<int:id>", "/v1/portfolio",
        "/v1/forecasts/<int:id>", "/v1/pickup/<int:id>",
    }
)  # fmt: skip
"""What a key for some properties may call, with GET: these leave out what is not theirs; all else is refused."""

Signature = Literal["slack_signature", "twilio_signature", "vendor_signature", "action_link"]
VIA: dict[Signature, str] = {
    "slack_signature": "slack", "twilio_signature": "sms", "vendor_signature": "webhook", "action_link": "link",
}  # fmt: skip
"""How the audit log names the way in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller."""

    tenant_id: int
    scopes: frozenset[str]
    property_ids: frozenset[int] | None = None
    """The only properties that it may see; None is all."""
    via: str = "api"
    who: str = ""
    """As the audit log names it."""
    session: Session | None = None
    key_id: int | None = None

    def may(self, scope: str) -> bool:
        """Return whether a scope is granted; ``admin`` includes all."""
        return granted(self.scopes, scope)


def access(scope: Scope, *, page: bool = False) -> list[dict[str, list[str]]]:
    """Declare what an operation needs; what is documented is what is enforced."""
    needs: list[dict[str, list[str]]] = [{"api_key": [scope]}]
    return [*needs, {"session": [scope]}] if page else needs


def signed(scheme: Signature) -> list[dict[str, list[str]]]:
    """Declare that an operation verifies its caller's signature itself."""
    return [{scheme: ["notify"]}]


def caller() -> Caller:
    """The present request's caller."""
    return cast(Caller, g.caller)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Checks each request against the security that its operation declares."""

    database: Database
    secret_key: str
    tenant_id: int
    security: dict[tuple[str, str], list[dict[str, list[str]]]]

    def check(self) -> Response | None:
        """Refuse the request, or note its caller."""
        if request.url_rule is None:
            if request.path in PUBLIC_PATHS:
                # A method that it does not know: whoever asks knows the address, and is told so.
                return None
            # Without a key nobody learns which addresses exist.
            needs: list[dict[str, list[str]]] = access("read", page=True)
        else:
            if request.url_rule.rule in PUBLIC_PATHS:
                return None
            # Whatever declares nothing is for admins: forgetting a declaration must not open a door.
            needs = self.security.get((request.method, request.url_rule.rule)) or access("admin")
            signs = next((scheme for need in needs for scheme in need if scheme in SIGNED), None)
            if signs is not None:
                via = VIA[cast(Signature, signs)]
                g.is_signed, g.caller = True, Caller(tenant_id=self.tenant_id, scopes=frozenset(), via=via, who=via)
                return None
        by_key = self._by_key()
        found = by_key or (self._by_cookie() if any("session" in need for need in needs) else None)
        if found is None:
            return _again() if _came_from_elsewhere() else _unknown()
        scopes = [scope for need in needs for given in need.values() for scope in given]
        refused = self._refused(found, scopes)
        # Noted even then: a change that was refused is told by the audit log, and counts against the caller's rate.
        g.caller = found
        return refused

    def _refused(self, found: Caller, scopes: list[str]) -> Response | None:
        if found.session is not None and request.method not in SAFE and not self._has_csrf_token(found.session):
            return problem(403, f"A change from a page needs the session's token: {CSRF_HEADER}, or {CSRF_FIELD}")
        if scopes and not any(found.may(scope) for scope in scopes):
            has = " or ".join(roles_with(scopes[0])) or "no role"
            return problem(403, f"The key lacks the scope {scopes[0]!r}, which {has} has")
        if found.property_ids is not None and not _is_by_property():
            return problem(403, "The key is for some properties only, and this operation is about all of them")
        return None

    def _has_csrf_token(self, session: Session) -> bool:
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            return False
        told = request.headers.get(CSRF_HEADER)
        if told is None and request.mimetype in FORMS:
            told = request.form.get(CSRF_FIELD)
        return told is not None and login.is_csrf_token(self.secret_key, session.session_id, told)

    def _by_key(self) -> Caller | None:
        given = request.authorization
        if given is None or given.type != "bearer" or not given.token:
            return None
        with self.database.stranger() as conn:
            key = apikeys.authenticate(conn, given.token, clock.now())
        if key is None:
            return None
        return Caller(
            tenant_id=key.tenant_id, scopes=key.scopes | of_role(key.role), property_ids=key.property_ids,
            who=f"key {key.key_id} {key.name}", key_id=key.key_id,
        )  # fmt: skip

    def _by_cookie(self) -> Caller | None:
        token = request.cookies.get(COOKIE)
        session = login.read_session(self.secret_key, token) if token else None
        if session is None:
            return None
        with self.database.tenant(session.tenant_id) as conn:
            if not apikeys.session_stands(conn, session.session_id, session.key_id, clock.now()):
                return None
        by = f"key {session.key_id} {session.name}" if session.key_id is not None else "login link"
        return Caller(
            tenant_id=session.tenant_id, scopes=session.scopes | of_role(session.role), via="console",
            who=f"session {session.session_id[:8]} by {by}", session=session, key_id=session.key_id,
        )  # fmt: skip


def _came_from_elsewhere() -> bool:
    told = request.headers
    return (
        request.method == "GET"
        and (told.get("Sec-Fetch-Site"), told.get("Sec-Fetch-Mode")) == ("cross-site", "navigate")
        and COOKIE not in request.cookies
    )


def _again() -> Response:
    """Let the browser ask once more by itself: our strict cookie does not come with a link of another site."""
    page = '<!doctype html><meta http-equiv="refresh" content="0"><title>Nightporter</title>'
    return Response(page, status=401, content_type="text/html; charset=utf-8")


def _unknown() -> Response:
    answer = problem(401, "A valid API key is needed: Authorization: Bearer np_…")
    answer.headers["WWW-Authenticate"] = 'Bearer realm="nightporter"'
    return answer


def _is_by_property() -> bool:
    rule = request.url_rule
    return rule is not None and rule.rule in BY_PROPERTY and request.method in {"GET", "HEAD"}


def declared(app: OpenAPI) -> dict[tuple[str, str], list[dict[str, list[str]]]]:
    """Return each route's declared security by (method, rule)."""
    found: dict[tuple[str, str], list[dict[str, list[str]]]] = {}
    for rule in app.url_map.iter_rules():
        item: Any = app.paths.get(parse_rule(rule.rule))
        for method in rule.methods or ():
            verb = "GET" if method == "HEAD" else method
            operation = getattr(item, verb.lower(), None) if item is not None else None
            if operation is not None:
                found[method, rule.rule] = list(operation.security or [])
    return found
