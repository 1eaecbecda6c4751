"""The sandbox's own time: the last step's moment plus the real seconds that passed since."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

_LONGEST_WINDOW = timedelta(hours=1)


class SimulatedClock:
    """Time that jumps from step to step and runs at real speed between them.

    A step is one tuple that takes another's place: whoever asks waits for nobody, and a thousand rooms ask at a time.
    """

    def __init__(self, base_at: datetime) -> None:
        self._stepping = threading.Lock()
        self._step = (base_at.astimezone(UTC), time.monotonic(), 0)

    def now(self) -> datetime:
        """The simulated moment, UTC."""
        base_at, mark_s, _ = self._step
        return base_at + timedelta(seconds=time.monotonic() - mark_s)

    def step_to(self, moment_at: datetime) -> None:
        """Jump to a moment; from there time runs on at real speed."""
        with self._stepping:
            era = self._step[2] + (abs(moment_at - self.now()) >= _LONGEST_WINDOW)
            self._step = (moment_at.astimezone(UTC), time.monotonic(), era)

    @property
    def era(self) -> int:
        """Counts the jumps of an hour and more.

        `limits` reads the real clock. Between jumps real and simulated time run alike, and a jump of an hour
        empties every window, so a rate-limit key that carries the era follows the simulated clock.
        """
        return self._step[2]
