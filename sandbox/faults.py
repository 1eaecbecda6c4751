"""Faults by setting: what the simulated OTA does wrong next, and how it shows on the wire."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, after_this_request

from sandbox import faults_bodies

NAMES: tuple[str, ...] = (
    "unauthorized", "rate_limited", "rate_limited_no_header", "server_error", "timeout", "cut_body", "malformed",
    "empty_feed", "error_page", "doubled",
)  # fmt: skip
# An empty feed is the counterpart's own to make: only it knows what its feed looks like without what is in it.
_BODY_FAULTS = ("cut_body", "malformed", "empty_feed")
_RETRY_AFTER_S = 2


class FaultError(ValueError):
    """A fault setting that cannot be; ``field`` is the setting's name."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault; without ``operation`` it meets every operation but the token exchange."""

    name: str
    operation: str | None
    times: int
    delay_s: float = 60.0


class FaultPlan:
    """The fault that is set now and how often it still strikes."""

    def __init__(self, operations: tuple[str, ...]) -> None:
        self._operations = operations
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._left = 0

    def set(self, setting: dict[str, object]) -> Fault | None:
        """Validate a setting by name and make it the plan; ``none`` clears it."""
        fault = _parse(setting, self._operations)
        with self._lock:
            self._fault = fault
            self._left = fault.times if fault else 0
        return fault

    def take(self, operation: str) -> Fault | None:
        """The fault that strikes this request, counted down."""
        with self._lock:
            fault = self._fault
            if fault is None or self._left == 0:
                return None
            if operation != (fault.operation or operation) or (fault.operation is None and operation == "token"):
                return None
            self._left -= 1
            return fault


class FaultBoard:
    """Each counterpart's plan; a setting without ``vendor`` meets all of them, each counting for itself."""

    def __init__(self, operations: Mapping[str, tuple[str, ...]]) -> None:
        self._operations = operations
        self.plans = {vendor: FaultPlan(known) for vendor, known in operations.items()}

    def set(self, setting: dict[str, object]) -> Fault | None:
        """Validate a setting by name before any plan takes it."""
        vendor, rest = setting.get("vendor"), {name: value for name, value in setting.items() if name != "vendor"}
        if vendor is not None and vendor not in self.plans:
            raise FaultError(f"vendor must be one of {', '.join(self.plans)}", "vendor")
        chosen = [name for name in self.plans if vendor in (None, name)]
        known = dict.fromkeys(operation for name in chosen for operation in self._operations[name])
        fault = _parse(rest, tuple(known))
        for name in chosen:
            if fault is None or fault.operation is None or fault.operation in self._operations[name]:
                self.plans[name].set(rest)
        return fault


def early_answer(fault: Fault) -> Response | None:
    """The answer that replaces the operation, or None if the fault spoils the operation's own answer."""
    if fault.name in _BODY_FAULTS:
        return None
    if fault.name == "error_page":
        return faults_bodies.lie()
    if fault.name == "doubled":
        after_this_request(faults_bodies.twice)
        return None
    if fault.name == "timeout":
        time.sleep(fault.delay_s)
        return Response("Gateway Timeout", status=504, mimetype="text/plain")
    status = {"unauthorized": 401, "server_error": 500}.get(fault.name, 429)
    response = Response(f"{fault.name} (set by /control/faults)", status=status, mimetype="text/plain")
    if fault.name == "rate_limited":
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return response


def spoil(fault: Fault, response: Response) -> Response:
    """Cut the body short of its declared length, or break it in the middle."""
    body = response.get_data()
    half = body[: max(1, len(body) // 2)]
    if fault.name == "malformed":
        response.set_data(half + b"\x00<&broken")
        return response
    response.set_data(half)
    response.headers["Content-Length"] = str(max(len(body), len(half) + 1))
    return response


def _parse(setting: dict[str, object], operations: tuple[str, ...]) -> Fault | None:
    unknown = sorted(set(setting) - {"name", "operation", "times", "delay_s"})
    if unknown:
        raise FaultError(f"unknown field {unknown[0]!r}", unknown[0])
    name, operation = setting.get("name"), setting.get("operation")
    times, delay_s = setting.get("times", 1), setting.get("delay_s", 60.0)
    if name == "none":
        return None
    if name not in NAMES:
        raise FaultError(f"name must be one of {', '.join((*NAMES, 'none'))}", "name")
    if operation is not None and operation not in operations:
        raise FaultError(f"operation must be one of {', '.join(operations)}", "operation")
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise FaultError("times must be a whole number of 1 or more", "times")
    if not isinstance(delay_s, int | float) or isinstance(delay_s, bool) or not 0 <= delay_s <= 600:
        raise FaultError("delay_s must be between 0 and 600", "delay_s")
    return Fault(name=str(name), operation=None if operation is None else str(operation), times=times, delay_s=delay_s)
