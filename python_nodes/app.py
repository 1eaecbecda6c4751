"""The worker's HTTP application: settings, logs, errors, keys, and every endpoint found by its file's name."""

from __future__ import annotations

import importlib
import pkgutil
import re
import uuid
from typing import Any

import orjson
import structlog
from flask import Response, current_app, g, request
from flask.json.provider import DefaultJSONProvider
from flask_openapi.models.info import Info
from flask_openapi.models.parameter import Parameter
from flask_openapi.models.response import Response as DocumentedResponse
from flask_openapi.openapi import OpenAPI
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from python_nodes import auth, config, endpoints, log, telemetry_wiring, wiring
from python_nodes.config import Settings
from python_nodes.domain.nul import holds_nul
from python_nodes.http import audited, idempotent, own_port, problems, rate_limits

RAW_BODIES = frozenset({"/v1/normalize/<vendor>/<operation>"})
"""What takes a payload as it came, of any type."""
FORM = "application/x-www-form-urlencoded"
FORMS = frozenset({"/login", "/logout"})
"""What a page's form is sent to."""
RUN_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,80}")
VERSION = "0.1.0"
DESCRIPTION = "What n8n calls: each endpoint is one step of a flow. Errors are problem+json (RFC 9457)."
TOO_LONG = {"description": "The address is too long", "content": {"text/html": {"schema": {"type": "string"}}}}
UPLOADS = frozenset({"/v1/imports"})
"""What takes a file of any type, up to a size of its own."""


_WRITTEN = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME
"""Times go through Flask's own words for them: what means ISO 8601 says so itself."""


class _Json(DefaultJSONProvider):
    """JSON in the order in which answers are written; read without NaN, lone surrogates and depths without end."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read it; ValueError for what is none."""
        return orjson.loads(s)

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write it; what is no number becomes null."""
        return orjson.dumps(obj, default=self.default, option=_WRITTEN).decode()

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Answer with it."""
        content = orjson.dumps(self._prepare_response_obj(args, kwargs), default=self.default, option=_WRITTEN)
        return current_app.response_class(content + b"\n", mimetype=self.mimetype)


def create_app(settings: Settings | None = None) -> OpenAPI:
    """Build the application; nothing is connected to before the first request."""
    settings = settings or config.settings()
    log.configure(settings.log_level)
    app = OpenAPI(
        "python_nodes",
        info=Info(title="Nightporter worker", version=VERSION, description=DESCRIPTION),
        security_schemes=auth.SCHEMES,
        validation_error_callback=problems.from_validation,
        validation_error_model=problems.Problem,
        doc_ui=False,
    )
    # OpenAPI 3.1 says the same of these operations, and more tools read it.
    app.openapi_version = "3.1.0"
    app.json = _Json(app)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    services = wiring.build_services(settings)
    app.extensions["nightporter"] = services
    app.extensions["nightporter.settings"] = {
        "login_max_age_s": settings.login_max_age_s,
        "session_max_age_s": settings.session_max_age_s,
        "region": settings.region,
        "fx_url": settings.fx_url,
        "secret_key": settings.secret_key.get_secret_value(),
        "version": VERSION,
        "metrics_folders": telemetry_wiring.folders(settings),
    }
    _register(app)
    _complete_description(app)
    gate = auth.Gate(
        database=services.database,
        secret_key=settings.secret_key.get_secret_value(),
        tenant_id=settings.tenant_id,
        security=auth.declared(app),
    )
    app.before_request(_begin)
    telemetry_wiring.of_app(app, settings)
    counter = rate_limits.counter(settings.redis_url.get_secret_value(), settings.secret_key.get_secret_value())
    check = rate_limits.around(gate.check, counter, _rates(settings))
    app.before_request(own_port.beside(check, telemetry_wiring.own_port(settings), settings.tenant_id))
    app.before_request(_check_address)
    app.before_request(_check_body)
    idempotent.install(app)
    audited.install(app)
    rate_limits.install(app, counter, _rates(settings))
    app.after_request(_finish)
    problems.install(app)
    return app


def _rates(settings: Settings) -> rate_limits.Rates:
    return rate_limits.Rates(
        key=settings.rate_limit_key,
        address=settings.rate_limit_address,
        refused=settings.rate_limit_refused,
        login=settings.rate_limit_login,
        proxies=settings.trusted_proxies,
    )


def _register(app: OpenAPI) -> None:
    for module in sorted(pkgutil.iter_modules(endpoints.__path__), key=lambda found: found.name):
        app.register_api(importlib.import_module(f"{endpoints.__name__}.{module.name}").api)


def _complete_description(app: OpenAPI) -> None:
    """Describe what holds for every operation: its problems, an address too long, and a POST's Idempotency-Key."""
    schema = {"$ref": "#/components/schemas/Problem"}
    told = {"description": "Problem (RFC 9457)", "content": {"application/problem+json": {"schema": schema}}}
    for item in app.paths.values():
        for operation in filter(None, (item.get, item.post)):
            problem, own = DocumentedResponse.model_validate(told), operation.responses or {}
            # gunicorn refuses an address that is too long before we see it, in words of its own.
            own = {**own, "414": DocumentedResponse.model_validate(TOO_LONG)}
            operation.responses = {**own, "422": _beside(own.get("422"), problem), "default": problem}
        if item.post is not None:
            parameter = Parameter.model_validate(
                {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "description": "Same key and body, same answer; the same key with another body is refused.",
                    "required": False,
                    "schema": {"type": "string", "maxLength": idempotent.MAX_KEY_LENGTH},
                }
            )
            item.post.parameters = [*(item.post.parameters or []), parameter]


def _beside(own: DocumentedResponse | None, problem: DocumentedResponse) -> DocumentedResponse:
    """The operation's own page of that status, where it has one, or the problem."""
    if own is None or not own.content:
        return problem
    return problem.model_copy(update={"content": {**(problem.content or {}), **own.content}})


def _begin() -> None:
    told = request.headers.get("X-Run-Id", "")
    if request.url_rule is not None and request.url_rule.rule in UPLOADS:
        request.max_content_length = current_app.extensions["nightporter"].imports.max_bytes
    g.run_id = told if RUN_ID.fullmatch(told) else uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(run_id=g.run_id)


def _check_address() -> None:
    """Refuse a NUL, which no name has and PostgreSQL keeps none of."""
    if "\0" in request.path or b"%00" in request.query_string:
        raise BadRequest("the address holds a NUL character")


def _check_body() -> None:
    """Refuse what is no JSON object before anything else looks at it, and a form with a NUL."""
    if request.method != "POST" or request.url_rule is None:
        return
    if request.mimetype == FORM and any(nul in request.get_data(cache=True) for nul in (b"%00", b"\0")):
        raise BadRequest("the form holds a NUL character")
    if g.get("is_signed"):
        return
    if request.url_rule.rule in RAW_BODIES | FORMS or request.get_data(cache=True) == b"":
        return
    if not request.is_json:
        if request.url_rule.rule in UPLOADS:
            return
        raise UnsupportedMediaType("Content-Type must be application/json")
    body: Any = request.get_json()
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    if b"\\u0000" in request.get_data(cache=True) and holds_nul(body):
        raise BadRequest("the body holds a NUL character")


def _finish(answer: Response) -> Response:
    answer.headers["X-Run-Id"] = g.get("run_id", "")
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    return answer
