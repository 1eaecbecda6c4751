"""Route: who gets an alert, by which sender, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from python_nodes.alerts.dedupe import SEVERITY
from python_nodes.alerts.policy import RoutePolicy, Rule, Subject, Team
from python_nodes.domain.findings import FORESEEN, Alert, Category
from python_nodes.domain.portfolio import ListingInfo

QUIET = "-quiet"
"""Ends the step of a record that says: waits until the team is at work. The step itself stays free to be planned."""


NEVER_FORESEEN = "sms"
"""The sender that wakes people: what is only foreseen never goes by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDelivery:
    """What was already decided for this alert: ``step`` as routed then, ``status`` as stored."""

    sender: str
    recipient: str
    step: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One message to send; (alert, sender, recipient, step) is its identity, so it is planned once only."""

    sender: str
    recipient: str
    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """One message not sent, and why; it is sent later if ``waits_until``."""

    sender: str
    recipient: str
    step: str
    reason: str
    waits_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """The routing decision of one alert at one moment; ``why`` says which routes matched."""

    send: tuple[Target, ...]
    suppressed: tuple[Suppressed, ...]
    why: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        """Tell whether somebody is to be told later, so that routing has to be asked again."""
        return any(one.waits_until is not None for one in self.suppressed)


@dataclass(frozen=True, slots=True)
class _Way:
    """One recipient by one sender, with the routes that reach it and why the others do not."""

    team: Team
    sender: str
    recipient: str
    reached_by: str | None
    passed_by: str


def subject(alert: Alert, listings: Sequence[ListingInfo]) -> Subject:
    """Put together what routes may look at; ``listings`` are those the alert is about."""
    return Subject(
        category=alert.category,
        cause=alert.cause,
        kind=alert.kind,
        metric=alert.metric,
        markets=frozenset({one.market for one in listings} or ({alert.market} if alert.market else ())),
        properties=frozenset(one.property_external_id for one in listings),
        channels=frozenset(one.channel for one in listings),
        raised_at=alert.raised_at,
        resolved_at=alert.resolved_at,
        spread=int(alert.evidence.get("spread", 0)),
    )


def step_of(about: Subject) -> str:
    """Name what is to be told: each category and each spreading once, and the end once, however often it is asked."""
    if about.resolved_at is not None:
        return "resolved"
    return f"raised-{about.category}" + (f"-spread{about.spread}" if about.spread else "")


def matching(about: Subject, policy: RoutePolicy) -> list[Rule]:
    """Return the routes that match, down to the first that is last; the default if none does."""
    found = []
    for rule in policy.routes:
        if mismatch(about, rule) is None:
            found.append(rule)
            if rule.is_last:
                break
    return found or [policy.default]


def mismatch(about: Subject, rule: Rule) -> str | None:
    """Say which field keeps a route from matching."""
    for name, wanted in rule.matches.items():
        told = about.values(name)
        if not told & wanted:
            return f"{name} is {', '.join(sorted(told)) or 'not told'}, not {' or '.join(sorted(wanted))}"
    return None


def route(about: Subject, policy: RoutePolicy, as_of: datetime, past_deliveries: Sequence[PastDelivery]) -> Routed:
    """Decide for each recipient of each team whether it gets this alert now."""
    send: list[Target] = []
    suppressed: list[Suppressed] = []
    step = step_of(about)
    rules = matching(about, policy)
    for way in _ways(about, policy, rules):
        past = [item for item in past_deliveries if (item.sender, item.recipient) == (way.sender, way.recipient)]
        why_not = _why_not(about, policy, way, step, past, as_of)
        later = _quiet_until(about, way.team, as_of) if why_not is None else None
        if later is not None:
            why_not = f"quiet hours of {way.team.name}: told from {later:%Y-%m-%d %H:%M %Z}"
        if why_not is None:
            reason = f"route {way.reached_by!r}: {way.team.name} by {way.sender}"
            if step == "resolved":
                reason = "was told when raised, so it is told that it ended"
            send.append(Target(sender=way.sender, recipient=way.recipient, step=step, reason=reason))
            continue
        suffix = QUIET if later else ""
        suppressed.append(
            Suppressed(
                sender=way.sender, recipient=way.recipient, step=step + suffix, reason=why_not, waits_until=later
            )
        )
    why = tuple(f"route {rule.name!r} matches: {', '.join(rule.teams) or 'nobody is told'}" for rule in rules)
    return Routed(send=tuple(send), suppressed=tuple(suppressed), why=why)


def _ways(about: Subject, policy: RoutePolicy, rules: Sequence[Rule]) -> Iterator[_Way]:
    """Yield each recipient once, though several teams and routes may name it; a route that reaches it wins."""
    ways: dict[tuple[str, str], _Way] = {}
    for team in policy.teams.values():
        for sender, recipients in team.recipients.items():
            reached = next((rule.name for rule in rules if _reaches(rule, team.name, sender)), None)
            for recipient in recipients or ("",):
                known = ways.get((sender, recipient))
                if known is None or (known.reached_by is None and reached is not None):
                    passed = _passed_by(about, policy, team.name, sender)
                    ways[sender, recipient] = _Way(team, sender, recipient, reached, passed)
    yield from ways.values()


def _reaches(rule: Rule, team: str, sender: str) -> bool:
    return team in rule.teams and (not rule.senders or sender in rule.senders)


def _passed_by(about: Subject, policy: RoutePolicy, team: str, sender: str) -> str:
    """Say why no route leads there: what each that could does not match."""
    could = [rule for rule in policy.routes if _reaches(rule, team, sender)]
    missed = [f"route {rule.name!r}: {mismatch(about, rule) or 'a route above it is the last'}" for rule in could]
    return f"no route: {'; '.join(missed) or f'none leads to {team} by {sender}'}"


def _why_not(
    about: Subject, policy: RoutePolicy, way: _Way, step: str, past: Sequence[PastDelivery], as_of: datetime
) -> str | None:  # fmt: skip
    told = [item for item in past if item.status != "suppressed"]
    if any(item.step == step for item in told):
        return f"already planned: {step}"
    if about.raised_at > as_of:
        return "not raised yet at that moment"
    if step == "resolved" and not told:
        return "ended, but its start was never told here"
    if step != "resolved" and way.reached_by is None:
        return way.passed_by
    if not way.recipient:
        return way.team.unset[way.sender]
    if way.sender in policy.not_set_up:
        return policy.not_set_up[way.sender]
    if way.sender == NEVER_FORESEEN and about.kind in FORESEEN:
        return f"{about.kind} tells of days to come: never by {way.sender}"
    loudest = max((SEVERITY[_category(item.step)] for item in told), default=-1)
    if step != "resolved" and SEVERITY[about.category] < loudest:
        return "already told at a higher category"
    return None


def _quiet_until(about: Subject, team: Team, as_of: datetime) -> datetime | None:
    """Return when the team may be told; None if now, as always for what is critical."""
    if team.hours is None or about.category == "critical" or team.hours.is_open(as_of):
        return None
    return team.hours.opens_at(as_of).astimezone(ZoneInfo(team.hours.zone))


def _category(step: str) -> Category:
    """Read the category a step told of; steps that tell none count as the least."""
    parts = step.split("-")
    return next((category for category in SEVERITY if parts[:2] == ["raised", category]), "low")
