"""Route: who gets an alert, by which sender, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from python_nodes.alerts.dedupe import SEVERITY
from python_nodes.alerts.policy import Hours, RoutePolicy, Rule, Subject
from python_nodes.alerts.ways import Way, of_team
from python_nodes.domain.findings import FORESEEN, Alert, Category
from python_nodes.domain.portfolio import ListingInfo

QUIET = "-quiet"
"""Ends the step of a record that says: waits until the team is at work. The step itself stays free to be planned."""
OFF_DUTY = "-off-duty"
"""The same of somebody who is not on call: the step stays free for when they are."""
UNKNOWN = "unknown"


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
class _Found:
    """One recipient by one sender, with the route that reaches it and why the others do not."""

    to: Way
    reached_by: str | None
    passed_by: str


def subject(alert: Alert, listings: Sequence[ListingInfo]) -> Subject:
    """Put together what routes may look at; ``listings`` are those the alert is about, none where they are gone."""
    team, probability = likeliest(alert.evidence)
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
        cause_team=team,
        cause_probability=probability,
    )


def likeliest(evidence: Mapping[str, Any]) -> tuple[str, float]:
    """Return the team that the likeliest cause names, and how probable it is; no team where nothing is known."""
    ranked = [one for one in evidence.get("causes", ()) if isinstance(one, Mapping)]
    first = max(ranked, key=lambda one: float(one.get("probability", 0.0)), default={})
    if first.get("cause", UNKNOWN) == UNKNOWN:
        return "", 0.0
    return str(first.get("team") or ""), float(first.get("probability", 0.0))


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
        if name == "cause_team" and told & wanted and about.cause_probability < rule.sure:
            return f"cause_team is {about.cause_team} with {about.cause_probability:.0%} only, not {rule.sure:.0%}"
        if not told & wanted:
            return f"{name} is {', '.join(sorted(told)) or 'not told'}, not {' or '.join(sorted(wanted))}"
    return None


def route(about: Subject, policy: RoutePolicy, as_of: datetime, past_deliveries: Sequence[PastDelivery]) -> Routed:
    """Decide for each recipient of each team whether it gets this alert now."""
    send: list[Target] = []
    suppressed: list[Suppressed] = []
    rules = matching(about, policy)
    for found in _ways(about, policy, rules, as_of):
        to = found.to
        past = [item for item in past_deliveries if (item.sender, item.recipient) == (to.sender, to.recipient)]
        decided = _decide(about, policy, found, past, as_of)
        if isinstance(decided, Target):
            send.append(decided)
        else:
            suppressed.append(decided)
    why = tuple(f"route {rule.name!r} matches: {', '.join(rule.teams) or 'nobody is told'}" for rule in rules)
    return Routed(send=tuple(send), suppressed=tuple(suppressed), why=(*why, *_stand_ins(policy, rules)))


def _stand_ins(policy: RoutePolicy, rules: Sequence[Rule]) -> Iterator[str]:
    for name in dict.fromkeys(name for rule in rules for name in rule.teams):
        if policy.teams[name].stands_in is not None:
            yield f"nobody can be reached in {name}: {policy.teams[name].stands_in} is told in its place"


def _decide(
    about: Subject, policy: RoutePolicy, found: _Found, past: Sequence[PastDelivery], as_of: datetime
) -> Target | Suppressed:
    step, to = step_of(about), found.to
    why_not = _why_not(about, policy, found, step, past, as_of)
    suffix, later = "", None
    if why_not is None and to.off_duty and step != "resolved":
        why_not, suffix = to.off_duty, OFF_DUTY
    elif why_not is None:
        later = quiet_until(about, to.hours, as_of)
    if later is not None:
        why_not, suffix = f"quiet hours of {to.of}: told from {later:%Y-%m-%d %H:%M %Z}", QUIET
    if why_not is not None:
        return Suppressed(
            sender=to.sender, recipient=to.recipient, step=step + suffix, reason=why_not, waits_until=later
        )  # fmt: skip
    reason = f"route {found.reached_by!r}: {to.of} by {to.sender}"
    if step == "resolved":
        reason = "was told when raised, so it is told that it ended"
    return Target(sender=to.sender, recipient=to.recipient, step=step, reason=reason)


def _ways(about: Subject, policy: RoutePolicy, rules: Sequence[Rule], as_of: datetime) -> Iterator[_Found]:
    """Yield each recipient once, though several teams and routes may name it; a route that reaches it wins."""
    found: dict[tuple[str, str], _Found] = {}
    for team in policy.teams.values():
        for way in of_team(policy, team, as_of):
            reached = next((rule.name for rule in rules if _reaches(rule, team.name, way.sender)), None)
            known = found.get((way.sender, way.recipient))
            if known is None or _rank(way, reached) > _rank(known.to, known.reached_by):
                passed = _passed_by(about, policy, team.name, way.sender)
                found[way.sender, way.recipient] = _Found(way, reached, passed)
    for person in policy.people.values() if about.resolved_at is not None else ():
        # Whom an escalation told of it hears that it ended, whoever is on call by then.
        for sender, recipient in ((sender, one) for sender, those in person.recipients.items() for one in those):
            way = Way(of=person.name, sender=sender, recipient=recipient)
            found.setdefault((sender, recipient), _Found(way, None, "no route"))
    yield from found.values()


def _rank(way: Way, reached_by: str | None) -> int:
    """Rate a way: one that a route leads to before one that none does, and of those one that is open now."""
    return 0 if reached_by is None else 1 if way.off_duty else 2


def _reaches(rule: Rule, team: str, sender: str) -> bool:
    return team in rule.teams and (not rule.senders or sender in rule.senders)


def _passed_by(about: Subject, policy: RoutePolicy, team: str, sender: str) -> str:
    """Say why no route leads there: what each that could does not match."""
    could = [rule for rule in policy.routes if _reaches(rule, team, sender)]
    missed = [f"route {rule.name!r}: {mismatch(about, rule) or 'a route above it is the last'}" for rule in could]
    return f"no route: {'; '.join(missed) or f'none leads to {team} by {sender}'}"


def _why_not(
    about: Subject, policy: RoutePolicy, found: _Found, step: str, past: Sequence[PastDelivery], as_of: datetime
) -> str | None:  # fmt: skip
    told = [item for item in past if item.status != "suppressed"]
    if any(item.step == step for item in told):
        return f"already planned: {step}"
    if about.raised_at > as_of:
        return "not raised yet at that moment"
    if step == "resolved" and not told:
        return "ended, but its start was never told here"
    if step != "resolved" and found.reached_by is None:
        return found.passed_by
    if found.to.nobody:
        return found.to.nobody
    if found.to.sender in policy.not_set_up:
        return policy.not_set_up[found.to.sender]
    if found.to.sender == NEVER_FORESEEN and about.kind in FORESEEN:
        return f"{about.kind} tells of days to come: never by {found.to.sender}"
    loudest = max((SEVERITY[_category(item.step)] for item in told), default=-1)
    if step != "resolved" and SEVERITY[about.category] < loudest:
        return "already told at a higher category"
    return None


def quiet_until(about: Subject, hours: Hours | None, as_of: datetime) -> datetime | None:
    """Return when a team may be told; None if now, as always for what is critical."""
    if hours is None or about.category == "critical" or hours.is_open(as_of):
        return None
    return hours.opens_at(as_of).astimezone(ZoneInfo(hours.zone))


def _category(step: str) -> Category:
    """Read the category a step told of; steps that tell none count as the least."""
    parts = step.split("-")
    return next((category for category in SEVERITY if parts[:2] == ["raised", category]), "low")
