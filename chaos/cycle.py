"""One cycle of the flows `poll-listings`, `score-metrics` and `notify`, and a minute of `escalate-alerts`: the same
requests in the same order."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from chaos.stack import Stack
from python_nodes.domain import flow_proof

LOOKS = ("guards/check", "metrics/score", "listings/value")
"""What the flow asks for at once before it raises."""
AT_ONCE = 8
REQUEST_S = 60.0
FLOW_S = 150.0
"""How long n8n may take for a flow; who waits longer has been forgotten."""


@dataclass(slots=True)
class Outcome:
    """What went wrong in a cycle, and the jobs that were accepted in it."""

    failed: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)


class Flows:
    """Does what n8n would, and goes on where n8n would."""

    def __init__(self, stack: Stack, as_of: str) -> None:
        self._as_of = as_of
        self._base = stack.saved.worker_url
        self._headers = {"Authorization": f"Bearer {stack.key_of('operator')}"}
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """One cycle; a step that fails is noted, and what does not need it goes on."""
        with httpx2.Client(base_url=self._base, headers=self._headers, timeout=REQUEST_S, trust_env=False) as client:
            self._client = client
            with ThreadPoolExecutor(AT_ONCE) as pool:
                self._poll(pool)
                self._score(pool)
        return self.outcome

    def minute(self) -> Outcome:
        """What the flow `escalate-alerts` asks for each minute."""
        with httpx2.Client(base_url=self._base, headers=self._headers, timeout=REQUEST_S, trust_env=False) as client:
            self._client = client
            due = self._post("escalations/due", {}, "due")
            with ThreadPoolExecutor(AT_ONCE) as pool:
                self._tell(pool, [one["alert_id"] for one in (due or {}).get("notify", [])])
        return self.outcome

    def _poll(self, pool: ThreadPoolExecutor) -> None:
        told = self._get("/v1/connections")
        self._read_again(told)
        asked = [
            (f"poll/{operation}", {"connection_id": one["id"]})
            for one in (told or {}).get("connections", [])
            for operation in one["operations"]
        ]
        asked.append(("imports/scan", {"observe": False}))
        list(pool.map(lambda one: self._post(one[0], one[1], f"{one[0]}:{one[1].get('connection_id', 'all')}"), asked))

    def _read_again(self, told: Any) -> None:
        """Have Celery read the last days of one connection again, so that it has work of its own to be struck at."""
        vendors = [one["id"] for one in (told or {}).get("connections", []) if "reservations" in one["operations"]]
        if vendors:
            today = datetime.fromisoformat(self._as_of).date()
            span = {"start": (today - timedelta(days=3)).isoformat(), "end": (today - timedelta(days=1)).isoformat()}
            chosen = vendors[today.toordinal() % len(vendors)]
            job = self._post("backfill", {"connection_id": chosen, **span}, "backfill")
            self.outcome.jobs += [job["job_id"]] if job else []

    def _score(self, pool: ThreadPoolExecutor) -> None:
        if None in list(pool.map(lambda one: self._post(one, {}, one), LOOKS)):
            # The flow raises all the same: what a look last said holds on.
            self.outcome.failed.append("a look")
        raised = self._post("alerts/raise", {}, "raise")
        if raised is None:
            return
        screen = self._post("screen/refresh", {}, "screen")
        self.outcome.jobs += [screen["job_id"]] if screen else []
        self._tell(pool, [one["alert_id"] for one in raised["notify"]])

    def _tell(self, pool: ThreadPoolExecutor, alert_ids: Iterable[int]) -> None:
        routed = pool.map(lambda one: self._post(f"alerts/{one}/route", {}, f"route:{one}"), alert_ids)
        send = [delivery for one in routed if one for delivery in one["send"]]
        list(pool.map(lambda one: self._post(f"deliveries/{one['delivery_id']}/send", {}, f"send:{one}"), send))

    def _get(self, path: str) -> Any:
        try:
            answer = self._client.get(path)
        except httpx2.HTTPError as error:
            self.outcome.failed.append(f"GET {path}: {type(error).__name__}")
            return None
        return self._told(path, answer)

    def _post(self, path: str, body: dict[str, Any], key: str) -> Any:
        headers = {"Idempotency-Key": f"{key}:{self._as_of}"[:200]}
        try:
            answer = self._client.post(f"/v1/{path}", json={**body, "as_of": self._as_of}, headers=headers)
        except httpx2.HTTPError as error:
            self.outcome.failed.append(f"{path}: {type(error).__name__}")
            return None
        return self._told(path, answer)

    def _told(self, path: str, answer: httpx2.Response) -> Any:
        if answer.is_success:
            return answer.json()
        self.outcome.failed.append(f"{path}: {answer.status_code} {answer.text[:300]}")
        return None


def by_worker(stack: Stack, as_of: str) -> Outcome:
    """Ask the worker for one cycle, as the flows would."""
    return Flows(stack, as_of).run()


def minute(stack: Stack, as_of: str) -> Outcome:
    """Ask the worker for what the minute's flow asks for."""
    return Flows(stack, as_of).minute()


def by_n8n(stack: Stack, as_of: str) -> Outcome:
    """Ask a real n8n for one cycle."""
    headers, outcome = flow_proof.headers(stack.saved.webhook_secret, datetime.now(UTC)), Outcome()
    for flow in ("poll-listings", "score-metrics"):
        url, began_s = f"http://127.0.0.1:{stack.saved.ports.n8n}/webhook/{flow}", time.monotonic()
        try:
            answer = httpx2.post(url, json={"as_of": as_of}, headers=headers, timeout=FLOW_S, trust_env=False)
        except httpx2.HTTPError as error:
            outcome.failed.append(f"{flow}: {type(error).__name__} after {time.monotonic() - began_s:.0f} s")
            if isinstance(error, httpx2.TimeoutException):
                # The next would stand behind the one that does not end.
                return outcome
            continue
        if not answer.is_success:
            outcome.failed.append(f"{flow}: {answer.status_code} {answer.text[:300]}")
    return outcome
