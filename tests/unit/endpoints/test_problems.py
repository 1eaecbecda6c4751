"""Errors as problem+json."""

from __future__ import annotations

import json

import pytest
from werkzeug.exceptions import MethodNotAllowed, RequestEntityTooLarge

from python_nodes.errors import ConfigError, NotFoundError, PermanentError, RejectedRecord, RetryableError
from python_nodes.http.problems import handle


@pytest.mark.parametrize(
    ("error", "status", "field"),
    [
        (PermanentError("end: before start", status=422, field="end"), 422, "end"),
        (NotFoundError("alert 9 does not exist"), 404, None),
        (RejectedRecord("price: negative", field="price"), 422, "price"),
        (RetryableError("vendor is slow", retry_after_s=2.4), 503, None),
        (RequestEntityTooLarge(), 413, None),
        (ConfigError("NIGHTPORTER_X"), 500, None),
        (ZeroDivisionError("secret"), 500, None),
    ],
)
def test_each_error_has_its_status_and_field(error: Exception, status: int, field: str | None) -> None:
    answer = handle(error)
    told = json.loads(answer.get_data())
    assert (answer.status_code, told["status"], told.get("field")) == (status, status, field)
    assert answer.content_type == "application/problem+json"
    if status == 500:
        assert str(error) not in answer.get_data(as_text=True)


def test_headers_that_help_are_kept() -> None:
    assert handle(RetryableError("x", retry_after_s=2.4)).headers["Retry-After"] == "2"
    assert handle(MethodNotAllowed(valid_methods=["POST"])).headers["Allow"] == "POST"


def test_secrets_in_an_errors_words_are_taken_out() -> None:
    answer = handle(PermanentError("postgresql://a:hunter2@h/d refused", status=502))
    assert "hunter2" not in answer.get_data(as_text=True)
