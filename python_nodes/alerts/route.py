"""Route: who gets an alert, by which sender, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from python_nodes.alerts.dedupe import SEVERITY
from python_nodes.domain.findings import Alert, Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way out: a sender, its recipient, and the least category it carries."""

    sender: str
    recipient: str
    min_category: Category


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePolicy:
    """All ways out of one tenant, in order."""

    routes: tuple[Route, ...]


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
    """One message not sent, and why."""

    sender: str
    recipient: str
    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """The routing decision of one alert at one moment."""

    send: tuple[Target, ...]
    suppressed: tuple[Suppressed, ...]


def default_policy(*, slack_channel: str, email_recipient: str) -> RoutePolicy:
    """Slack for medium and worse, e-mail for high and critical."""
    return RoutePolicy(
        routes=(
            Route(sender="slack", recipient=slack_channel, min_category="medium"),
            Route(sender="email", recipient=email_recipient, min_category="high"),
        )
    )


def step_of(alert: Alert) -> str:
    """Name what is to be told: each category once, and the end once, however often routing is asked."""
    return "resolved" if alert.resolved_at is not None else f"raised-{alert.category}"


def route(alert: Alert, policy: RoutePolicy, as_of: datetime, past_deliveries: Sequence[PastDelivery]) -> Routed:
    """Decide for each way out whether it gets this alert now."""
    send: list[Target] = []
    suppressed: list[Suppressed] = []
    step = step_of(alert)
    for way in policy.routes:
        past = [item for item in past_deliveries if (item.sender, item.recipient) == (way.sender, way.recipient)]
        why_not = _why_not(alert, way, step, past, as_of)
        if why_not is None:
            reason = f"{alert.category} reaches the sending threshold {way.min_category}"
            if step == "resolved":
                reason = "was told when raised, so it is told that it ended"
            send.append(Target(sender=way.sender, recipient=way.recipient, step=step, reason=reason))
        else:
            suppressed.append(Suppressed(sender=way.sender, recipient=way.recipient, step=step, reason=why_not))
    return Routed(send=tuple(send), suppressed=tuple(suppressed))


def _why_not(alert: Alert, way: Route, step: str, past: Sequence[PastDelivery], as_of: datetime) -> str | None:
    told = [item for item in past if item.status != "suppressed"]
    if any(item.step == step for item in told):
        return f"already planned: {step}"
    if alert.raised_at > as_of:
        return "not raised yet at that moment"
    if step == "resolved":
        return None if told else "ended, but its start was never told here"
    if SEVERITY[alert.category] < SEVERITY[way.min_category]:
        return f"below the sending threshold: {alert.category} is less than {way.min_category}"
    loudest = max((SEVERITY[_category(item.step)] for item in told), default=-1)
    if SEVERITY[alert.category] < loudest:
        return "already told at a higher category"
    return None


def _category(step: str) -> Category:
    for category in SEVERITY:
        if step == f"raised-{category}":
            return category
    return "low"
