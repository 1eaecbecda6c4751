"""The port that tells metrics and nothing else, without a key: for a network that only Prometheus is on."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, g, request

from python_nodes.auth import Caller
from python_nodes.http.problems import problem

RULE = "/metrics"


def beside(check: Callable[[], Response | None], port: int | None, tenant_id: int) -> Callable[[], Response | None]:
    """Return a check that lets metrics through on that port, nothing else there, and is ``check`` on all others."""

    def own() -> Response | None:
        # The server's own socket tells this port; a Host header does not change it.
        if port is None or request.environ.get("SERVER_PORT") != str(port):
            return check()
        if request.url_rule is None or request.url_rule.rule != RULE:
            return problem(404, "This port tells metrics only: GET /metrics")
        g.caller = Caller(tenant_id=tenant_id, scopes=frozenset({"metrics"}))
        return None

    return own
