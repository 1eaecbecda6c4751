"""Starts a flow by its webhook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import httpx2

from python_nodes.domain import flow_proof
from python_nodes.errors import RetryableError

# The flow answers when all is told; whoever rings does not wait for that.
TIMEOUT = httpx2.Timeout(5.0, read=1.0)


def ring(url: str, secret: str, body: Mapping[str, str], at: datetime) -> None:
    """POST to the webhook; an answer that takes longer than a moment is not waited for."""
    try:
        answer = httpx2.post(url, json=dict(body), headers=flow_proof.headers(secret, at), timeout=TIMEOUT)
    except httpx2.ReadTimeout:
        return
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise RetryableError(f"webhook: {type(error).__name__}") from error
    if not answer.is_success:
        raise RetryableError(f"webhook: answered {answer.status_code}")
