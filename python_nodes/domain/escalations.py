"""Where alerts stand in their escalations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A telling that waits for a team's hours."""

    sender: str
    recipient: str
    step: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where one alert stands in one escalation.

    ``step`` counts from 0 in ``chain``; ``step_at`` is when it is due, None when none is left. ``told`` counts the
    tellings carried out and ``repeats`` the repetitions by chain and step. One that ``is_parked`` waits until the alert
    matches again.
    """

    escalation: str
    chain: str
    began_at: datetime
    step: int = 0
    step_at: datetime | None = None
    waited: timedelta = timedelta()
    told: int = 0
    repeats: Mapping[str, int] = field(default_factory=dict)
    held: tuple[Held, ...] = ()
    is_parked: bool = False
    ended_because: str | None = None

    @property
    def due_at(self) -> datetime | None:
        """Return when it has to be looked at next; None if by itself nothing more happens."""
        if self.ended_because is not None or self.is_parked:
            return None
        return min((at for at in (self.step_at, *(one.until for one in self.held)) if at is not None), default=None)
