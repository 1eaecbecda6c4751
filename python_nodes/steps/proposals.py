"""What of people's verdicts is in force, and the decisions that put it there or take it back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import numpy as np
from sqlalchemy import Connection

from python_nodes import log
from python_nodes.domain import written
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import DayArray
from python_nodes.domain.said import marked, say
from python_nodes.errors import PermanentError
from python_nodes.scoring.learn import applied, changes
from python_nodes.scoring.learn.applied import Learnt, Span
from python_nodes.steps.services import Services
from python_nodes.store import audit, proposals
from python_nodes.store.proposals import Decision, Proposal, Status

Answer = Literal["approve", "reject", "undo"]
DECIDES: dict[Answer, tuple[Decision, tuple[Status, ...]]] = {
    "approve": ("approved", ("waiting", "rejected", "undone")),
    "reject": ("rejected", ("waiting",)),
    "undo": ("undone", ("approved",)),
}
"""What each answer writes, and where a proposal must stand for it."""
ALREADY: dict[Decision, str] = {
    "approved": marked("Already approved by {actor}, {at}."), "rejected": marked("Already rejected by {actor}, {at}."),
    "undone": marked("Already undone by {actor}, {at}."),
}  # fmt: skip
WORDS: dict[Decision, str] = {
    "approved": marked("Approved: the next sweep goes by it."), "rejected": marked("Rejected: nothing changes."),
    "undone": marked("Undone: the next sweep goes by what was before."),
}  # fmt: skip
REACH_DAYS = 420
"""How far back an incident matters: as far as the watch with the longest memory looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an answer: ``recorded`` or ``unchanged``, and the word for whoever gave it."""

    proposal_id: int
    status: str
    word: str
    stands: Status


def learnt(conn: Connection, kinds: Collection[str], until: date) -> Learnt | None:
    """Return what verdicts changed and the incidents known up to a day; None where nothing was learnt."""
    told = [changes.from_json(kind, change) for kind, change in proposals.in_force(conn)]
    known = proposals.incidents(conn, kinds, until - timedelta(days=REACH_DAYS), until)
    spans = [Span(listing_ids=ids, start_date=first, end_date=last) for ids, first, last in known]
    found = applied.of(told, spans)
    return None if found.is_empty else found


def event_days(conn: Connection, listing_id: int, days: DayArray) -> BoolArray | None:
    """Return on which days people said that something was on at a listing; None without any."""
    told = [changes.from_json(kind, change) for kind, change in proposals.in_force(conn) if kind == "event"]
    found = applied.of(told).unfit(np.array([listing_id], dtype=np.int64), days)
    return None if found is None else np.asarray(found[0], dtype=np.bool_)


def decide(
    services: Services, tenant_id: int, proposal_id: int, answer: Answer, actor: str, note: str, at: datetime
) -> Outcome:
    """Write an answer down if it makes sense where the proposal stands; of two people the first decides."""
    with log.stage("proposal_decide", tenant_id=tenant_id, proposal_id=proposal_id, answer=answer) as facts:
        with services.database.tenant(tenant_id) as conn:
            outcome = decide_within(conn, proposals.hold(conn, proposal_id), answer, actor, note, at)
        facts.update(status=outcome.status)
    return outcome


def decide_within(
    conn: Connection, one: Proposal, answer: Answer, actor: str, note: str, at: datetime
) -> Outcome:  # fmt: skip
    """Do as `decide` with a proposal that the caller's transaction holds."""
    audit.note(actor, proposal_id=one.proposal_id)
    decision, before = DECIDES[answer]
    if one.status == decision:
        at_last = written.moment(one.decided_at) if one.decided_at else ""
        word = say(ALREADY[decision], actor=one.actor, at=at_last)
        return Outcome(proposal_id=one.proposal_id, status="unchanged", word=word, stands=one.status)
    if one.status not in before:
        by = f" by {one.actor}" if one.actor else ""
        raise PermanentError(f"the proposal is {one.status}{by}: it cannot be {decision}", status=409)
    proposals.decide(conn, one.proposal_id, decision, actor, note, at)
    return Outcome(proposal_id=one.proposal_id, status="recorded", word=say(WORDS[decision]), stands=decision)


def listed(services: Services, tenant_id: int, status: Status | None = None) -> list[dict[str, Any]]:
    """Return proposals in plain JSON, the oldest first."""
    with services.database.tenant(tenant_id) as conn:
        return [plain(one) for one in proposals.list_all(conn, status)]


def one_of(services: Services, tenant_id: int, proposal_id: int) -> dict[str, Any]:
    """Return one proposal with each decision on it."""
    with services.database.tenant(tenant_id) as conn:
        told = plain(proposals.get(conn, proposal_id))
        made = proposals.decisions(conn, proposal_id)
    return told | {"decisions": [one | {"decided_at": one["decided_at"].isoformat()} for one in made]}


def plain(one: Proposal) -> dict[str, Any]:
    """Say a proposal in plain JSON."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(one).items()
    }  # fmt: skip
