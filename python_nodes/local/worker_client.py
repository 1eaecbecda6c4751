"""The worker's HTTP interface as `up` uses it."""

from __future__ import annotations

import time
from collections.abc import Callable
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

    def run_job(self, path: str, body: object, *, key: str, progress: Callable[[int, int], None]) -> None:
        """Start a job and follow it to its end."""
        job_id = self.post(path, body, key=key)["job_id"]
        deadline = time.monotonic() + JOB_PATIENCE_S
        while time.monotonic() < deadline:
            job = self.get(f"/v1/jobs/{job_id}")
            progress(int(job.get("done") or 0), int(job.get("total") or 0))
            if job["state"] in ("done", "failed"):
                if job["state"] == "failed":
                    raise PermanentError(f"job {job_id} failed: {job.get('error')}", status=500)
                return
            time.sleep(JOB_POLL_S)
        raise PermanentError(f"job {job_id} did not end within {JOB_PATIENCE_S:.0f} s", status=504)


def _checked(response: httpx2.Response) -> Any:
    if not response.is_success:
        raise PermanentError(
            f"the worker answered {response.status_code} on {response.request.url.path}: {response.text[:500]}",
            status=502,
        )
    return response.json()
