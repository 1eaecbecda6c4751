"""What our own code adds to a trace: a span a stage, and the names by which the logs know it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import Status, StatusCode, format_span_id, format_trace_id

from python_nodes import log

_PLAIN = (bool, int, float, str)


class Identities(SpanProcessor):
    """Writes run, job and n8n's execution on each span that begins."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Copy what the logs are bound to."""
        bound = structlog.contextvars.get_contextvars()
        run_id = str(bound.get("run_id", ""))
        if run_id:
            span.set_attribute("nightporter.run_id", run_id)
        if run_id.isdecimal():
            span.set_attribute("n8n.execution_id", run_id)
        if "job_id" in bound:
            span.set_attribute("nightporter.job_id", str(bound["job_id"]))


def begin() -> None:
    """Make a span of each stage, and write the trace on each line of the log."""
    log.watch_stages(stage)
    log.add_trace(names)


@contextmanager
def stage(name: str, facts: Mapping[str, Any], counts: Mapping[str, Any]) -> Iterator[None]:
    """Hold a span around a stage; its counts are attributes once it ends."""
    # What an error says may name a guest: only that there was one is told, and of what kind.
    tracer = trace.get_tracer("nightporter")
    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR))
            span.set_attribute("error.type", type(error).__name__)
            raise
        finally:
            for key, value in {**facts, **counts}.items():
                if isinstance(value, _PLAIN):
                    span.set_attribute(f"nightporter.{key}", value)


def names() -> dict[str, str]:
    """The present trace and span as they are written; empty outside of any."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": format_trace_id(context.trace_id), "span_id": format_span_id(context.span_id)}
