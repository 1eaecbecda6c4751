"""What every flow in workflows/ promises; a new file there is tested without a line here."""

from __future__ import annotations

import json
import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask_openapi.openapi import OpenAPI

from python_nodes import auth
from python_nodes.app import create_app
from python_nodes.config import Settings
from python_nodes.local import flows
from python_nodes.local.n8n import cache_dir

FOLDER = Path(__file__).parents[2] / "workflows"
FLOWS = flows.load_folder(FOLDER)
NODES = [
    pytest.param(flow, node, id=f"{name}/{node['name']}") for name, flow in FLOWS.items() for node in flow["nodes"]
]
TRIGGERS = ("Trigger", "webhook")
FALLIBLE = ("n8n-nodes-base.httpRequest", "n8n-nodes-base.executeWorkflow")
SECRET = re.compile(r"(np_[\w-]{20,}|xox[bap]-[\w-]+|Bearer\s+\w{8,}|password|BEGIN [A-Z ]*PRIVATE KEY)", re.IGNORECASE)
ERROR_FLOW = "handle-workflow-error"


@pytest.fixture(scope="module")
def worker() -> OpenAPI:
    # Nothing connects before the first request, so addresses that lead nowhere are enough to list routes.
    settings = Settings.model_validate({
        "database_url": "postgresql://nobody@127.0.0.1:1/none", "redis_url": "redis://127.0.0.1:1/0",
        "secret_key": Fernet.generate_key().decode(), "raw_root": "/nonexistent",
    })  # fmt: skip
    return create_app(settings)


@pytest.fixture(params=FLOWS.values(), ids=FLOWS)
def flow(request: pytest.FixtureRequest) -> flows.Flow:
    return dict(request.param)


def is_trigger(node: dict[str, Any]) -> bool:
    return str(node["type"]).endswith(TRIGGERS)


def is_note(node: dict[str, Any]) -> bool:
    return bool(node["type"] == "n8n-nodes-base.stickyNote")


def targets(flow: flows.Flow, name: str, output: int | None = None) -> list[str]:
    outputs = flow["connections"].get(name, {}).get("main", [])
    chosen = outputs if output is None else outputs[output : output + 1]
    return [link["node"] for links in chosen for link in links]


