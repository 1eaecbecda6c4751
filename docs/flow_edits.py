"""Edits that docs/flows.md explains, made as an ops user would: tests run them in a real n8n, pictures show them."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from python_nodes.local.flows import CREDENTIAL_IDS, WORKER_ADDRESS, WORKER_CREDENTIAL, Flow

HTTP_REQUEST, IF = ("n8n-nodes-base.httpRequest", 4.2), ("n8n-nodes-base.if", 2.2)
OWN_SYSTEM = "https://tickets.example.com/messages"
OWN_SOURCE = "https://agency.example.com/health.json"
STEP_MS, FETCH_MS = 10_000, 60_000
BOX = 220
GATHER = "Gather every outcome"


def own_step(flow: Flow, url: str = OWN_SYSTEM) -> Flow:
    """Insert a step into `notify`: tell a system of our own of each message before it goes out."""
    edited = copy.deepcopy(flow)
    before, after = (_node(edited, name) for name in ("Split out deliveries", "Send one delivery"))
    place = tuple(after["position"])
    _make_room(edited, "Section: send", place[0])
    told = {
        "method": "POST", "url": url, "sendBody": True, "specifyBody": "json",
        "jsonBody": "={{ JSON.stringify($json) }}", "options": {"timeout": STEP_MS},
    }  # fmt: skip
    # Whatever becomes of it, the message goes out.
    step = _added(edited, "Tell our own system", HTTP_REQUEST, told, place, onError="continueRegularOutput")
    _lead(edited, before, 0, step)
    _lead(edited, step, 0, after)
    return edited


def own_request(
    flow: Flow, url: str = OWN_SOURCE, *, connection_id: int = 1, vendor: str = "booking_com", operation: str = "health"
) -> Flow:
    """Replace a poll in `poll-listings`: fetch one operation of one connection ourselves, hand it on as it came."""
    edited = copy.deepcopy(flow)
    is_ours = f"={{{{ $json.id === {connection_id} && $json.operations === '{operation}' }}}}"
    fetching = {"url": url, "options": {"timeout": FETCH_MS, "response": {"response": {"responseFormat": "file"}}}}
    choice = _added(edited, "Do we fetch it ourselves?", IF, _condition(is_ours), (1360, -240))
    fetch = _added(
        edited, "Fetch it our way", HTTP_REQUEST, fetching, (1580, -240), onError="continueErrorOutput"
    )  # fmt: skip
    hand_on = _added(
        edited, "Hand it on as it came", HTTP_REQUEST, _handing_on(f"{vendor}/{operation}", connection_id),
        (1800, -240), onError="continueRegularOutput",
        credentials={"httpHeaderAuth": {"id": CREDENTIAL_IDS[WORKER_CREDENTIAL], "name": WORKER_CREDENTIAL}},
    )  # fmt: skip
    split, poll, gather = (_node(edited, name) for name in ("Split out operations", "Name each poll", GATHER))
    # An input of its own for each: n8n runs a merge once more where two lines lead to one.
    gather["parameters"]["numberInputs"] = 5
    for source, output, target, into in (
        (split, 0, choice, 0), (choice, 0, fetch, 0), (choice, 1, poll, 0),
        (fetch, 0, hand_on, 0), (fetch, 1, gather, 3), (hand_on, 0, gather, 4),
    ):  # fmt: skip
        _lead(edited, source, output, target, into)
    return edited


EDITS: Mapping[str, tuple[str, Callable[[Flow], Flow]]] = {
    "own-step": ("notify", own_step), "own-request": ("poll-listings", own_request),
}  # fmt: skip
"""By the name of its picture: the flow that is edited, and how."""


def _handing_on(path: str, connection_id: int) -> Flow:
    headers = {
        # n8n would encode a form anew.
        "Content-Type": "application/octet-stream",
        "X-Original-Content-Type": "={{ $binary.data.mimeType }}",
    }
    query = {"connection_id": str(connection_id), "as_of": "={{ $('Set the moment').first().json.as_of }}"}
    return {
        "method": "POST", "url": f"{WORKER_ADDRESS}/v1/normalize/{path}",
        "authentication": "genericCredentialType", "genericAuthType": "httpHeaderAuth",
        "sendQuery": True, "queryParameters": {"parameters": _pairs(query)},
        "sendHeaders": True, "headerParameters": {"parameters": _pairs(headers)},
        "sendBody": True, "contentType": "binaryData", "inputDataFieldName": "data",
        "options": {"timeout": FETCH_MS},
    }  # fmt: skip


def _pairs(told: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in told.items()]


def _condition(expression: str) -> Flow:
    is_true = {"type": "boolean", "operation": "true", "singleValue": True}
    one = {"id": "is-true", "leftValue": expression, "rightValue": "", "operator": is_true}
    how = {"caseSensitive": True, "leftValue": "", "typeValidation": "strict", "version": 2}
    return {"conditions": {"options": how, "conditions": [one], "combinator": "and"}, "options": {}}


def _node(flow: Flow, name: str) -> Flow:
    return next(node for node in flow["nodes"] if node["name"] == name)


def _added(
    flow: Flow, name: str, kind: tuple[str, float], parameters: Flow, position: tuple[int, int], **more: Any
) -> Flow:
    node = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{flow['id']}/{name}")), "name": name, "type": kind[0],
        "typeVersion": kind[1], "position": list(position), "parameters": parameters, **more,
    }  # fmt: skip
    flow["nodes"].append(node)
    return node


def _make_room(flow: Flow, section: str, x: int) -> None:
    """Move all that stands from ``x`` on to the right by a box, as the editor does, and widen the section it is in."""
    _node(flow, section)["parameters"]["width"] += BOX
    for node in flow["nodes"]:
        if node["position"][0] >= x:
            node["position"][0] += BOX


def _lead(flow: Flow, source: Flow, output: int, target: Flow, into: int = 0) -> None:
    """Lead one output of a node to another alone."""
    lines = flow["connections"].setdefault(source["name"], {}).setdefault("main", [])
    lines.extend([] for _ in range(output + 1 - len(lines)))
    lines[output] = [{"node": target["name"], "type": "main", "index": into}]
