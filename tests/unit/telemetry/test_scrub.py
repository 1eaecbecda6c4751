"""What leaves with a span."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import Status, StatusCode

from python_nodes.telemetry.scrub import scrubbed


def ended(**attributes: str) -> ReadableSpan:
    """A span with an error whose words name a guest."""
    span = TracerProvider().get_tracer("test").start_span("call", attributes=attributes)
    span.record_exception(ValueError("Key (guest_email)=(ana@example.com) exists"))
    span.set_status(Status(StatusCode.ERROR, "Key (guest_email)=(ana@example.com) exists"))
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


def test_queries_credentials_and_words_stay_here() -> None:
    span = ended(
        **{
            "http.url": "https://user:word@www.airbnb.com/calendar/ical/1.ics?s=secret",
            "http.target": "/act?token=abc",
            "url.query": "token=abc", "db.statement": "SELECT * FROM bookings WHERE id = %(id)s", "db.user": "app",
            "note": "Bearer np_abcdefghijk",
        }
    )  # fmt: skip
    told = scrubbed(span)
    assert dict(told.attributes or {}) == {
        "http.url": "https://www.airbnb.com/calendar/ical/[redacted].ics", "http.target": "/act",
        "db.statement": "SELECT * FROM bookings WHERE id = %(id)s", "note": "[redacted]",
    }  # fmt: skip
    text = told.to_json()
    assert not [word for word in ("ana@", "guest_email", "secret", "abc", "word@") if word in text]


def test_the_rest_is_as_it_was() -> None:
    span = ended()
    told = scrubbed(span)
    assert (told.name, told.context, told.parent, told.kind) == (span.name, span.context, span.parent, span.kind)
    assert (told.start_time, told.end_time, told.resource) == (span.start_time, span.end_time, span.resource)
    assert told.status.status_code is StatusCode.ERROR
    assert [dict(one.attributes or {}) for one in told.events] == [{"exception.type": "ValueError"}]
