"""The trace that an execution's id gives."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from python_nodes.telemetry.execution import ExecutionPropagator, span_context

ALL = TraceIdRatioBased(1.0)


def found(headers: dict[str, str], origin: str = "http://a", sampler: TraceIdRatioBased = ALL) -> SpanContext:
    """What the propagators take from headers."""
    both = CompositePropagator([TraceContextTextMapPropagator(), ExecutionPropagator(origin, sampler)])
    return trace.get_current_span(both.extract(headers, Context())).get_span_context()


def test_the_same_execution_is_the_same_trace_and_another_is_another() -> None:
    one = found({"x-run-id": "42"})
    assert one.is_valid
    assert one.is_remote
    assert one.trace_id == found({"x-run-id": "42"}).trace_id
    assert one.trace_id != found({"x-run-id": "43"}).trace_id
    assert one.trace_id != found({"x-run-id": "42"}, origin="http://b").trace_id


@pytest.mark.parametrize("headers", [{}, {"x-run-id": ""}, {"x-run-id": "b2c0ffee"}, {"x-run-id": "-1"}])
def test_what_is_no_execution_begins_a_trace_of_its_own(headers: dict[str, str]) -> None:
    assert not found(headers).is_valid


def test_a_traceparent_goes_first() -> None:
    told = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert f"{found({'traceparent': told, 'x-run-id': '42'}).trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"


def test_a_share_is_kept_by_the_executions_id_alone() -> None:
    quarter = TraceIdRatioBased(0.25)
    kept = [span_context("http://a", str(n), quarter).trace_flags.sampled for n in range(2000)]
    assert kept == [span_context("http://a", str(n), quarter).trace_flags.sampled for n in range(2000)]
    assert 0.2 < sum(kept) / len(kept) < 0.3
