"""What Schemathesis loads: counts each request and its answer, and notes what was slow (SCHEMATHESIS_HOOKS)."""

from __future__ import annotations

import atexit
import base64
import json
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis

SLOWEST_S = float(os.environ.get("FUZZ_SLOWEST_S", "5"))
_KEY_IDS = frozenset(os.environ.get("FUZZ_KEY_IDS", "").split(","))
PROBLEM = "application/problem+json"
_statuses: Counter[int] = Counter()
_taken_s: Counter[str] = Counter()
_faults: list[str] = []
_slow: list[dict[str, Any]] = []
_slowest: list[float] = [0.0]
_lock = threading.Lock()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Leave the keys in use alone: what would revoke or replace one of them asks it of the first, which nobody uses."""
    told = (case.path_parameters or {}).get("id")
    if case.path.startswith("/v1/keys/") and str(told).strip().lstrip("+0") in _KEY_IDS:
        case.path_parameters["id"] = 1


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Count; a 503 must be a problem that says which store, any other 5xx is a fault."""
    status, elapsed_s = response.status_code, float(response.elapsed)
    with _lock:
        _statuses[status] += 1
        _taken_s[f"{case.method} {case.path}"] += elapsed_s
        _slowest[0] = max(_slowest[0], elapsed_s)
        if elapsed_s > SLOWEST_S:
            _slow.append(_sent(response.request))
        kind = response.headers.get("content-type", [""])
        told = kind[0] if isinstance(kind, list) else kind
        if status >= 500 and not (status == 503 and told == PROBLEM):
            _faults.append(f"{status}: {case.as_curl_command()[:2000]}")


def _sent(request: Any) -> dict[str, Any]:
    """The request without its key, which is not for a file."""
    body = request.body or b""
    raw = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
    headers = {name: _word(value) for name, value in request.headers.items() if name.lower() != "authorization"}
    return {"method": request.method, "url": request.url, "headers": headers, "body": base64.b64encode(raw).decode()}


def _word(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


@schemathesis.hook
def after_network_error(context: Any, case: Any, request: Any) -> None:
    """No answer at all is a fault."""
    with _lock:
        _faults.append(f"no answer: {case.method} {case.path}")


@atexit.register
def write() -> None:
    """Leave the counts where the caller looks for them."""
    place = os.environ.get("FUZZ_COUNTS")
    if place:
        counts = {
            "statuses": dict(_statuses), "faults": _faults, "slowest_s": _slowest[0], "slow": _slow,
            "taken_s": dict(_taken_s),
        }  # fmt: skip
        Path(place).write_text(json.dumps(counts), encoding="utf-8")
