"""The worker's HTTP interface as `up` uses it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import httpx2

from python_nodes.errors import PermanentError

JOB_POLL_S = 0.5
JOB_PATIENCE_S = 1800.0


class WorkerClient:
    """Calls with the operator's key."""

    def __init__(self, base_url: str, api_key: str) -> None:
        headers = {"Authorization": f"Bearer {api_key}"}
        self._client = httpx2.Client(base_url=base_url, headers=headers, timeout=300.0)

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str) -> Any:
        """The JSON answer of a GET."""
        return _checked(self._client.get(path))

    def post(self, path: str, body: object, *, key: str) -> Any:
        """The JSON answer of a POST that may be repeated."""
        return _checked(self._client.post(path, json=body, headers={"Idempotency-Key": key}))

    def run_jobs(self, path: str, bodies: Mapping[str, object], *, progress: Callable[[int, int], None]) -> None:
        """Start a job for each body, by its idempotency key, and follow all of them to their end."""
        waiting = {self.post(path, body, key=key)["job_id"]: key for key, body in bodies.items()}
        seen: dict[str, tuple[int, int]] = {}
        deadline = time.monotonic() + JOB_PATIENCE_S
        while waiting:
            for job_id, key in list(waiting.items()):
                job = self.get(f"/v1/jobs/{job_id}")
                seen[job_id] = (int(job.get("done") or 0), int(job.get("total") or 0))
                if job["state"] == "failed":
                    raise PermanentError(f"job {key} failed: {job.get('error')}", status=500)
                if job["state"] == "done":
                    del waiting[job_id]
            progress(*summed(seen.values()))
            if waiting and time.monotonic() > deadline:
                left = ", ".join(waiting.values())
                raise PermanentError(f"{left} did not end within {JOB_PATIENCE_S:.0f} s", status=504)
            if waiting:
                time.sleep(JOB_POLL_S)


def summed(jobs: Collection[tuple[int, int]]) -> tuple[int, int]:
    """Steps done and to be done of all jobs; one that has not begun is taken to be as long as the others are."""
    known = [total for _, total in jobs if total]
    total = round(sum(known) * len(jobs) / len(known)) if known else 0
    return sum(done for done, _ in jobs), total


def _checked(response: httpx2.Response) -> Any:
    if not response.is_success:
        raise PermanentError(
            f"the worker answered {response.status_code} on {response.request.url.path}: {response.text[:500]}",
            status=502,
        )
    return response.json()
