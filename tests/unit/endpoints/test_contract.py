"""What the code says of its own API, without any store."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from python_nodes import auth, config, endpoints
from python_nodes.app import create_app
from python_nodes.scopes import SCOPES

TABLE = {
    ("get", "/healthz"): None, ("get", "/readyz"): None, ("get", "/login"): None, ("post", "/login"): None,
    ("post", "/logout"): "read", ("get", "/v1/keys"): "admin", ("post", "/v1/keys"): "admin",
    ("post", "/v1/keys/{id}/rotate"): "admin", ("post", "/v1/keys/{id}/revoke"): "admin",
    ("post", "/v1/guests/erase"): "admin", ("post", "/v1/guests/export"): "admin",
    ("post", "/v1/portfolio"): "ingest", ("post", "/v1/connections"): "admin", ("get", "/v1/connections"): "read",
    ("post", "/v1/connections/consent"): "admin",
    ("post", "/v1/poll/{operation}"): "ingest", ("post", "/v1/backfill"): "ingest", ("get", "/v1/jobs/{id}"): "read",
    ("post", "/v1/guards/check"): "score", ("post", "/v1/metrics/score"): "score",
    ("post", "/v1/screen/refresh"): "score",
    ("get", "/v1/portfolio"): "read", ("get", "/v1/metrics/{id}"): "read", ("post", "/v1/metrics/derive"): "score",
    ("get", "/v1/fx"): "read", ("post", "/v1/fx/refresh"): "ingest",
    ("post", "/v1/alerts/raise"): "score", ("get", "/v1/alerts"): "read", ("get", "/v1/alerts/{id}"): "read",
    ("get", "/v1/alerts/{id}/explain"): "read", ("post", "/v1/alerts/{id}/route"): "notify",
    ("post", "/v1/deliveries/{id}/send"): "notify", ("post", "/v1/flow-errors"): "notify",
    ("get", "/v1/summary"): "read", ("post", "/v1/replay"): "ingest", ("post", "/v1/imports"): "ingest",
    ("post", "/v1/imports/sources"): "ingest", ("get", "/v1/imports/sources"): "read",
    ("post", "/v1/imports/scan"): "ingest", ("get", "/docs"): "read",
    ("post", "/v1/alerts/{id}/actions"): "notify", ("get", "/v1/alerts/{id}/actions"): "read",
    ("post", "/v1/slack/actions"): "notify", ("post", "/v1/sms/status"): "notify",
    ("post", "/v1/sms/replies"): "notify", ("get", "/act"): "notify", ("post", "/act"): "notify",
    ("post", "/v1/digest"): "notify", ("post", "/v1/digest/{id}/send"): "notify",
    ("post", "/v1/escalations/due"): "notify", ("post", "/v1/normalize/{vendor}/{operation}"): "ingest",
    ("post", "/v1/observe"): "score", ("post", "/v1/webhooks/{connection_id}"): "notify",
    ("post", "/v1/baselines/refresh"): "score", ("get", "/v1/profiles"): "read",
    ("post", "/v1/forecasts/refresh"): "score", ("get", "/v1/forecasts/{id}"): "read",
    ("post", "/v1/outlooks/refresh"): "score",
    ("get", "/v1/pickup/{id}"): "read",
    ("get", "/v1/mutes"): "read", ("post", "/v1/mutes"): "notify", ("post", "/v1/mutes/{id}/end"): "notify",
    ("get", "/v1/held"): "read", ("get", "/v1/alerts/times"): "read", ("post", "/v1/listings/value"): "score",
    ("post", "/v1/learn"): "score", ("get", "/v1/proposals"): "read", ("get", "/v1/proposals/{id}"): "read",
    ("post", "/v1/proposals/{id}/{answer}"): "notify", ("post", "/v1/proposal-messages/{id}/send"): "notify",
    ("get", "/docs/scalar.js"): "read", ("get", "/openapi.json"): "read", ("get", "/console/alerts"): "read",
    ("get", "/console"): "read", ("get", "/console/portfolio"): "read", ("get", "/console/portfolio/{card}"): "read",
    ("get", "/console/find"): "read", ("get", "/console/static/{digest}/{name}"): "read",
    ("get", "/console/listing/{id}"): "read", ("get", "/console/listing/{id}/{card}"): "read",
    ("get", "/metrics"): "metrics", ("get", "/v1/archive"): "read", ("get", "/v1/archive/months"): "read",
    ("post", "/v1/archive"): "ingest", ("post", "/v1/bands/refresh"): "score",
    ("post", "/v1/series/settle"): "ingest",
    ("post", "/v1/connections/{id}/token"): "notify",
    ("post", "/v1/webhooks"): "admin", ("get", "/v1/webhooks"): "admin",
    ("post", "/v1/webhooks/{id}/{change}"): "admin",
    ("post", "/v1/webhooks/{id}/test"): "admin", ("get", "/v1/webhooks/{id}/letters"): "admin",
    ("post", "/v1/webhooks/{id}/replay"): "admin",
}  # fmt: skip


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    found: dict[str, Any] = create_app(config.documentation()).api_doc
    return found


def test_exactly_the_documented_endpoints_with_their_scopes(described: dict[str, Any]) -> None:
    found = {
        (verb, path): next(iter(operation["security"][0].values()))[0] if operation.get("security") else None
        for path, item in described["paths"].items()
        for verb, operation in item.items()
    }
    assert found == TABLE


def test_every_scope_is_known(described: dict[str, Any]) -> None:
    assert {scope for scope in TABLE.values() if scope} == set(SCOPES)


def test_every_route_that_flask_serves_is_described_or_for_admins_only() -> None:
    app = create_app(config.documentation())
    undescribed = {rule.rule for rule in app.url_map.iter_rules()} - {rule for _, rule in auth.declared(app)}
    assert undescribed == {"/static/<path:filename>"}


@pytest.mark.parametrize("path", sorted(Path(endpoints.__path__[0]).glob("*.py")), ids=lambda path: path.stem)
def test_view_functions_stay_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= 25, f"{path.name}:{node.name}"


def test_every_operation_tells_its_problems(described: dict[str, Any]) -> None:
    for item in described["paths"].values():
        for operation in item.values():
            assert list(operation["responses"]["default"]["content"]) == ["application/problem+json"]
    assert "error_id" in described["components"]["schemas"]["Problem"]["required"]
