"""GraphQL over HTTP: the queries' text, and what an answer with status 200 still refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from python_nodes.errors import NightporterError, PermanentError, RetryableError
from python_nodes.vendors.base import ThrottledError
from python_nodes.vendors.base_http import UPSTREAM_STATUS, UnauthorizedError

PATH = "/supply/lodging/graphql"
QUERIES = Path(__file__).with_name("queries")
FRAGMENTS = {"Sale": "Sale.fragment.graphql"}
LONGEST_WAIT_S = 86_400
ACCEPT = "application/graphql-response+json, application/json"

_PASSING = frozenset({"INTERNAL_SERVER_ERROR", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT", "DOWNSTREAM_ERROR"})
_AGAIN_IN = re.compile(r"again in (\d{1,5}) second")


@cache
def document(name: str) -> str:
    """One query with the fragments it uses."""
    text = (QUERIES / f"{name}.graphql").read_text(encoding="utf-8")
    parts = [(QUERIES / file).read_text(encoding="utf-8") for used, file in FRAGMENTS.items() if f"...{used}\n" in text]
    return "\n".join([text, *parts])


def documents() -> dict[str, str]:
    """Every query that is sent, by name."""
    names = {path.stem for path in QUERIES.glob("*.graphql") if ".fragment." not in path.name}
    return {name: document(name) for name in sorted(names)}


def refuse(content: bytes) -> None:
    """Raise for errors that concern the whole call.

    An error about one property is left in the answer, and so is the data that came with it: mapping quarantines the
    one and reads the other. So is what is no JSON at all.
    """
    # Most answers tell of none, and a page of reservations is long to read for nothing.
    if b'"errors"' not in content:
        return
    try:
        answer: Any = json.loads(content)
    except (ValueError, RecursionError):
        return
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if not isinstance(errors, list):
        return
    told = [one for one in errors if isinstance(one, dict)]
    for error in told:
        raised = _whole(error, has_data=_has_data(answer))
        if raised is not None:
            raise raised
    if answer.get("data") is None and not any(error.get("path") for error in told):
        raise PermanentError(f"expedia_group: GraphQL refused the call ({code(told)})", status=UPSTREAM_STATUS)


def code(errors: list[Any]) -> str:
    """The first error's code; its message is left out, since it may repeat what was sent."""
    for error in errors:
        extensions = error.get("extensions") if isinstance(error, dict) else None
        if isinstance(extensions, dict):
            found = extensions.get("code") or extensions.get("classification")
            if isinstance(found, str):
                return re.sub(r"[^\w.-]", "?", found[:40])
    return "without a code"


def _whole(error: Mapping[str, Any], *, has_data: bool) -> NightporterError | None:
    known = code([error])
    if known == "RATE_LIMIT_EXCEEDED":
        return ThrottledError("expedia_group: GraphQL rate limit exceeded", retry_after_s=_wait_s(error))
    if known in ("UNAUTHENTICATED", "UNAUTHORIZED"):
        return UnauthorizedError("expedia_group: GraphQL refused the token (401)", status=UPSTREAM_STATUS)
    if known in _PASSING and not has_data:
        return RetryableError(f"expedia_group: GraphQL failed with {known}")
    return None


def _wait_s(error: Mapping[str, Any]) -> float | None:
    extensions = error.get("extensions")
    duration = extensions.get("duration") if isinstance(extensions, dict) else None
    if isinstance(duration, int | float) and 0 <= duration <= LONGEST_WAIT_S:
        return float(duration)
    found = _AGAIN_IN.search(str(error.get("message", "")))
    return float(found.group(1)) if found else None


def _has_data(answer: Mapping[str, Any]) -> bool:
    """Whether anything came: a property whose every part is null holds nothing."""
    data = answer.get("data")
    found = data.values() if isinstance(data, dict) else ()
    parts = [part for value in found for part in (value.values() if isinstance(value, dict) else [value])]
    return any(part is not None for part in parts)
