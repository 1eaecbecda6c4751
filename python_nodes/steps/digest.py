"""The summary of a day or a week: written once a span for the teams each recipient is in, sent to each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.alerts import route
from python_nodes.alerts.policy import WEEKDAYS, RoutePolicy
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.said import marked, say
from python_nodes.notify import base
from python_nodes.notify import digest as wording
from python_nodes.steps import answer_times, digest_facts, places, send_once
from python_nodes.steps.services import Services
from python_nodes.store import answer_times as times
from python_nodes.store import digests, polls, portfolio, proposals, repairs
from python_nodes.store.digests import Draft, Span
from python_nodes.store.sends import Send

SPANS: dict[Span, timedelta] = {"day": timedelta(days=1), "week": timedelta(days=7)}
WARNED_OF = timedelta(days=30)
"""How long before nobody is on call the digest says so."""
CONSOLE = marked("All alerts")


def write(
    services: Services, tenant_id: int, as_of: datetime, span: Span = "day", *, if_due: bool = False
) -> dict[str, Any]:
    """Put the span together and plan a message for each recipient; asked again, the first wording stands.

    ``if_due``: a week's is written only on the weekday that the routing file names.
    """
    if if_due and not is_due(services.policy, span, as_of):
        return {"open": 0, "resolved": 0, "send": []}
    since, ways = as_of - SPANS[span], recipients(services.policy)
    with (
        log.stage("digest_write", tenant_id=tenant_id, span=span) as facts,
        services.database.tenant(tenant_id) as conn,
    ):
        known = _known(conn, services, since, as_of)
        told = {
            teams: digest_facts.facts(known, teams, span, since, as_of)
            for teams in {frozenset(services.policy.digest.teams), *ways.values()}
        }
        drafts = [Draft(sender=way[0], recipient=way[1], facts=told[teams]) for way, teams in ways.items()]
        due = digests.plan(conn, span, as_of.date(), drafts)
        whole = told[frozenset(services.policy.digest.teams)]
        facts.update(open=whole["open_count"], send=len(due))
    return {
        "open": whole["open_count"],
        "resolved": whole["ended_count"],
        "send": [{"digest_id": one.message_id, "sender": one.sender, "recipient": one.recipient} for one in due],
    }


def is_due(policy: RoutePolicy, span: Span, as_of: datetime) -> bool:
    """Tell whether this is the day of the span's digest."""
    return span == "day" or policy.weekly == WEEKDAYS[as_of.weekday()]


def send(services: Services, tenant_id: int, digest_id: int) -> dict[str, Any]:
    """Send one unless it is sent."""
    return send_once.run(services, tenant_id, digest_id, KIND)


def _prepare(conn: Connection, services: Services, one: Send, facts: dict[str, Any]) -> send_once.Words:
    def words(sender: base.Sender) -> base.Message:
        console = base.Link(label=say(CONSOLE), url=f"{services.base_url.rstrip('/')}/console/alerts")
        return wording.message(
            one.about["facts"], delivery_id=f"np-digest-{one.message_id}", recipient=one.recipient, links=[console],
            is_retry=one.attempts > 0, with_chart=sender.SHOWS_PICTURES,
        )  # fmt: skip

    return words


KIND = send_once.Kind(
    name="digest", stage="digest_send", field="digest_id", types=digests.TYPES.values(), prepare=_prepare
)


def recipients(policy: RoutePolicy) -> dict[tuple[str, str], frozenset[str]]:
    """Return each recipient that the file names and that can be reached, once, with the teams it is told for."""
    rule, found = policy.digest, dict[tuple[str, str], frozenset[str]]()
    for team in (policy.teams[name] for name in rule.teams):
        for sender, named in team.recipients.items():
            if sender in policy.not_set_up or (rule.senders and sender not in rule.senders):
                continue
            for recipient in named:
                found[sender, recipient] = found.get((sender, recipient), frozenset()) | {team.name}
    return found


def uncovered(policy: RoutePolicy, as_of: datetime) -> dict[str, date]:
    """Return by rotation the day in its zone from which on nobody is on call, where that is near."""
    gaps = [(one, one.gap(as_of, as_of + WARNED_OF)) for one in policy.rotations.values()]
    return {one.name: gap.start.astimezone(ZoneInfo(one.zone)).date() for one, gap in gaps if gap is not None}


def teams_of(alert: Alert, about: Sequence[ListingInfo], policy: RoutePolicy) -> frozenset[str]:
    """Return the digest's teams that an alert is routed to; all of them where it is nobody's."""
    rules = route.matching(route.subject(alert, about), policy)
    told = frozenset(policy.digest.teams)
    return (told & frozenset(team for rule in rules for team in rule.teams)) or told


def _known(conn: Connection, services: Services, since: datetime, as_of: datetime) -> digest_facts.Known:
    listings, policy = portfolio.load_listings(conn), services.policy
    shown = min(since, as_of - timedelta(days=digest_facts.CHART_DAYS))
    stood = digests.alerts_of(conn, shown, as_of)
    by_id = {one.listing_id: one for one in listings}

    def about(alert: Alert) -> Sequence[ListingInfo]:
        # Most alerts are about one listing, and to look through all for each takes long where both are many.
        if alert.listing_id is None:
            return places.of(alert, listings)
        return [by_id[alert.listing_id]] if alert.listing_id in by_id else []

    waiting, mended = proposals.list_all(conn, "waiting"), repairs.measured(conn, since, as_of)
    told_of = {one.alert_id: one for one in (*stood, *(alert for alert, _ in mended))}
    return digest_facts.Known(
        alerts=stood, teams_of={key: teams_of(one, about(one), policy) for key, one in told_of.items()},
        mended={alert.alert_id: minor for alert, minor in mended},
        sent=digests.sent(conn, since, as_of), judged=digests.judged(conn, since, as_of),
        times=times.by(conn, "team", since, as_of, answer_times.reached(policy)),
        ways={
            team.name: frozenset((by, one) for by, named in team.recipients.items() for one in named)
            for team in policy.teams.values()
        },
        titles={one.listing_id: one.title for one in listings},
        proposals=[one.title for one in waiting],
        uncovered=uncovered(services.policy, as_of),
        troubles=digests.troubles(conn, since, as_of) | {"failing_feeds": len(polls.failing(conn, as_of))},
        currency=services.currency,
    )  # fmt: skip
