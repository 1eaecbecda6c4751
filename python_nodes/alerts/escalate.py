"""Escalate: who is told next while nobody takes care of an alert. Pure; the moment is passed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from python_nodes.alerts.policy import Escalation, RoutePolicy, Subject, Team
from python_nodes.alerts.route import QUIET, PastDelivery, Routed, Suppressed, Target, mismatch

PREFIX = "escalate-"
"""Begins the step of every delivery that an escalation plans; the escalation's own name follows."""


def due(about: Subject, policy: RoutePolicy, as_of: datetime, past: Sequence[PastDelivery]) -> Routed:
    """Decide who is told now because the alert has waited; what ``past`` holds already is left out.

    The caller asks only for alerts that nobody has acknowledged, been assigned to or ended.
    """
    known = {(one.step, one.sender, one.recipient) for one in past}
    reached = [
        one
        for one in policy.escalations
        if about.resolved_at is None and mismatch(about, one.rule) is None and as_of >= about.raised_at + one.after
    ]
    decided = [
        _decide(about, policy, escalation, way, as_of) for escalation in reached for way in _ways(policy, escalation)
    ]
    new = [one for one in decided if (one.step, one.sender, one.recipient) not in known]
    return Routed(
        send=tuple(one for one in new if isinstance(one, Target)),
        suppressed=tuple(one for one in new if isinstance(one, Suppressed)),
        why=tuple(f"escalation {one.rule.name!r}: waited for {span(one.after)}" for one in reached),
    )


def span(waited: timedelta) -> str:
    """Write a time that somebody waited, in minutes or whole hours."""
    minutes = int(waited.total_seconds() // 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h" if hours and not rest else f"{minutes} min"


def _ways(policy: RoutePolicy, escalation: Escalation) -> Iterator[tuple[Team, str, str]]:
    """Yield each recipient of one escalation once, though two of its teams may name it."""
    seen: set[tuple[str, str]] = set()
    wanted = escalation.rule.senders
    for team in (policy.teams[name] for name in escalation.rule.teams):
        for sender, recipients in team.recipients.items():
            for recipient in recipients or ("",):
                if (not wanted or sender in wanted) and (sender, recipient) not in seen:
                    seen.add((sender, recipient))
                    yield team, sender, recipient


def _decide(
    about: Subject, policy: RoutePolicy, escalation: Escalation, way: tuple[Team, str, str], as_of: datetime
) -> Target | Suppressed:
    team, sender, recipient = way
    step = f"{PREFIX}{escalation.rule.name}"
    why_not = team.unset[sender] if not recipient else policy.not_set_up.get(sender)
    if why_not is not None:
        return Suppressed(sender=sender, recipient=recipient, step=step, reason=why_not)
    if team.hours is not None and about.category != "critical" and not team.hours.is_open(as_of):
        later = team.hours.opens_at(as_of).astimezone(ZoneInfo(team.hours.zone))
        reason = f"quiet hours of {team.name}: told from {later:%Y-%m-%d %H:%M %Z}"
        return Suppressed(sender=sender, recipient=recipient, step=step + QUIET, reason=reason, waits_until=later)
    reason = f"Nobody has taken care of it for {span(escalation.after)}: {escalation.rule.name}"
    return Target(sender=sender, recipient=recipient, step=step, reason=reason)
