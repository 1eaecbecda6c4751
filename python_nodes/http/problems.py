"""Errors over HTTP: problem+json (RFC 9457), each with an error_id that the log carries too."""

from __future__ import annotations

import errno
import json
import uuid
from http import HTTPStatus

from flask import Flask, Response
from flask_openapi.openapi import OpenAPI
from psycopg2.errors import DiskFull
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from python_nodes import log
from python_nodes.errors import NightporterError, PermanentError, RejectedRecord, RetryableError

SERVER_FAULT = 500
STORE_DOWN = 503
TRY_AGAIN_S = 5
"""When whoever met a database that is away may come again: it takes about so long to start."""


class Problem(BaseModel):
    """The shape of every error answer."""

    type: str
    title: str
    status: int
    detail: str
    error_id: str
    field: str | None = None


def problem(status: int, detail: str, *, field: str | None = None, error_id: str | None = None) -> Response:
    """Build a problem+json answer."""
    title = HTTPStatus(status).phrase
    body = Problem(
        type=f"/problems/{title.lower().replace(' ', '-')}",
        title=title,
        status=status,
        detail=detail,
        error_id=error_id or uuid.uuid4().hex,
        field=field,
    )
    text = json.dumps(body.model_dump(exclude_none=True))
    return Response(text, status=status, content_type="application/problem+json")


def from_validation(error: ValidationError) -> Response:
    """422 that names the first wrong field; what was sent is not repeated."""
    first = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or None
    more = error.error_count() - 1
    detail = f"{field or 'body'}: {first['msg']}" + (f" (and {more} more)" if more else "")
    return problem(422, detail, field=field)


def _log(error: Exception, status: int, error_id: str) -> None:
    write = log.get("http").error if status >= SERVER_FAULT else log.get("http").warning
    exc_info = error if status == SERVER_FAULT else None
    write("request_failed", status=status, error_id=error_id, reason=type(error).__name__, exc_info=exc_info)


def _known(error: NightporterError) -> tuple[int, str, str | None]:
    if isinstance(error, PermanentError):
        return error.status, str(error), error.field
    if isinstance(error, RejectedRecord):
        return 422, error.reason, error.field
    if isinstance(error, RetryableError):
        return STORE_DOWN, str(error), None
    return SERVER_FAULT, "The worker is wrongly configured; its log has this error_id.", None


def _full_disk(error: Exception) -> str | None:
    """Return which store has no room, None where that is not what is wrong."""
    if isinstance(error, OperationalError) and isinstance(error.orig, DiskFull):
        return "postgresql"
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "the folder of raw payloads (NIGHTPORTER_RAW_ROOT)" if is_full else None


def handle(error: Exception) -> Response:
    """The one error handler; an unforeseen error tells its error_id and nothing else."""
    error_id = uuid.uuid4().hex
    if isinstance(error, HTTPException):
        if error.response is not None and isinstance(error.response, Response):
            return error.response
        status = error.code or SERVER_FAULT
        _log(error, status, error_id)
        answer = problem(status, error.description or "", error_id=error_id)
        for name, value in error.get_headers():
            if name.lower() in {"allow", "retry-after"}:
                answer.headers[name] = value
        return answer
    if isinstance(error, NightporterError):
        status, detail, field = _known(error)
        _log(error, status, error_id)
        answer = problem(status, str(log.redact(detail)), field=field, error_id=error_id)
        if isinstance(error, RetryableError) and error.retry_after_s is not None:
            answer.headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
        return answer
    if (where := _full_disk(error)) is not None:
        _log(error, STORE_DOWN, error_id)
        said = f"{where} has no space left on its disk: make room there and send it again; nothing is stored twice."
        return problem(STORE_DOWN, said, error_id=error_id)
    if isinstance(error, OperationalError | PoolTimeoutError):
        _log(error, STORE_DOWN, error_id)
        answer = problem(STORE_DOWN, "postgresql: the database does not answer; see /readyz.", error_id=error_id)
        answer.headers["Retry-After"] = str(TRY_AGAIN_S)
        return answer
    _log(error, SERVER_FAULT, error_id)
    return problem(SERVER_FAULT, "Unexpected error; the worker's log has this error_id.", error_id=error_id)


def install(app: Flask | OpenAPI) -> None:
    """Send every exception of the app through ``handle``."""
    app.register_error_handler(Exception, handle)
