"""Proposals, what verdicts teach: written once with their preview; each decision on one is a row of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, cast

from sqlalchemy import Connection, Label, RowMapping, Select, and_, case, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from python_nodes.errors import NotFoundError
from python_nodes.store import webhook_events
from python_nodes.store.alert_tables import proposal_decisions, proposals
from python_nodes.store.tables import alerts, verdicts

Decision = Literal["approved", "rejected", "undone"]
Status = Literal["waiting", "approved", "rejected", "undone"]
OPEN_DAYS = 28
"""An alert that nobody judged says no longer than this that its days are unusual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A proposal to be written; ``name`` is what makes it this one, and is written once."""

    name: str
    kind: str
    title: str
    alert_id: int
    verdict_id: int
    change: Mapping[str, Any]
    reasons: Mapping[str, Any]
    preview: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal(Draft):
    """A proposal as stored, with where it stands by the last decision on it."""

    proposal_id: int
    decision_id: int | None
    as_of_at: datetime
    made_at: datetime
    status: Status
    actor: str | None
    note: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The last verdict on an alert: its word, and what of the alert is needed to learn from it."""

    verdict_id: int
    alert_id: int
    verdict: str
    cause: str
    actor: str
    given_at: datetime
    kind: str
    metric: str
    scope: str
    market: str | None
    title: str
    listing_ids: tuple[int, ...]
    onset_date: date
    raised_at: datetime
    resolved_at: datetime | None


def add(conn: Connection, draft: Draft, *, as_of: datetime, made_at: datetime) -> int | None:
    """Write a proposal and return its id; None where one of that name stands already."""
    row = {name: getattr(draft, name) for name in Draft.__dataclass_fields__}
    row |= {name: dict(row[name]) for name in ("change", "reasons", "preview")} | {
        "as_of_at": as_of,
        "made_at": made_at,
    }
    written = upsert(proposals).values(row).on_conflict_do_nothing().returning(proposals.c.id)
    found = conn.execute(written).scalar_one_or_none()
    if found is None:
        return None
    told = webhook_events.Told("proposal.made", int(found), 1, made_at.isoformat())
    webhook_events.tell_of_proposals(conn, [told])
    return int(found)


def decide(conn: Connection, proposal_id: int, decision: Decision, actor: str, note: str, at: datetime) -> int:
    """Add a decision; what it replaces stays."""
    row = {"proposal_id": proposal_id, "decision": decision, "actor": actor, "note": note, "decided_at": at}
    return int(
        conn.execute(insert(proposal_decisions).values(row).returning(proposal_decisions.c.id)).scalar_one()
    )  # fmt: skip


def hold(conn: Connection, proposal_id: int) -> Proposal:
    """Return a proposal, and let nobody else decide on it until the transaction ends."""
    found = conn.execute(select(proposals.c.id).where(proposals.c.id == proposal_id).with_for_update()).first()
    if found is None:
        raise NotFoundError(f"proposal {proposal_id} does not exist")
    return get(conn, proposal_id)


