"""Proposals where people are: told in Slack with two buttons, once, and updated when somebody has decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from python_nodes.alerts.policy import RoutePolicy
from python_nodes.domain import written
from python_nodes.domain.said import marked, say
from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.notify import base
from python_nodes.notify.labels import label
from python_nodes.notify.stored import heard
from python_nodes.notify.words import kind
from python_nodes.steps import proposals, send_once
from python_nodes.steps.alert_act import Request
from python_nodes.steps.proposals import Answer, Outcome
from python_nodes.steps.services import Services
from python_nodes.store import idempotency
from python_nodes.store import proposal_messages as messages
from python_nodes.store import proposals as store
from python_nodes.store.proposals import Proposal
from python_nodes.store.sends import Send

SENDER = "slack"
PREFIX = "proposal:"
"""Begins the action id of every button of a proposal: ``proposal:approve:17``."""
LABELS: Mapping[Answer, str] = {
    "approve": marked("Approve"), "reject": marked("Reject"), "undo": marked("Undo"),
}  # fmt: skip
OFFERED: Mapping[str, tuple[Answer, ...]] = {
    "waiting": ("approve", "reject"), "approved": ("undo",), "rejected": ("approve",), "undone": ("approve",),
}  # fmt: skip
DECIDED: Mapping[str, str] = {
    "waiting": marked("Waiting by {actor}"), "approved": marked("Approved by {actor}"),
    "rejected": marked("Rejected by {actor}"), "undone": marked("Undone by {actor}"),
}  # fmt: skip
SHOWN = 5


def plan(conn: Connection, policy: RoutePolicy) -> list[dict[str, Any]]:
    """Plan a message for each proposal and recipient whose present state was not told yet; return those to be sent.

    What only confirms a cause changes no alert and is asked for in the list alone.
    """
    ways = recipients(policy)
    for one in store.list_all(conn):
        if one.kind != "cause" and ways:
            messages.plan(conn, one.proposal_id, one.decision_id, SENDER, ways)
    return [
        {"message_id": one.message_id, **one.about, "sender": one.sender, "recipient": one.recipient}
        for one in messages.due(conn)
    ]


def recipients(policy: RoutePolicy) -> list[str]:
    """Return the channels of the teams that get the digest: proposals are of the same sort."""
    teams = [policy.teams[name] for name in policy.digest.teams]
    found = [named for team in teams for named in team.recipients.get(SENDER, ())]
    return [] if SENDER in policy.not_set_up else list(dict.fromkeys(found))


def send(services: Services, tenant_id: int, message_id: int) -> dict[str, Any]:
    """Send one message unless it is sent."""
    return send_once.run(services, tenant_id, message_id, KIND)


def _prepare(conn: Connection, services: Services, one: Send, facts: dict[str, Any]) -> send_once.Words:
    about = store.get(conn, one.about["proposal_id"])
    told_in = messages.told_in(conn, one)
    facts.update(proposal_id=about.proposal_id)
    return lambda _: worded(about, one, services.base_url, told_in)


KIND = send_once.Kind(
    name="message", stage="proposal_send", field="message_id", types=[messages.TYPE], prepare=_prepare
)


def worded(about: Proposal, one: Send, base_url: str, told_in: str | None) -> base.Message:
    """Say a proposal with what it would have changed, and offer what can be answered."""
    shown = about.preview
    people = () if about.actor is None else (say(DECIDED[about.status], actor=about.actor),)
    return base.Message(
        delivery_id=f"np-proposal-{one.message_id}", alert_id=about.alert_id, recipient=one.recipient,
        state="raised" if about.status == "waiting" else "updated", category="low",
        title=say("Proposal {number}: {title}", number=about.proposal_id, title=heard(about.title)),
        summary=counted(shown),
        fields=tuple(
            base.Field(label=label(name), value=str(value))
            for name, value in about.reasons.items() if not isinstance(value, list)
        ),
        evidence=tuple(lines(shown)),
        links=(base.Link(label=say("All proposals"), url=f"{base_url.rstrip('/')}/v1/proposals"),),
        choices=tuple(
            base.Choice(name=f"{PREFIX}{answer}:{about.proposal_id}", label=say(LABELS[answer]))
            for answer in OFFERED[about.status]
        ),
        people=people, update_ref=told_in, is_retry=one.attempts > 0,
    )  # fmt: skip


def counted(shown: Mapping[str, Any]) -> str:
    """Say how many alerts a proposal would have kept from coming, and brought."""
    return say(
        "In the {days} days to {to}: {now} alerts, then {then}; {lost} would not have come ({false} judged false,"
        " {real} real), {gained} would have come besides.",
        days=shown["days"], to=written.day(date.fromisoformat(str(shown["to"]))), now=shown["now"],
        then=shown["then"], lost=len(shown["lost"]), false=shown["lost_false"], real=shown["lost_real"],
        gained=len(shown["gained"]),
    )  # fmt: skip


def lines(shown: Mapping[str, Any]) -> list[str]:
    """Name the first alerts of both sorts."""

    def said(word: str, alerts: Sequence[Mapping[str, Any]]) -> list[str]:
        first = [
            say("{word}: {kind} on {place}, {raised}", word=word, kind=kind(str(one["kind"])),
                raised=heard(str(one["raised"])),
                place=one["place"] or say("listing {number}", number=one["listing_id"]))
            for one in alerts[:SHOWN]
        ]  # fmt: skip
        more = len(alerts) - SHOWN
        return [*first, say("{word}: {count} more", word=word, count=more)] if more > 0 else first

    return [*said(say("would not have come"), shown["lost"]), *said(say("would have come"), shown["gained"])]


def pressed(
    services: Services, tenant_id: int, request: Request, action_id: str, actor: str, at: datetime
) -> Outcome:  # fmt: skip
    """Do what a signed request's button stands for, once; what no longer makes sense is said in a word."""
    answer, _, number = action_id.removeprefix(PREFIX).partition(":")
    if answer not in proposals.DECIDES or not (number.isascii() and number.isdigit() and len(number) < 16):
        raise PermanentError(f"proposal: {action_id[:60]!r} is no button of ours", status=422, field="action_id")
    with services.database.tenant(tenant_id) as conn:
        if idempotency.begin(conn, request.endpoint, request.key, request.raw, services.clock()) is not None:
            raise PermanentError("slack: this very request was received before", status=409)
        outcome = _decided(conn, int(number), answer, actor, at)
        idempotency.finish(conn, request.endpoint, request.key, 200, {"status": outcome.status})
    return outcome


def _decided(conn: Connection, proposal_id: int, answer: Answer, actor: str, at: datetime) -> Outcome:
    try:
        one = store.hold(conn, proposal_id)
    except NotFoundError as error:
        return Outcome(proposal_id=proposal_id, status="refused", word=str(error), stands="undone")
    try:
        return proposals.decide_within(conn, one, answer, actor, "", at)
    except PermanentError as error:
        return Outcome(proposal_id=proposal_id, status="refused", word=str(error), stands=one.status)
