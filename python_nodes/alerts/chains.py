"""What an escalation does, step by step, while nobody ends the problem."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Until = Literal["acknowledged", "resolved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Tell teams and whoever is on call in rotations; where neither is named, the teams that routes lead to.

    No ``senders`` means every way that those have.
    """

    teams: tuple[str, ...] = ()
    rotations: tuple[str, ...] = ()
    senders: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Give people time."""

    span: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class IfUnacknowledged:
    """Go on only if nobody has the alert in hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IfMoreThan:
    """Go on only if more than so many alerts that the escalation matches were raised within the last ``span``."""

    alerts: int
    span: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatFrom:
    """Go back to a step, counted from 0, at most so many times; then go on."""

    step: int
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Go on with another chain, from its first step."""

    chain: str


Step = Notify | Wait | IfUnacknowledged | IfMoreThan | RepeatFrom | HandOver


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Steps in order; an acknowledgement ends it, unless it goes on ``until`` the problem is resolved."""

    name: str
    steps: tuple[Step, ...]
    until: Until = "acknowledged"


def span(waited: timedelta) -> str:
    """Write a time that somebody waited, in minutes or whole hours."""
    minutes = int(waited.total_seconds() // 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h" if hours and not rest else f"{minutes} min"


def in_words(step: Step) -> str:
    """Say what a step does."""
    match step:
        case Notify():
            whom = (
                ", ".join((*step.teams, *(f"on call in {name}" for name in step.rotations))) or "those routes lead to"
            )
            return f"notify {whom}" + (f" by {', '.join(sorted(step.senders))}" if step.senders else "")
        case Wait():
            return f"wait {span(step.span)}"
        case IfUnacknowledged():
            return "go on if nobody has it in hand"
        case IfMoreThan():
            what = "such alert" if step.alerts == 1 else "such alerts"
            return f"go on if more than {step.alerts} {what} within {span(step.span)}"
        case RepeatFrom():
            return f"repeat from step {step.step + 1}, at most {step.times} {'time' if step.times == 1 else 'times'}"
        case HandOver():
            return f"hand over to {step.chain}"