def get(conn: Connection, proposal_id: int) -> Proposal:
    """Return one proposal or raise NotFoundError."""
    row = conn.execute(_all().where(proposals.c.id == proposal_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"proposal {proposal_id} does not exist")
    return _proposal(row)


def list_all(conn: Connection, status: Status | None = None) -> list[Proposal]:
    """Return proposals in order of id, all or those that stand so."""
    found = [_proposal(row) for row in conn.execute(_all().order_by(proposals.c.id)).mappings()]
    return [one for one in found if status in (None, one.status)]


def in_force(conn: Connection) -> list[tuple[str, dict[str, Any]]]:
    """Return the kind and the change of what was approved and not undone, in the order of approval."""
    last = _last()
    query = (
        select(proposals.c.kind, proposals.c.change)
        .join(proposal_decisions, proposal_decisions.c.proposal_id == proposals.c.id)
        .where(proposal_decisions.c.id.in_(last), proposal_decisions.c.decision == "approved")
        .order_by(proposal_decisions.c.id)
    )
    return [(row.kind, dict(row.change)) for row in conn.execute(query)]


def decisions(conn: Connection, proposal_id: int) -> list[dict[str, Any]]:
    """Return every decision on one proposal, oldest first."""
    of = proposal_decisions.c
    query = select(of.decision, of.actor, of.note, of.decided_at).where(of.proposal_id == proposal_id).order_by(of.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def confirmed_causes(conn: Connection) -> dict[str, dict[str, int]]:
    """Return how often people confirmed each cause of each kind of alert, of the proposals in force."""
    told: dict[str, dict[str, int]] = {}
    for kind, change in in_force(conn):
        if kind == "cause":
            by_cause = told.setdefault(change["kind"], {})
            by_cause[change["cause"]] = by_cause.get(change["cause"], 0) + int(change["times"])
    return told


def said_since(conn: Connection, since: datetime, until: datetime) -> list[Said]:
    """Return the last verdict on each alert raised from ``since`` to ``until``, in the order they were given."""
    a, v = alerts.c, verdicts.c
    newest = select(func.max(v.id)).where(v.given_at <= until).group_by(v.alert_id)
    query = (
        select(
            v.id.label("verdict_id"), v.alert_id, v.verdict, v.cause.label("said_cause"), v.actor, v.given_at, a.cause,
            a.kind, a.metric, a.scope, a.market, a.title, a.listing_id, _member_ids(), a.onset_date, a.raised_at,
            a.resolved_at,
        )
        .join(alerts, and_(a.tenant_id == v.tenant_id, a.id == v.alert_id))
        .where(v.id.in_(newest), a.raised_at >= since, a.raised_at <= until)
        .order_by(v.id)
    )  # fmt: skip
    return [_said(row) for row in conn.execute(query).mappings()]


def covered(conn: Connection) -> dict[str, int]:
    """Return the newest verdict that a proposal of each kind, or of each watch's cut or exposure, has learnt from."""
    p = proposals.c
    subject = case((p.kind.in_(("cut", "exposure")), func.concat(p.kind, ":", p.change["watch"].astext)), else_=p.kind)
    query = select(subject.label("subject"), func.max(p.verdict_id).label("newest")).group_by(subject)
    return {row.subject: int(row.newest) for row in conn.execute(query)}


def learnt_from(conn: Connection) -> set[int]:
    """Return the verdicts of which a proposal was made, all of them where it was made of several."""
    told = conn.execute(select(proposals.c.verdict_id, proposals.c.reasons["verdict_ids"].label("all_of")))
    return {int(one) for row in told for one in (row.verdict_id, *(row.all_of or ()))}


def incidents(
    conn: Connection, kinds: Collection[str], since: date, until: date
) -> list[tuple[tuple[int, ...], date, date | None]]:
    """Return listings and days of alerts that must not teach: those people called real, and those that stand.

    What nobody judged counts while it stands, for `OPEN_DAYS` from when it was raised. Only alerts raised up to
    ``until`` are known, and one that ended later stood.
    """
    a, v = alerts.c, verdicts.c
    begin, end = (datetime.combine(day, time.min, UTC) for day in (since, until + timedelta(days=1)))
    newest = select(func.max(v.id)).where(v.given_at < end).group_by(v.alert_id)
    judged = select(v.tenant_id, v.alert_id, v.verdict).where(v.id.in_(newest)).subquery()
    stands = a.resolved_at.is_(None) | (a.resolved_at >= end)
    query = (
        select(a.listing_id, _member_ids(), a.onset_date, a.raised_at, a.resolved_at, judged.c.verdict)
        .outerjoin(judged, and_(judged.c.tenant_id == a.tenant_id, judged.c.alert_id == a.id))
        .where(
            a.kind.in_(list(kinds)), a.raised_at < end, stands | (a.resolved_at >= begin),
            (judged.c.verdict == "real") | (judged.c.verdict.is_(None) & stands),
        )
        .order_by(a.id)
    )  # fmt: skip
    found: list[tuple[tuple[int, ...], date, date | None]] = []
    for row in conn.execute(query).mappings():
        over = row["resolved_at"].date() if row["resolved_at"] is not None and row["resolved_at"] < end else None
        if over is None and row["verdict"] is None:
            over = row["raised_at"].date() + timedelta(days=OPEN_DAYS)
        found.append((_members(row), row["onset_date"], over))
    return found


def _member_ids() -> Label[Any]:
    """Read a wide alert's listings; of a single listing's alert the evidence, which is large, is not even fetched."""
    return case((alerts.c.listing_id.is_(None), alerts.c.evidence["listing_ids"])).label("member_ids")


def _members(row: RowMapping) -> tuple[int, ...]:
    if row["listing_id"] is not None:
        return (int(row["listing_id"]),)
    return tuple(int(one) for one in row["member_ids"] or ())


def _said(row: RowMapping) -> Said:
    names = [name for name in Said.__dataclass_fields__ if name not in ("cause", "listing_ids")]
    told = {name: row[name] for name in names}
    return Said(**told, cause=row["said_cause"] or row["cause"], listing_ids=_members(row))


def _last() -> Select[Any]:
    return select(func.max(proposal_decisions.c.id)).group_by(proposal_decisions.c.proposal_id)


def _all() -> Select[Any]:
    of = proposal_decisions.c
    last = select(proposal_decisions).where(of.id.in_(_last())).subquery()
    told = last.c.id.label("decision_id"), last.c.decision, last.c.actor, last.c.note, last.c.decided_at
    return select(proposals, *told).outerjoin(last, last.c.proposal_id == proposals.c.id)


def _proposal(row: RowMapping) -> Proposal:
    own: Sequence[str] = tuple(Draft.__dataclass_fields__)
    return Proposal(
        **{name: row[name] for name in own}, proposal_id=row["id"], decision_id=row["decision_id"],
        as_of_at=row["as_of_at"], made_at=row["made_at"],
        status=cast("Status", row["decision"] or "waiting"), actor=row["actor"], note=row["note"],
        decided_at=row["decided_at"],
    )  # fmt: skip
