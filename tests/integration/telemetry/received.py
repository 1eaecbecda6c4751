"""A span as it came over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


@dataclass(frozen=True)
class Received:
    """What the tests ask of a span."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    attributes: dict[str, object]

    @classmethod
    def read(cls, request: ExportTraceServiceRequest) -> Iterator[Received]:
        """Every span of one export."""
        for resource in request.resource_spans:
            service = str(_plain(list(resource.resource.attributes))["service.name"])
            for scope in resource.scope_spans:
                for span in scope.spans:
                    yield cls(
                        service=service, name=span.name, trace_id=span.trace_id.hex(), span_id=span.span_id.hex(),
                        parent_id=span.parent_span_id.hex(), kind=span.kind, attributes=_plain(list(span.attributes)),
                    )  # fmt: skip


def _plain(pairs: list[KeyValue]) -> dict[str, object]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> object:
    return getattr(value, value.WhichOneof("value") or "string_value")