def reachable(flow: flows.Flow, starts: list[str]) -> set[str]:
    seen, waiting = set(starts), list(starts)
    while waiting:
        for name in targets(flow, waiting.pop()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def is_raw(node: dict[str, Any]) -> bool:
    """Tell a webhook whose sender signs the body instead of knowing our secret."""
    return bool(node["parameters"]["options"].get("rawBody"))


def forwards_raw(node: dict[str, Any]) -> bool:
    return bool(node["parameters"].get("contentType") == "binaryData")


def headers_of(node: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in node["parameters"]["headerParameters"]["parameters"]}


def addresses(flow: flows.Flow, node: dict[str, Any]) -> list[str]:
    """Return where a request goes: one for each of the paths that its flow names before, where it takes them so."""
    address = node["parameters"]["url"].removeprefix("=")
    taken = re.fullmatch(r"(.*/v1/)\{\{ \$json\.(\w+) \}\}", address)
    if taken is None:
        return [address]
    said = [one for other in flow["nodes"] for one in other["parameters"].get("assignments", {}).get("assignments", ())]
    named = [one for one in said if one["name"] == taken[2]]
    lists = [json.loads(one["value"]) if one["type"] == "array" else [one["value"]] for one in named]
    return [taken[1] + path.removeprefix("=") for path in chain.from_iterable(lists)]


def routes_of(flow: flows.Flow, node: dict[str, Any], worker: OpenAPI) -> list[str]:
    """Name the worker's routes that a request may reach; one that there is not fails."""
    method, map_ = node["parameters"]["method"], worker.url_map.bind("worker")
    found = []
    for address in addresses(flow, node):
        assert address.startswith(f"{flows.WORKER_ADDRESS}/v1/")
        path = re.sub(r"\{\{.*?\}\}", "1", address.removeprefix(flows.WORKER_ADDRESS))
        rule, _ = map_.match(path.replace("/v1/poll/1", "/v1/poll/health"), method=method, return_rule=True)
        found.append(str(rule.rule))
    return found


def test_there_are_the_flows_of_the_loop() -> None:
    assert {"poll-listings", "score-metrics", "notify", ERROR_FLOW} <= set(FLOWS)
    assert {"receive-slack-action", "receive-sms-reply"} <= set(FLOWS)


def test_the_file_is_what_an_export_would_write(flow: flows.Flow) -> None:
    assert flows.dump(flows.canonical(flow)) == (FOLDER / f"{flow['id']}.json").read_text()


def test_names_and_ids_are_unique(flow: flows.Flow) -> None:
    for key in ("name", "id"):
        values = [node[key] for node in flow["nodes"]]
        assert len(values) == len(set(values)), key


def test_every_connection_joins_nodes_that_exist(flow: flows.Flow) -> None:
    names = {node["name"] for node in flow["nodes"]}
    ends = [name for source in flow["connections"] for name in targets(flow, source)]
    assert set(flow["connections"]) <= names
    assert set(ends) <= names


def test_every_node_is_reached_from_a_trigger(flow: flows.Flow) -> None:
    starts = [node["name"] for node in flow["nodes"] if is_trigger(node)]
    steps = {node["name"] for node in flow["nodes"] if not is_note(node)}
    assert starts
    assert reachable(flow, starts) == steps


def test_every_expression_names_nodes_that_exist(flow: flows.Flow) -> None:
    names = {node["name"] for node in flow["nodes"]}
    assert set(re.findall(r"\$\('([^']+)'\)", json.dumps(flow))) <= names


def test_settings_are_complete(flow: flows.Flow) -> None:
    settings = flow["settings"]
    assert 0 < settings["executionTimeout"] <= 3600
    assert settings["timezone"]
    assert settings["callerPolicy"] == "workflowsFromSameOwner"
    assert flow["id"] == ERROR_FLOW or settings["errorWorkflow"] in FLOWS
    assert flow["tags"]
    assert flow["description"]


def test_dependencies_exist_and_have_an_order(flow: flows.Flow) -> None:
    assert flows.dependencies(flow) <= set(FLOWS)
    order = flows.in_order(FLOWS)
    assert all(order.index(needed) < order.index(flow["id"]) for needed in flows.dependencies(flow))


def test_a_note_tells_what_the_flow_is_for(flow: flows.Flow) -> None:
    notes = [node["parameters"]["content"] for node in flow["nodes"] if is_note(node)]
    parts = ("Purpose", "Trigger", "Input", "Output", "Failure")
    assert any(all(f"**{part}:**" in note for part in parts) for note in notes)


def test_steps_run_from_left_to_right_and_do_not_overlap(flow: flows.Flow) -> None:
    places = {node["name"]: node["position"] for node in flow["nodes"] if not is_note(node)}
    # Only what waits is come back to.
    waits = {node["name"] for node in flow["nodes"] if node["type"] == "n8n-nodes-base.wait"}
    for source in flow["connections"]:
        for target in set(targets(flow, source)) - waits:
            assert places[source][0] < places[target][0], (source, target)
    assert len({tuple(place) for place in places.values()}) == len(places)


def test_no_secrets_no_pinned_data(flow: flows.Flow) -> None:
    assert not SECRET.search(json.dumps(flow))
    assert not flow.keys() & {"pinData", "staticData", "versionId", "updatedAt", "createdAt"}


@pytest.mark.parametrize(("flow", "node"), NODES)
def test_no_code_nodes(flow: flows.Flow, node: dict[str, Any]) -> None:
    assert node["type"] not in ("n8n-nodes-base.code", "n8n-nodes-base.function", "n8n-nodes-base.executeCommand")


@pytest.mark.parametrize(("flow", "node"), [item for item in NODES if item.values[1]["type"] in FALLIBLE])
def test_a_fallible_step_leads_its_failure_to_stop_and_error(flow: flows.Flow, node: dict[str, Any]) -> None:
    assert node["onError"] == "continueErrorOutput"
    failed = targets(flow, node["name"], output=1)
    assert failed
    stops = {item["name"] for item in flow["nodes"] if item["type"] == "n8n-nodes-base.stopAndError"}
    assert reachable(flow, failed) & stops


@pytest.mark.parametrize(
    ("flow", "node"), [item for item in NODES if item.values[1]["type"] == "n8n-nodes-base.httpRequest"]
)
def test_a_request_goes_to_a_route_of_the_worker(flow: flows.Flow, node: dict[str, Any], worker: OpenAPI) -> None:
    parameters = node["parameters"]
    assert routes_of(flow, node, worker)
    assert 0 < parameters["options"]["timeout"] <= 600_000
    assert node["credentials"]["httpHeaderAuth"]["name"] == flows.WORKER_CREDENTIAL
    headers = headers_of(node)
    assert headers["X-Run-Id"] == "={{ $execution.id }}"
    # Who signs a request sees to its repeats as well: a second try of ours would be refused as a replay.
    assert parameters["method"] == "GET" or forwards_raw(node) or "{{" in headers["Idempotency-Key"]
    assert not (forwards_raw(node) and node.get("retryOnFail"))


@pytest.mark.parametrize(
    ("flow", "node"), [item for item in NODES if item.values[1]["type"] == "n8n-nodes-base.webhook"]
)
def test_a_webhook_is_authenticated_and_answers_by_a_node(
    flow: flows.Flow, node: dict[str, Any], worker: OpenAPI
) -> None:
    assert node["parameters"]["responseMode"] == "responseNode"
    reached = reachable(flow, [node["name"]])
    answers = [
        item for item in flow["nodes"]
        if item["type"] == "n8n-nodes-base.respondToWebhook" and item["name"] in reached
    ]  # fmt: skip
    codes = {item["parameters"]["options"]["responseCode"] for item in answers}
    if not is_raw(node):
        assert node["parameters"]["authentication"] == "jwtAuth"
        assert node["credentials"]["jwtAuth"]["name"] == flows.WEBHOOK_CREDENTIAL
        assert codes == {200, 500}
        return
    assert codes == {"={{ $json.statusCode }}", 500}
    (name,) = targets(flow, node["name"])
    (first,) = [item for item in flow["nodes"] if item["name"] == name]
    assert forwards_raw(first)
    assert headers_of(first)["Content-Type"] == "application/octet-stream"
    assert "X-Original-Content-Type" in headers_of(first)
    declared = auth.declared(worker)["POST", routes_of(flow, first, worker)[0]]
    assert auth.SIGNED & {scheme for need in declared for scheme in need}


def test_every_node_type_exists_in_the_pinned_n8n() -> None:
    known = cache_dir() / "node_modules" / "n8n-nodes-base" / "dist" / "types" / "nodes.json"
    names = {f"n8n-nodes-base.{item['name']}" for item in json.loads(known.read_text())}
    used = {node["type"] for flow in FLOWS.values() for node in flow["nodes"]}
    assert used <= names
