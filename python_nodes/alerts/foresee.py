"""What escalations will do if nobody acts: the same machine that runs, with the clock put forward from wait to wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from python_nodes.alerts.escalate import Advanced, Seen, advance, begin
from python_nodes.alerts.policy import Escalation, RoutePolicy, Subject
from python_nodes.alerts.route import mismatch
from python_nodes.domain.escalations import Progress

LONGEST = 1_000
"""Looks at a chain; the file's own bounds keep it under this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What one escalation does at one moment."""

    at: datetime
    escalation: str
    done: Advanced


def foresee(about: Subject, policy: RoutePolicy, as_of: datetime) -> list[Foreseen]:
    """Return all that happens from now on, in order of time; a condition on how many alerts there are is taken to hold.

    An alert that was never said to be raised is taken to be raised now.
    """
    known = replace(about, raised_at=as_of) if about.raised_at.year == 1 else about
    reached = [one for one in policy.escalations if mismatch(known, one.rule) is None]
    if known.resolved_at is not None:
        return []
    found = [one for escalation in reached for one in _follow(escalation, known, policy)]
    return sorted((one for one in found if one.at >= as_of), key=lambda one: one.at)


def _follow(escalation: Escalation, about: Subject, policy: RoutePolicy) -> Iterator[Foreseen]:
    now: Progress = begin(escalation, about)
    nobody = Seen(in_hand=False, muted_until=None, raised_within=lambda rule, span: 1_000_000)
    for _ in range(LONGEST):
        due_at = now.due_at
        if due_at is None:
            return
        done = advance(now, about, policy, nobody, due_at)
        now = done.progress
        yield Foreseen(at=due_at, escalation=escalation.rule.name, done=done)


def missed(about: Subject, policy: RoutePolicy) -> list[str]:
    """Say of each escalation that does not begin why."""
    found = ((one.rule.name, mismatch(about, one.rule)) for one in policy.escalations)
    return [f"escalation {name!r} does not begin: {why}" for name, why in found if why is not None]
