"""Connections of a process's database pool: open, in use, and how many there may be."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event

from python_nodes.telemetry import meters

_IN_USE = "nightporter.in_use"


def watch(engine: Engine, limit: int) -> None:
    """Count an engine's connections from now on."""
    meters.connections.labels("limit").inc(limit)
    event.listen(engine, "connect", _opened)
    event.listen(engine, "close", _closed)
    event.listen(engine, "checkout", _taken)
    event.listen(engine, "checkin", _returned)


def _opened(_connection: Any, _record: Any) -> None:
    meters.connections.labels("open").inc()


def _closed(_connection: Any, _record: Any) -> None:
    meters.connections.labels("open").dec()


def _taken(_connection: Any, record: Any, _proxy: Any) -> None:
    record.record_info[_IN_USE] = True
    meters.connections.labels("in_use").inc()


def _returned(_connection: Any, record: Any) -> None:
    # One that failed on its way out is returned without having been taken.
    if record.record_info.pop(_IN_USE, False):
        meters.connections.labels("in_use").dec()
