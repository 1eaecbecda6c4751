"""What the pipeline decided of each problem, and why: one row while the same holds, counted and dated."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from python_nodes.store.alert_tables import decisions

NEXT = timedelta(days=2)
"""A decision taken again after a longer time than this is another one."""
KEPT = timedelta(days=100)
"""Decisions that have not been taken again for so long are forgotten: longer than the 90 days learning looks back."""
SHOWN = 500


class Told(Protocol):
    """A decision with its reason, as the pipeline gives it."""

    @property
    def fingerprint(self) -> str:
        """Return which problem."""
        ...

    @property
    def stage(self) -> str:
        """Return which stage decided."""
        ...

    @property
    def decision(self) -> str:
        """Return what it decided, in a word."""
        ...

    @property
    def kind(self) -> str:
        """Return what was found."""
        ...

    @property
    def why(self) -> str:
        """Return the reason, for people."""
        ...

    @property
    def listing_id(self) -> int | None:
        """Return on which listing; None of a wider problem."""
        ...

    @property
    def property_id(self) -> int | None:
        """Return at which property; None of a market."""
        ...

    @property
    def alert_id(self) -> int | None:
        """Return of which alert; None before there is one."""
        ...

    @property
    def held_by(self) -> str | None:
        """Return the fingerprint of what explains it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision as stored: ``times`` runs took it from ``first_at`` to ``last_at``."""

    fingerprint: str
    stage: str
    decision: str
    kind: str
    why: str
    listing_id: int | None
    property_id: int | None
    alert_id: int | None
    held_by: str | None
    first_at: datetime
    last_at: datetime
    times: int


_COLUMNS = [decisions.c[field.name] for field in fields(Decision)]


def keep(conn: Connection, told: Sequence[Told], at: datetime) -> None:
    """Store what one run decided; what is as it was the last time is counted, and what is long past forgotten."""
    conn.execute(delete(decisions).where(decisions.c.last_at < at - KEPT))
    if not told:
        return
    last = _last(conn, {one.fingerprint for one in told})
    new: list[dict[str, Any]] = []
    again: list[int] = []
    for one in {(one.fingerprint, one.stage): one for one in told}.values():
        known = last.get((one.fingerprint, one.stage))
        is_same = known is not None and (known.decision, known.why, known.alert_id) == (
            one.decision, one.why, one.alert_id,
        )  # fmt: skip
        if known is not None and is_same and known.last_at >= at - NEXT:
            again.append(known.id)
            continue
        names = ("fingerprint", "stage", "decision", "kind", "why", "listing_id", "property_id", "alert_id", "held_by")
        new.append({name: getattr(one, name) for name in names} | {"first_at": at, "last_at": at, "times": 1})
    if again:
        counted = update(decisions).where(decisions.c.id.in_(again))
        conn.execute(counted.values(last_at=at, times=decisions.c.times + 1))
    if new:
        conn.execute(insert(decisions), new)


def _last(conn: Connection, fingerprints: Collection[str]) -> dict[tuple[str, str], Any]:
    """Return the newest decision of each stage on some problems."""
    d = decisions.c
    query = (
        select(d.fingerprint, d.stage, d.id, d.decision, d.why, d.alert_id, d.last_at)
        .ext(distinct_on(d.fingerprint, d.stage))
        .where(d.fingerprint.in_(fingerprints))
        .order_by(d.fingerprint, d.stage, d.id.desc())
    )
    return {(row.fingerprint, row.stage): row for row in conn.execute(query)}


def held_lately(conn: Connection, fingerprints: Collection[str], since: datetime) -> dict[str, Decision]:
    """Return by problem the newest decision to hold it back that was taken again since a moment."""
    if not fingerprints:
        return {}
    d = decisions.c
    asked = d.fingerprint.in_(fingerprints)
    query = select(*_COLUMNS).where(asked, d.decision == "held", d.last_at >= since).order_by(d.id)
    return {row.fingerprint: Decision(**row._mapping) for row in conn.execute(query)}


def of_problem(
    conn: Connection, fingerprint: str, alert_id: int | None, kind: str, listing_ids: Collection[int]
) -> list[Decision]:
    """Return what was decided of a problem: by its name, its alert, its parts, and what it explained; oldest first."""
    d = decisions.c
    is_part = (d.kind == kind) & (d.listing_id.in_(listing_ids))
    about = or_(d.fingerprint == fingerprint, d.held_by == fingerprint, is_part)
    if alert_id is not None:
        about = or_(about, d.alert_id == alert_id)
    query = select(*_COLUMNS).where(about).order_by(d.first_at, d.id).limit(SHOWN)
    return [Decision(**row._mapping) for row in conn.execute(query)]


def held(conn: Connection, since: datetime) -> list[Decision]:
    """Return what is held back now: the decisions to say nothing that a run took since a moment, newest first."""
    d = decisions.c
    query = select(*_COLUMNS).where(d.decision == "held", d.last_at >= since).order_by(d.last_at.desc(), d.id)
    return [Decision(**row._mapping) for row in conn.execute(query.limit(SHOWN))]
