"""Spans as they may leave: no query string, no error's words, nothing that looks like a secret or a guest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.util.types import AttributeValue

from python_nodes import log

_ADDRESSES = frozenset({"http.url", "http.target", "url.full", "url.path"})
_LEFT_OUT = frozenset({"url.query", "http.user_agent", "user_agent.original", "exception.message", "db.user"})
_CALENDAR = re.compile(r"[^/]+\.ics$")


class ScrubbingExporter(SpanExporter):
    """Hands spans on to another exporter without what must not leave."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export copies."""
        return self._inner.export([scrubbed(one) for one in spans])

    def shutdown(self) -> None:
        """Close the other."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the other."""
        return self._inner.force_flush(timeout_millis)


def scrubbed(span: ReadableSpan) -> ReadableSpan:
    """Copy a span; of what went wrong only its kind stays."""
    kinds = [event for event in span.events if "exception.type" in (event.attributes or {})]
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span),
        events=[
            Event("exception", {"exception.type": (one.attributes or {})["exception.type"]}, one.timestamp)
            for one in kinds
        ],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _attributes(span: ReadableSpan) -> dict[str, AttributeValue]:
    kept = {name: value for name, value in (span.attributes or {}).items() if name not in _LEFT_OUT}
    return {name: _address(str(value)) if name in _ADDRESSES else log.redact(value) for name, value in kept.items()}


def _address(url: str) -> str:
    # A login link, an action link and an iCal address carry their secret in the query; some calendars in their name.
    parts = urlsplit(url)
    path = _CALENDAR.sub("[redacted].ics", parts.path)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", ""))
