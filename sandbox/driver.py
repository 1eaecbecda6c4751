"""Drives the live days: sets the clock, rewrites the operator's calendar, and calls the flows' webhooks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

import httpx2
import jwt
import tenacity

from sandbox.clock import SimulatedClock

STEP_TIMEOUT_S = 300.0
_START_PATIENCE_S = 90.0


def proof(secret: str) -> dict[str, str]:
    """What a caller of a flow shows: a token that is good for some minutes, since n8n keeps it."""
    told = {"iss": "sandbox", "exp": datetime.now(UTC) + timedelta(minutes=5)}
    return {"Authorization": f"Bearer {jwt.encode(told, secret, 'HS256')}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to drive: both webhooks, their shared secret, and how many days."""

    poll_url: str
    score_url: str
    webhook_secret: str
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far the driver is."""

    state: Literal["idle", "running", "done", "failed"] = "idle"
    day: date | None = None
    days_done: int = 0
    days: int = 0
    steps_failed: int = 0
    errors: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The contract's shape."""
        return {
            "state": self.state, "day": self.day.isoformat() if self.day else None, "days_done": self.days_done,
            "days": self.days, "steps_failed": self.steps_failed, "errors": list(self.errors),
        }  # fmt: skip


class NotRegisteredYet(Exception):
    """The webhook answers 404: n8n needs seconds after start before its paths exist."""


class Driver:
    """One thread that steps day after day; only one drive at a time."""

    def __init__(self, clock: SimulatedClock, t0_date: date, write_calendar: Callable[[date], None]) -> None:
        self._clock = clock
        self._t0_date = t0_date
        self._write_calendar = write_calendar
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._status = Status()
        self._thread: threading.Thread | None = None

    def start(self, order: Order) -> bool:
        """Begin; False if a drive is under way."""
        with self._lock:
            if self._status.state == "running":
                return False
            self._stop.clear()
            self._status = Status(state="running", days=order.days)
            self._thread = threading.Thread(target=self._run, args=(order,), name="driver", daemon=True)
            self._thread.start()
            return True

    def stop(self) -> None:
        """Ask the drive to end after the step it is in."""
        self._stop.set()

    def status(self) -> Status:
        """How far it is."""
        with self._lock:
            return self._status

    def _run(self, order: Order) -> None:
        # "failed" unless the end is reached: the thread must not die without the status telling.
        state: Literal["done", "failed"] = "failed"
        try:
            with httpx2.Client(timeout=STEP_TIMEOUT_S, trust_env=False) as client:
                for offset in range(order.days):
                    if self._stop.is_set():
                        break
                    self._day(client, order, self._t0_date + timedelta(days=offset), first=offset == 0)
            state = "done"
        finally:
            self._change(state=state)

    def _day(self, client: httpx2.Client, order: Order, day: date, *, first: bool) -> None:
        moment_at = datetime.combine(day, time(12), tzinfo=UTC)
        self._clock.step_to(moment_at)
        self._write_calendar(day)
        self._change(day=day)
        for step, url in (("poll", order.poll_url), ("score", order.score_url)):
            patience_s = _START_PATIENCE_S if first else 0.0
            reason = self._call(client, url, moment_at, order.webhook_secret, patience_s)
            if reason:
                self._failed(f"{day} {step}: {reason}")
                break
        self._change(days_done=self.status().days_done + 1)

    def _call(self, client: httpx2.Client, url: str, moment_at: datetime, secret: str, patience_s: float) -> str | None:
        """Call one webhook; the reason of its failure, or None."""

        def post() -> httpx2.Response:
            response = client.post(url, json={"as_of": moment_at.isoformat()}, headers=proof(secret))
            if response.status_code == 404:
                raise NotRegisteredYet("HTTP 404: the webhook is not registered")
            return response

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((httpx2.ConnectError, NotRegisteredYet)),
            wait=tenacity.wait_fixed(1.0),
            stop=tenacity.stop_any(tenacity.stop_after_delay(patience_s), tenacity.stop_when_event_set(self._stop)),
            sleep=tenacity.sleep_using_event(self._stop),
            reraise=True,
        )
        try:
            return _verdict(retrying(post))
        except (httpx2.HTTPError, NotRegisteredYet) as error:
            return f"{type(error).__name__}: {error}"

    def _failed(self, reason: str) -> None:
        with self._lock:
            self._status = replace(
                self._status, steps_failed=self._status.steps_failed + 1, errors=(*self._status.errors, reason)
            )

    def _change(self, **changes: Any) -> None:
        with self._lock:
            self._status = replace(self._status, **changes)


def _verdict(response: httpx2.Response) -> str | None:
    """The reason why a step's answer counts as failed, or None."""
    if not response.is_success:
        return f"HTTP {response.status_code}: {response.text[:300]}"
    try:
        body = response.json()
    except ValueError:
        return None
    for part in body if isinstance(body, list) else [body]:
        if isinstance(part, dict) and part.get("failed"):
            return f"failed: {str(part['failed'])[:300]}"
    return None
