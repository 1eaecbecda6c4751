"""The sandbox's own time: the last step's moment plus the real seconds that passed since."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

_LONGEST_WINDOW = timedelta(hours=1)


class SimulatedClock:
    """Time that jumps from step to step and runs at real speed between them."""

    def __init__(self, base_at: datetime) -> None:
        self._lock = threading.Lock()
        self._base_at = base_at.astimezone(UTC)
        self._mark_s = time.monotonic()
        self._era = 0

    def now(self) -> datetime:
        """The simulated moment, UTC."""
        with self._lock:
            return self._now()

    def step_to(self, moment_at: datetime) -> None:
        """Jump to a moment; from there time runs on at real speed."""
        with self._lock:
            if abs(moment_at - self._now()) >= _LONGEST_WINDOW:
                self._era += 1
            self._base_at = moment_at.astimezone(UTC)
            self._mark_s = time.monotonic()

    @property
    def era(self) -> int:
        """Counts the jumps of an hour and more.

        `limits` reads the real clock. Between jumps real and simulated time run alike, and a jump of an hour
        empties every window, so a rate-limit key that carries the era follows the simulated clock.
        """
        with self._lock:
            return self._era

    def _now(self) -> datetime:
        return self._base_at + timedelta(seconds=time.monotonic() - self._mark_s)
