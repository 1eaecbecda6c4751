"""GET /metrics: the worker's own state, for Prometheus."""

from __future__ import annotations

from pathlib import Path

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint

from python_nodes import jobs
from python_nodes.auth import access, caller
from python_nodes.http.reply import services
from python_nodes.steps import system_state
from python_nodes.telemetry import exposition

api = APIBlueprint("telemetry", __name__, abp_tags=[{"name": "health"}])


@api.get(
    "/metrics",
    security=access("metrics"),
    summary="Counts, durations and queues, in Prometheus' text format",
    responses={200: {"description": "As docs/observability.md names them", "content": {"text/plain": {}}}},
)
def metrics() -> Response:
    """Tell what all processes counted, and how the stores stand as the key's tenant sees them.

    Counts bear no tenant: they are told to the one whose machine it is.
    """
    settings = current_app.extensions["nightporter.settings"]
    queues = [jobs.queue(settings["region"], kind) for kind in jobs.CLASSES]
    found = system_state.readings(services(), caller().tenant_id, queues, settings["version"])
    folders: tuple[Path, ...] = settings["metrics_folders"]
    is_home = caller().tenant_id == services().home_id
    told = exposition.text(found, folders) if is_home else exposition.readings_text(found)
    return Response(told, content_type=exposition.CONTENT_TYPE)
