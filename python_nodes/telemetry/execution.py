"""n8n's execution as a trace: each call of one execution, and each job that follows, belongs to the same."""

from __future__ import annotations

import hashlib

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

HEADER = "x-run-id"


def span_context(origin: str, execution_id: str, sampler: Sampler) -> SpanContext:
    """Make the execution's place in a trace of its id; ``origin`` keeps two n8n's executions apart."""
    drawn = hashlib.sha256(f"{origin} execution {execution_id}".encode()).digest()
    trace_id = int.from_bytes(drawn[:16], "big")
    # Decided by the trace's id alone, so that an execution is kept whole or not at all.
    is_kept = sampler.should_sample(None, trace_id, HEADER).decision is Decision.RECORD_AND_SAMPLE
    return SpanContext(
        trace_id=trace_id,
        span_id=int.from_bytes(drawn[16:24], "big"),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if is_kept else TraceFlags.DEFAULT),
    )


class ExecutionPropagator(TextMapPropagator):
    """Takes the execution's id for the trace where the caller names no trace itself."""

    def __init__(self, origin: str, sampler: Sampler) -> None:
        self._origin = origin
        self._sampler = sampler

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        """Return the context within the execution's trace, or as it was."""
        around = context if context is not None else Context()
        told = getter.get(carrier, HEADER) or []
        known = trace.get_current_span(around).get_span_context().is_valid
        if known or not told or not told[0].isdecimal():
            return around
        return trace.set_span_in_context(NonRecordingSpan(span_context(self._origin, told[0], self._sampler)), around)

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        """Write nothing: what follows is told by ``traceparent``."""

    @property
    def fields(self) -> set[str]:
        """The headers that it writes: none."""
        return set()
