"""Why each raised or updated alert came about: ranked causes with their evidence, read once for all alerts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection

from python_nodes import guards
from python_nodes.alerts.decisions import Decisions
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.rootcause import case, model, patterns, rank
from python_nodes.scoring.rootcause.case import Asked, LoggedChange
from python_nodes.scoring.rootcause.evidence import first_scanned
from python_nodes.steps import snapshot
from python_nodes.steps.services import Services
from python_nodes.store import changes, proposals

CAUSES, KNOWN_AT = "causes", "causes_known"
"""What they are called in an alert's evidence; the second tells what they were made of, so that nothing is made twice
a day."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """An alert that is raised or updated: its facts, its listings, and what an open one already holds."""

    facts: Mapping[str, Any]
    kind: str
    scope: str
    listing_ids: tuple[int, ...]
    before: Mapping[str, Any]


def attached(
    conn: Connection, services: Services, tenant_id: int, decisions: Decisions, open_alerts: Sequence[Alert],
    listings: Sequence[ListingInfo], as_of: datetime,
) -> Decisions:  # fmt: skip
    """Add ranked causes to what is raised or updated; to what is open already once a day, or on news in its log."""
    if not decisions.insert and not decisions.update:
        return decisions
    subjects = _subjects(decisions, {one.alert_id: one for one in open_alerts}, listings)
    today, newest = snapshot.local_day(as_of, listings), changes.newest_id(conn)
    due = _due(conn, subjects, listings, today)
    near = _found_together(decisions, open_alerts, subjects)
    ranked = _ranked(conn, services, tenant_id, [subjects[at] for at in due], near, listings, as_of)
    made = dict(zip(due, ranked, strict=True))
    evidence = []
    for at, one in enumerate(subjects):
        known = {KNOWN_AT: {"date": today.isoformat(), "log_id": newest}}
        kept = {name: one.before[name] for name in (CAUSES, KNOWN_AT) if name in one.before}
        evidence.append({**one.facts["evidence"], **({CAUSES: made[at], **known} if at in made else kept)})
    raised = zip(decisions.insert, evidence, strict=False)
    updated = zip(decisions.update, evidence[len(decisions.insert) :], strict=True)
    return replace(
        decisions,
        insert=tuple(replace(one, evidence=facts) for one, facts in raised),
        update=tuple(replace(one, fields={**one.fields, "evidence": facts}) for one, facts in updated),
    )


def _subjects(
    decisions: Decisions, by_id: Mapping[int, Alert], listings: Sequence[ListingInfo]
) -> list[_Subject]:  # fmt: skip
    found = []
    for draft in decisions.insert:
        facts = {"evidence": draft.evidence, "cause": draft.cause, "onset_date": draft.onset_date}
        found.append(_Subject(facts, draft.kind, draft.scope, _members(draft, draft.evidence, listings), {}))
    for change in decisions.update:
        alert = by_id[change.alert_id]
        members = _members(alert, change.fields["evidence"], listings)
        found.append(_Subject(change.fields, alert.kind, alert.scope, members, alert.evidence))
    return found


def _members(about: Any, evidence: Mapping[str, Any], listings: Sequence[ListingInfo]) -> tuple[int, ...]:
    if about.listing_id is not None:
        return (about.listing_id,)
    if "listing_ids" in evidence:
        return tuple(evidence["listing_ids"])
    name, place = ("property_id", about.property_id) if about.property_id is not None else ("market", about.market)
    return tuple(one.listing_id for one in listings if place is not None and getattr(one, name) == place)


def _due(
    conn: Connection, subjects: Sequence[_Subject], listings: Sequence[ListingInfo], today: date
) -> list[int]:  # fmt: skip
    """Return the places of those whose causes are not known yet today, or whose log has a new line."""
    known = {
        at: one.before[KNOWN_AT]["log_id"] for at, one in enumerate(subjects)
        if one.before.get(KNOWN_AT, {}).get("date") == today.isoformat()
        and set(one.before.get("listing_ids", one.listing_ids)) == set(one.listing_ids)
    }  # fmt: skip
    news = changes.stored_after(conn, min(known.values())) if known else []
    home = {one.listing_id: one.property_id for one in listings}
    of_listing: dict[int, int] = {}
    of_home: dict[int | None, int] = {}
    for line_id, listing_id, property_id in news:
        if listing_id is None:
            of_home[property_id] = line_id
        else:
            of_listing[listing_id] = line_id
    return [
        at for at, one in enumerate(subjects)
        if at not in known
        or any(max(of_listing.get(each, 0), of_home.get(home.get(each), 0)) > known[at] for each in one.listing_ids)
    ]  # fmt: skip


def _found_together(
    decisions: Decisions, open_alerts: Sequence[Alert], subjects: Sequence[_Subject]
) -> Mapping[int, frozenset[str]]:
    """Return by listing which kinds are found there now: told ones, and those that another explains."""
    ended = {one.alert_id for one in decisions.resolve}
    found: dict[int, set[str]] = defaultdict(set)
    for subject in subjects:
        for each in subject.listing_ids:
            found[each].add(subject.kind)
    for alert in open_alerts:
        if alert.alert_id not in ended and alert.listing_id is not None:
            found[alert.listing_id].add(alert.kind)
    for reason in decisions.reasons:
        if reason.stage == "inhibit" and reason.listing_id is not None:
            found[reason.listing_id].add(reason.kind)
    return {each: frozenset(kinds) for each, kinds in found.items()}


def _ranked(
    conn: Connection, services: Services, tenant_id: int, due: Sequence[_Subject],
    near: Mapping[int, frozenset[str]], listings: Sequence[ListingInfo], as_of: datetime,
) -> list[list[dict[str, Any]]]:  # fmt: skip
    """Read the series and the log of all that is asked, and rank its causes."""
    if not due:
        return []
    nothing: frozenset[str] = frozenset()
    asked = [
        Asked(
            kind=one.kind, cause=one.facts["cause"], scope=one.scope, onset_date=one.facts["onset_date"],
            is_seen=one.kind in _guards(), listing_ids=one.listing_ids,
            also=nothing.union(*(near.get(each, nothing) for each in one.listing_ids)) - {one.kind},
        )
        for one in due
    ]  # fmt: skip
    places = case.places(asked, listings)
    ids = sorted({each for one in places for part in (one.own, one.siblings, one.fellows) for each in part})
    last = snapshot.local_day(as_of, listings) - timedelta(days=1)
    matrix = services.metrics.read(tenant_id, case.METRICS, ids, last - timedelta(days=case.SPAN_DAYS - 1), last)
    lines = _lines(conn, asked, listings, datetime.combine(first_scanned(last), time(), tzinfo=UTC), as_of)
    confirmed = proposals.confirmed_causes(conn)
    return rank.causes(asked, places, matrix, lines, listings, patterns.shipped(), model.shipped(), confirmed)


def _lines(
    conn: Connection, asked: Sequence[Asked], listings: Sequence[ListingInfo], since: datetime, until: datetime
) -> list[LoggedChange]:
    members = {each for one in asked for each in one.listing_ids}
    homes = {one.property_id for one in listings if one.listing_id in members}
    return [
        LoggedChange(
            changed_at=one.changed_at, channel=one.channel, listing_id=one.listing_id, property_id=one.property_id,
            field=one.field, old=one.old_value, new=one.new_value, actor=one.actor,
        )
        for one in changes.between(conn, since, until, members, homes)
    ]  # fmt: skip


@cache
def _guards() -> frozenset[str]:
    """Return the kinds that guards see: each guard's name is its kind."""
    return frozenset(guards.discover())
