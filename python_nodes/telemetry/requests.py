"""HTTP requests by route template: how many, how they ended, how long they took."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from python_nodes.telemetry import meters

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
NO_ROUTE = "none"
"""The route of what no route matches: an address as it was asked for must not become a label."""


def install(app: Flask) -> None:
    """Count every request of an application; to be installed before all else that looks at requests."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    # A stopwatch, not a clock: no result depends on it.
    g.began = time.perf_counter()


def _end(answer: Response) -> Response:
    route = request.url_rule.rule if request.url_rule is not None else NO_ROUTE
    method = request.method if request.method in _METHODS else "other"
    meters.http_requests.labels(method, route, str(answer.status_code)).inc()
    began = g.get("began")
    if began is not None:
        meters.http_duration.labels(method, route).observe(time.perf_counter() - began)
    return answer
