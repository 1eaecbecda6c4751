"""Copies of flows that a test may edit: with ids and webhooks of their own, beside those that run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from python_nodes.local import flows
from tests.e2e.conftest import Live

REGISTERED_S = 30.0


@dataclass(frozen=True)
class Copy:
    """A published copy: its id, and the paths of its webhooks."""

    flow_id: str
    hooks: tuple[str, ...]


def publish(live: Live, flow: flows.Flow, worker_url: str) -> Copy:
    """Publish a copy of a flow that calls this worker."""
    copy = flows.with_address(flow, worker_url, rest_schedules=True)
    copy["id"], copy["tags"] = f"copy-{secrets.token_hex(6)}", []
    hooks = []
    with live.rest() as rest:
        credentials = rest.credential_ids()
        for node in copy["nodes"]:
            for used in (node.get("credentials") or {}).values():
                used["id"] = credentials[used["name"]]
            if node["type"] == "n8n-nodes-base.webhook":
                node["webhookId"] = node["parameters"]["path"] = f"copy-{secrets.token_hex(6)}"
                hooks.append(node["parameters"]["path"])
        rest.publish(copy["id"], rest.save_workflow(copy, is_new=True))
    return Copy(copy["id"], tuple(hooks))


def post(live: Live, path: str, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
    """POST to a webhook that has just been published, which n8n registers in its own time."""
    deadline = time.monotonic() + REGISTERED_S
    while True:
        answer = httpx2.post(f"{live.n8n_url}/webhook/{path}", content=body, headers=dict(headers), timeout=120)
        if answer.status_code != 404 or time.monotonic() > deadline:
            return answer
        time.sleep(0.5)
