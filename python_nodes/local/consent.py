"""The simulated host's consent, pressed by `up` in his place: nobody sits before the sandbox's page."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2

from python_nodes.errors import PermanentError

REDIRECT_URI = "http://127.0.0.1:9/consented"
"""Nothing listens there: the code is read from the answer that would send a browser to it."""


def allow(ask: Mapping[str, str], client_id: str, client_secret: str) -> dict[str, str]:
    """Allow what ``POST /v1/connections/consent`` answered with; returns the credentials of the connection to be."""
    page = urlsplit(ask["url"])
    form = {**dict(parse_qsl(page.query)), "decision": "allow"}
    address = page._replace(query="").geturl()
    answer = httpx2.post(address, data=form, trust_env=False, timeout=30.0)
    told = parse_qs(urlsplit(answer.headers.get("Location", "")).query)
    if answer.status_code != HTTPStatus.SEE_OTHER or told.get("state") != [ask["state"]] or "code" not in told:
        raise PermanentError(f"consent: {address} answered {answer.status_code} without a code")
    return {
        "client_id": client_id, "client_secret": client_secret, "authorization_code": told["code"][0],
        "state": ask["state"],
    }  # fmt: skip
