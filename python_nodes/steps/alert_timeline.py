"""Everything that happened to one alert, in order of time: found, decided, told, done about it, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from python_nodes.alerts import mute
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.steps import places
from python_nodes.steps.services import Services
from python_nodes.store import actions, alert_lists, decisions, mutes, timeline, verdicts
from python_nodes.store.retelling import BEFORE

RUN_WITHIN = timedelta(hours=25)
"""What no run held back for so long is not held back any more: a portfolio is looked at once a day at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened; what held for a while has its last time, and how many runs saw it."""

    at: datetime
    what: str
    text: str
    until_at: datetime | None = None
    times: int = 1


def of(conn: Connection, alert: Alert, listings: Sequence[ListingInfo]) -> list[Entry]:
    """Return an alert's whole history, oldest first."""
    found = [
        *_found(alert), *_decided(conn, alert, places.of(alert, listings)), *_changed(conn, alert), *_told(conn, alert),
        *_done(conn, alert), *_muted(conn, alert),
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.at)


def plain(entry: Entry) -> dict[str, Any]:
    """Write an entry as JSON has it."""
    until = entry.until_at.isoformat() if entry.until_at else None
    return asdict(entry) | {"at": entry.at.isoformat(), "until_at": until}


def held(services: Services, tenant_id: int, as_of: datetime) -> list[dict[str, Any]]:
    """Return what was found lately and not told, newest first."""
    with services.database.tenant(tenant_id) as conn:
        found = decisions.held(conn, as_of - RUN_WITHIN)
    return [
        asdict(one) | {"first_at": one.first_at.isoformat(), "last_at": one.last_at.isoformat()}
        for one in found
        if one.first_at <= as_of
    ]


def _found(alert: Alert) -> Iterator[Entry]:
    yield Entry(at=_midnight(alert), what="began", text=f"{alert.kind}, as of what was seen since")


def _midnight(alert: Alert) -> datetime:
    onset = datetime.combine(alert.onset_date, datetime.min.time(), alert.raised_at.tzinfo)
    return min(onset, alert.raised_at)


def _decided(conn: Connection, alert: Alert, about: Sequence[ListingInfo]) -> Iterator[Entry]:
    ids = [one.listing_id for one in about]
    for one in decisions.of_problem(conn, alert.fingerprint, alert.alert_id, alert.kind, ids):
        until = one.last_at if one.times > 1 else None
        what = f"{one.decision} ({one.stage})"
        whose = "" if one.fingerprint == alert.fingerprint else f"{_where(one, about)}: "
        yield Entry(at=one.first_at, what=what, text=f"{whose}{one.why}", until_at=until, times=one.times)


def _where(one: decisions.Decision, about: Sequence[ListingInfo]) -> str:
    titles = {listing.listing_id: listing.title for listing in about}
    if one.listing_id is None:
        return one.kind
    return f"{one.kind} on {titles.get(one.listing_id, f'listing {one.listing_id}')}"


def _changed(conn: Connection, alert: Alert) -> Iterator[Entry]:
    same: Entry | None = None
    for event, reason, at in alert_lists.reasons(conn, alert.alert_id):
        # An alert that stands for weeks is updated by each run in the same words: told once, with how often.
        if same is not None and (same.what, same.text) == (event, reason):
            same = Entry(at=same.at, what=same.what, text=same.text, until_at=at, times=same.times + 1)
            continue
        if same is not None:
            yield same
        same = Entry(at=at, what=event, text=reason)
    if same is not None:
        yield same


def _told(conn: Connection, alert: Alert) -> Iterator[Entry]:
    for row in timeline.deliveries_of(conn, alert.alert_id):
        step = str(row["step"]).removeprefix(BEFORE).partition(":")[2] or row["step"]
        to = f"{row['sender']} {row['recipient'] or '(nobody)'}"
        what = {"suppressed": "not sent", "planned": "to be sent", "sending": "being sent"}.get(
            row["status"], row["status"]
        )
        at = row["finished_at"] or row["planned_at"]
        more = f"; attempt {row['attempts']}: {row['error']}" if row["error"] else ""
        yield Entry(at=at, what=what, text=f"{to}, {step}: {row['reason']}{more}")


def _done(conn: Connection, alert: Alert) -> Iterator[Entry]:
    for row in actions.list_for_alert(conn, alert.alert_id):
        note = f": {row['note']}" if row["note"] else ""
        yield Entry(at=row["taken_at"], what=row["kind"], text=f"by {row['actor']}{note}")
    for row in verdicts.list_for_alert(conn, alert.alert_id):
        word = row.get("verdict") or ("real" if row["is_real"] else "false_alarm")
        cause = f", cause {row['cause']}" if row["cause"] else ""
        yield Entry(at=row["given_at"], what="judged", text=f"{word}{cause}, by {row['actor']}")


def _muted(conn: Connection, alert: Alert) -> Iterator[Entry]:
    began, until = _midnight(alert), alert.resolved_at
    for one in mutes.list_all(conn):
        if not mute.concerns(one, alert) or (until is not None and one.start_at > until):
            continue
        again = f", again by {one.rrule} on the clock of {one.zone}" if one.rrule else ""
        end_at = one.ended_at or one.end_at
        if end_at < began and one.rrule is None:
            continue
        yield Entry(
            at=one.start_at, what=one.origin.replace("_", " "), until_at=end_at,
            text=f"mute {one.mute_id} by {one.actor}: {one.reason}{again}",
        )  # fmt: skip
