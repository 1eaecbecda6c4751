"""What each kind of process tells of itself, by the settings: joined here, so that nothing else needs to know how."""

from __future__ import annotations

from pathlib import Path

from celery.signals import worker_process_init, worker_ready
from flask import Flask

from python_nodes import config, log
from python_nodes.config import Settings
from python_nodes.telemetry import meters, requests, tasks, tracing


def of_app(app: Flask, settings: Settings) -> None:
    """Watch the worker's requests and stages."""
    if settings.metrics:
        requests.install(app)
        log.watch_stages(meters.stage)
    if trace := _trace(settings, "nightporter-worker"):
        tracing.begin(trace)
        tracing.watch(app)


def folders(settings: Settings) -> tuple[Path, ...]:
    """Where other services on this machine keep their counts."""
    return tuple(Path(one) for one in filter(None, settings.metrics_folders.split(",")))


def own_port(settings: Settings) -> int | None:
    """The port on which metrics are told to whoever asks."""
    return int(settings.metrics_bind.rpartition(":")[2]) if settings.metrics_bind else None


def of_jobs() -> None:
    """Watch Celery's tasks; the settings are read when a worker starts, not at import."""
    tasks.name_in_logs()
    tasks.count()
    worker_process_init.connect(_process_begins)
    worker_ready.connect(_worker_ready)


def _process_begins(**_: object) -> None:
    settings = config.settings()
    if settings.metrics:
        log.watch_stages(meters.stage)
    if trace := _trace(settings, "nightporter-jobs"):
        tracing.begin(trace)


def _worker_ready(**_: object) -> None:
    from prometheus_client import start_http_server

    from python_nodes.telemetry import exposition

    settings = config.settings()
    if settings.metrics_bind:
        host, _colon, port = settings.metrics_bind.rpartition(":")
        start_http_server(int(port), host, registry=exposition.registry(other_folders=folders(settings)))


def _trace(settings: Settings, service: str) -> tracing.Trace | None:
    if settings.otlp_endpoint is None:
        return None
    told = settings.otlp_headers.get_secret_value() if settings.otlp_headers else ""
    headers = dict(pair.split("=", 1) for pair in told.split(",") if "=" in pair)
    return tracing.Trace(
        endpoint=settings.otlp_endpoint,
        headers=headers,
        ratio=settings.trace_ratio,
        service=service,
        region=settings.region,
        origin=settings.base_url,
    )
