"""Who calls and what they may do: API keys with scopes, and a signed login link for the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from flask import Response, g, request
from flask_openapi.models.security_scheme import SecurityScheme
from flask_openapi.openapi import OpenAPI
from flask_openapi.utils import parse_rule
from itsdangerous import BadSignature, URLSafeTimedSerializer

from python_nodes import clock
from python_nodes.http.problems import problem
from python_nodes.login import LOGIN_SALT
from python_nodes.scopes import Scope
from python_nodes.store import apikeys
from python_nodes.store.session import Database

PUBLIC_PATHS = frozenset({"/healthz", "/readyz", "/login"})
COOKIE = "nightporter_session"
SESSION_SALT = "nightporter.session"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller."""

    tenant_id: int
    scopes: frozenset[str]
    property_ids: frozenset[int] | None = None
    """The only properties that it may see; None is all."""

    def may(self, scope: str) -> bool:
        """Return whether a scope is granted; ``admin`` includes all."""
        return scope in self.scopes or "admin" in self.scopes


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


def session_token(secret_key: str, token: str, max_age_s: int) -> str | None:
    """Exchange a login token for a session's cookie, or None if it is forged or too old."""
    try:
        told = URLSafeTimedSerializer(secret_key, salt=LOGIN_SALT).loads(token, max_age=max_age_s)
    except BadSignature:
        return None
    return str(URLSafeTimedSerializer(secret_key, salt=SESSION_SALT).dumps(told))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Checks each request against the security that its operation declares."""

    database: Database
    secret_key: str
    session_max_age_s: int
    tenant_id: int
    security: dict[tuple[str, str], list[dict[str, list[str]]]]

    def check(self) -> Response | None:
        """Refuse the request, or note its caller."""
        if request.url_rule is None:
            # Without a key nobody learns which addresses exist.
            needs: list[dict[str, list[str]]] = access("read", page=True)
        else:
            if request.url_rule.rule in PUBLIC_PATHS:
                return None
            # Whatever declares nothing is for admins: forgetting a declaration must not open a door.
            needs = self.security.get((request.method, request.url_rule.rule)) or access("admin")
            if any(scheme in SIGNED for need in needs for scheme in need):
                g.is_signed, g.caller = True, Caller(tenant_id=self.tenant_id, scopes=frozenset())
                return None
        found = self._by_key() or (self._by_cookie() if any("session" in need for need in needs) else None)
        if found is None:
            answer = problem(401, "A valid API key is needed: Authorization: Bearer np_…")
            answer.headers["WWW-Authenticate"] = 'Bearer realm="nightporter"'
            return answer
        scopes = [scope for need in needs for given in need.values() for scope in given]
        if scopes and not any(found.may(scope) for scope in scopes):
            return problem(403, f"The key lacks the scope {scopes[0]!r}")
        if found.property_ids is not None and not _is_by_property():
            return problem(403, "The key is for some properties only, and this operation is about all of them")
        g.caller = found
        return None

    def _by_key(self) -> Caller | None:
        given = request.authorization
        if given is None or given.type != "bearer" or not given.token:
            return None
        with self.database.anonymous() as conn:
            key = apikeys.authenticate(conn, given.token, clock.now())
        if key is None:
            return None
        return Caller(tenant_id=key.tenant_id, scopes=frozenset(key.scopes), property_ids=key.property_ids)

    def _by_cookie(self) -> Caller | None:
        token = request.cookies.get(COOKIE)
        if not token or request.method not in {"GET", "HEAD"}:
            return None
        try:
            told = URLSafeTimedSerializer(self.secret_key, salt=SESSION_SALT).loads(
                token, max_age=self.session_max_age_s
            )
        except BadSignature:
            return None
        return Caller(tenant_id=int(told["tenant_id"]), scopes=frozenset({"read"}))


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
