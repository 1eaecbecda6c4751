"""Traces by OpenTelemetry: begun by a setting; without it nothing of it is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

UNTRACED = "healthz,readyz,metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Where traces go, how many of them, and who we are; ``origin`` is where n8n finds us."""

    endpoint: str
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    ratio: float
    service: str
    region: str
    origin: str


def begin(settings: Trace) -> None:
    """Trace stages, statements, jobs and calls of this process from now on; a second time changes nothing."""
    from opentelemetry import propagate, trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor
    from opentelemetry.instrumentation.psycopg2 import Psycopg2Instrumentor
    from opentelemetry.propagators.composite import CompositePropagator
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    from python_nodes.telemetry import spans
    from python_nodes.telemetry.execution import ExecutionPropagator
    from python_nodes.telemetry.scrub import ScrubbingExporter

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    ratio = TraceIdRatioBased(settings.ratio)
    about = {"service.name": settings.service, "nightporter.region": settings.region}
    provider = TracerProvider(sampler=ParentBased(ratio), resource=Resource.create(about))
    exporter = OTLPSpanExporter(f"{settings.endpoint.rstrip('/')}/v1/traces", headers=dict(settings.headers))
    provider.add_span_processor(spans.Identities())
    provider.add_span_processor(BatchSpanProcessor(ScrubbingExporter(exporter)))
    trace.set_tracer_provider(provider)
    execution = ExecutionPropagator(settings.origin, ratio)
    propagate.set_global_textmap(CompositePropagator([TraceContextTextMapPropagator(), execution]))
    # SQLAlchemy's own is declared for releases before 2.1 only; the driver's sees every statement that it sends.
    kinds: tuple[Callable[[], Any], ...] = (
        CeleryInstrumentor, Psycopg2Instrumentor, HTTPX2ClientInstrumentor,
    )  # fmt: skip
    for kind in kinds:
        kind().instrument(tracer_provider=provider)
    spans.begin()


def watch(app: Flask) -> None:
    """Make a span of each request; to be installed after what binds the run's id."""
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    instrument: Callable[..., None] = FlaskInstrumentor.instrument_app
    # Without the commenter: it leaves a context behind at each request.
    instrument(app, excluded_urls=UNTRACED, enable_commenter=False)
