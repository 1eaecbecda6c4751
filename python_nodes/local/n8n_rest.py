"""A running n8n's own REST interface, signed in as its owner: what the editor uses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx2
import tenacity

from python_nodes.domain import flow_proof
from python_nodes.errors import PermanentError, RetryableError

OWNER_EMAIL = "owner@nightporter.localhost"
PAGE_SIZE = 100
HEADER_AUTH, TOKEN_AUTH = "httpHeaderAuth", "jwtAuth"


class Rest:
    """n8n's own REST interface, signed in as the owner."""

    def __init__(self, at: int | str, owner_password: str) -> None:
        """Name the port on this machine, or the whole address."""
        url = at if isinstance(at, str) else f"http://127.0.0.1:{at}"
        self._client = httpx2.Client(base_url=f"{url.rstrip('/')}/rest", timeout=60.0)
        self._password = owner_password

    def __enter__(self) -> Rest:
        try:
            self._sign_in()
        except httpx2.TransportError:
            self._client.close()
            raise RetryableError(f"n8n does not answer at {self._client.base_url}: start it with `make run`") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(5), wait=tenacity.wait_fixed(1), reraise=True,
        retry=tenacity.retry_if_exception_type(httpx2.TransportError),
    )  # fmt: skip
    def _sign_in(self) -> None:
        login = {"emailOrLdapLoginId": OWNER_EMAIL, "password": self._password}
        if not self._client.post("/login", json=login).is_success:
            owner = {"email": OWNER_EMAIL, "firstName": "Night", "lastName": "Porter", "password": self._password}
            _checked(self._client.post("/owner/setup", json=owner))
        # Browsers come by the proxy's TLS and are told to send it there only; we come from within, past the proxy.
        for cookie in self._client.cookies.jar:
            cookie.secure = False

    def workflows(self) -> list[dict[str, Any]]:
        """Every flow that n8n holds, in short: its id, and which version of it runs, if any."""
        found: list[dict[str, Any]] = []
        while True:
            told = _checked(self._client.get("/workflows", params={"take": PAGE_SIZE, "skip": len(found)}))
            found.extend(told["data"])
            if not told["data"] or len(found) >= told["count"]:
                return found

    def workflow(self, workflow_id: str) -> dict[str, Any] | None:
        """One flow as n8n holds it; None if there is none of that id."""
        answer = self._client.get(f"/workflows/{workflow_id}")
        if answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
            return None
        found: dict[str, Any] = _checked(answer)["data"]
        return found

    def save_workflow(self, flow: Mapping[str, Any], *, is_new: bool) -> str:
        """Write a flow under its own id, over what is there; its tags are ids of this n8n. Returns the new version."""
        if is_new:
            answer = self._client.post("/workflows", json=dict(flow))
        else:
            answer = self._client.patch(f"/workflows/{flow['id']}", json=dict(flow))
        return str(_checked(answer)["data"]["versionId"])

    def publish(self, workflow_id: str, version: str) -> None:
        """Make a version of a flow the one that runs."""
        _checked(self._client.post(f"/workflows/{workflow_id}/activate", json={"versionId": version}))

    def tag_ids(self, names: Sequence[str]) -> dict[str, str]:
        """This n8n's ids of tags by name; what is missing is made."""
        known = {tag["name"]: str(tag["id"]) for tag in _checked(self._client.get("/tags"))["data"]}
        for name in sorted(set(names) - known.keys()):
            known[name] = str(_checked(self._client.post("/tags", json={"name": name}))["data"]["id"])
        return {name: known[name] for name in names}

    def credential_ids(self) -> dict[str, str]:
        """This n8n's ids of credentials by name."""
        return {item["name"]: str(item["id"]) for item in _checked(self._client.get("/credentials"))["data"]}

    def save_header_credential(self, name: str, data: Mapping[str, str]) -> None:
        """Write a credential that sends one header, over the one of that name if there is one."""
        self._save_credential({"name": name, "type": HEADER_AUTH, "data": dict(data)})

    def save_token_credential(self, name: str, secret: str) -> None:
        """Write a credential by which n8n checks tokens that the secret signed."""
        data = {"keyType": "passphrase", "secret": secret, "algorithm": flow_proof.ALGORITHM}
        self._save_credential({"name": name, "type": TOKEN_AUTH, "data": data})

    def _save_credential(self, body: Mapping[str, Any]) -> None:
        known = self.credential_ids().get(body["name"])
        if known is None:
            _checked(self._client.post("/credentials", json=dict(body)))
        else:
            _checked(self._client.patch(f"/credentials/{known}", json=dict(body)))

    def executions(self, *, since: datetime, workflow_id: str | None = None) -> list[dict[str, Any]]:
        """Every execution that started after a moment, newest first."""
        criteria: dict[str, str] = {"startedAfter": since.isoformat()}
        if workflow_id is not None:
            criteria["workflowId"] = workflow_id
        found: list[dict[str, Any]] = []
        while True:
            query = {"filter": json.dumps(criteria), "limit": str(PAGE_SIZE)}
            if found:
                query["lastId"] = str(found[-1]["id"])
            page = _checked(self._client.get("/executions", params=query))["data"]["results"]
            found.extend(page)
            if len(page) < PAGE_SIZE:
                return found


def execution_counts(executions: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many executions ended well and how many did not."""
    success = sum(1 for execution in executions if execution["status"] == "success")
    running = sum(1 for execution in executions if execution["status"] in ("running", "new", "waiting"))
    return {"success": success, "error": len(executions) - success - running}


def _checked(response: httpx2.Response) -> dict[str, Any]:
    if not response.is_success:
        raise PermanentError(
            f"n8n answered {response.status_code} on {response.request.url.path}: {response.text[:300]}",
            status=502,
        )
    body: dict[str, Any] = response.json()
    return body
