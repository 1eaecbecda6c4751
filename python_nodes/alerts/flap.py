"""Flap: what comes and goes is held open until it stays away; damped as routes are in BGP (RFC 2439, figure of merit).

Each time a problem goes away its penalty grows by one, and halves with time. From ``suppress_at`` on its end is not
told: the alert stays open, quietly, until the penalty is below ``reuse_below`` with the problem still away. With the
defaults any two ends that are told lie more than a day apart, so that nobody hears more than three times in a day
(began, ended, began again), and an alert is held open for 24 to 36 hours after the problem was last seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

FACT = "flap"
"""The state's name in an alert's evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlapSettings:
    """How soon an alert is held open, for how long, and within what time one that ended is the same again."""

    half_life: timedelta = timedelta(hours=12)
    suppress_at: float = 1.25
    reuse_below: float = 0.3125
    most: float = 2.5
    reopen_within: timedelta = timedelta(days=2)


DEFAULTS = FlapSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How restless a problem has been: ``penalty`` as of ``at``; ``gone_at``: away since then, and held open."""

    penalty: float
    at: datetime
    is_damped: bool = False
    gone_at: datetime | None = None


def read(evidence: Mapping[str, Any]) -> State | None:
    """Read the state from an alert's evidence; None where it has never gone away."""
    told = evidence.get(FACT)
    if told is None:
        return None
    gone = told.get("gone_at")
    return State(
        penalty=float(told["penalty"]), at=datetime.fromisoformat(told["at"]), is_damped=bool(told["is_damped"]),
        gone_at=datetime.fromisoformat(gone) if gone else None,
    )  # fmt: skip


def written(state: State) -> dict[str, Any]:
    """Write the state as evidence has it."""
    return {
        "penalty": round(state.penalty, 6), "at": state.at.isoformat(), "is_damped": state.is_damped,
        "gone_at": state.gone_at.isoformat() if state.gone_at else None,
    }  # fmt: skip


def penalty(state: State | None, at: datetime, settings: FlapSettings) -> float:
    """Return what is left of the penalty at a moment."""
    if state is None:
        return 0.0
    return float(state.penalty * 0.5 ** (max(at - state.at, timedelta()) / settings.half_life))


def away(state: State | None, at: datetime, settings: FlapSettings) -> State | None:
    """Return the state of an alert that is held open though its problem is away; None if it may end now."""
    left = penalty(state, at, settings)
    if state is not None and state.gone_at is not None:
        return state if left >= settings.reuse_below else None
    grown = min(left + 1.0, settings.most)
    if grown < settings.suppress_at and not (state is not None and state.is_damped):
        return None
    return State(penalty=grown, at=at, is_damped=True, gone_at=at)


def there(state: State | None, at: datetime, settings: FlapSettings) -> State | None:
    """Return the state of an open alert whose problem is found; None once it has been steady for long."""
    if state is None:
        return None
    left = penalty(state, at, settings)
    if left < settings.reuse_below:
        return None
    return replace(state, penalty=left, at=at, gone_at=None)


def again(state: State | None, ended_at: datetime, at: datetime, settings: FlapSettings) -> State:
    """Return the state of an alert that is opened again: that it ended counts."""
    grown = min(penalty(state, ended_at, settings) + 1.0, settings.most)
    return State(penalty=penalty(State(penalty=grown, at=ended_at), at, settings), at=at)
