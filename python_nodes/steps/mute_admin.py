"""Mutes as people set, read and end them; what cannot be meant is refused with the name of the field."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.domain.mutes import LONGEST, Mute, Origin, checked_rule
from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.steps.services import Services
from python_nodes.store import alerts, audit, mutes, portfolio

REFUSED = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants muted; ``alert_id`` means that one problem, whatever it is called."""

    start_at: datetime
    end_at: datetime
    reason: str
    actor: str
    origin: Origin
    alert_id: int | None = None
    listing_id: int | None = None
    property_id: int | None = None
    market: str | None = None
    kind: str | None = None
    cause: str | None = None
    rrule: str | None = None
    zone: str = "UTC"


def add(services: Services, tenant_id: int, wish: Wish) -> dict[str, Any]:
    """Store a mute and return it as it will be heeded."""
    with log.stage("mute_add", tenant_id=tenant_id, origin=wish.origin) as facts:
        _check(wish)
        with services.database.tenant(tenant_id) as conn:
            fingerprint = None if wish.alert_id is None else alerts.get(conn, wish.alert_id).fingerprint
            _there(conn, wish)
            mute_id = mutes.add(
                conn, start_at=wish.start_at, end_at=wish.end_at, reason=wish.reason, actor=wish.actor,
                origin=wish.origin, listing_id=wish.listing_id, property_id=wish.property_id, market=wish.market,
                kind=wish.kind, cause=wish.cause, fingerprint=fingerprint,
                rrule=None if wish.rrule is None else checked_rule(wish.rrule), zone=wish.zone,
            )  # fmt: skip
            facts.update(mute_id=mute_id)
            audit.note(wish.actor, mute_id=mute_id)
            return view(mutes.get(conn, mute_id), wish.start_at)


def listed(services: Services, tenant_id: int, as_of: datetime, *, only_active: bool = False) -> list[dict[str, Any]]:
    """Return all mutes, or those that hold at a moment, in order of id."""
    with services.database.tenant(tenant_id) as conn:
        found = mutes.active(conn, as_of) if only_active else mutes.list_all(conn)
    return [view(one, as_of) for one in found]


def end(services: Services, tenant_id: int, mute_id: int, at: datetime) -> dict[str, Any]:
    """End a mute now: what it held back and is still there is told by the next run."""
    with log.stage("mute_end", tenant_id=tenant_id, mute_id=mute_id), services.database.tenant(tenant_id) as conn:
        return view(mutes.end(conn, mute_id, at), at)


def view(mute: Mute, at: datetime) -> dict[str, Any]:
    """Write one as JSON has it, with the stretch that it covers at a moment."""
    window = mute.window(at)
    told = {name: one.isoformat() if isinstance(one, datetime) else one for name, one in asdict(mute).items()}
    return told | {
        "is_active": window is not None,
        "active_until_at": min(window[1], mute.ended_at or window[1]).isoformat() if window else None,
    }


def _check(wish: Wish) -> None:
    length = wish.end_at - wish.start_at
    if not 0 < length.total_seconds() <= LONGEST.total_seconds():
        raise _refused("end_at", f"lies after start_at, by {LONGEST.days} days at most: nothing is muted for good")
    if wish.zone not in available_timezones():
        raise _refused("zone", f"{wish.zone!r} is no IANA time zone, such as Europe/Lisbon")
    named = (wish.alert_id, wish.listing_id, wish.property_id, wish.market, wish.kind, wish.cause)
    if wish.origin != "quiet_hours" and all(one is None for one in named):
        raise _refused("origin", "only quiet_hours mute everything (but what is critical): say what is meant")
    if wish.origin == "snooze" and (wish.alert_id is None or wish.rrule is not None):
        raise _refused("alert_id", "a snooze is of one alert, once")


def _there(conn: Connection, wish: Wish) -> None:
    listings = portfolio.load_listings(conn)
    if wish.listing_id is not None and all(one.listing_id != wish.listing_id for one in listings):
        raise NotFoundError(f"listing {wish.listing_id} does not exist")
    if wish.property_id is not None and all(one.property_id != wish.property_id for one in listings):
        raise NotFoundError(f"property {wish.property_id} does not exist")
    if wish.market is not None and all(one.market != wish.market for one in listings):
        raise _refused("market", f"no listing is in {wish.market!r}")


def _refused(field: str, why: str) -> PermanentError:
    return PermanentError(f"{field}: {why}", status=REFUSED, field=field)
