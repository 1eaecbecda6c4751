"""Do what somebody wants done about an alert: record it, end the alert where it says so, and plan who hears of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from python_nodes import actions, log
from python_nodes.actions import Decision, Standing, Taken, Wish
from python_nodes.domain.findings import Alert
from python_nodes.errors import PermanentError
from python_nodes.steps.services import Services
from python_nodes.store import actions as action_store
from python_nodes.store import alerts, audit, idempotency, mutes, verdicts
from python_nodes.store.actions import Deed, Held

UPDATED_IN_PLACE = "slack"
"""The sender whose messages show who takes care; the others hear only that an alert ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A verified request as its sender signed it; ``key`` is what makes it this one and no other."""

    endpoint: str
    key: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What became of a wish; ``changed`` says that messages about the alert are out of date."""

    alert_id: int
    status: str
    word: str
    changed: bool

    def answer(self) -> dict[str, Any]:
        """As endpoints tell it."""
        return {"alert_id": self.alert_id, "status": self.status, "word": self.word}


def run(services: Services, tenant_id: int, alert_id: int, wish: Wish, at: datetime) -> Acted:
    """Carry one wish out, in one transaction with everything that follows from it."""
    with services.database.tenant(tenant_id) as conn:
        return act(conn, tenant_id, alert_id, wish, at)


def act(conn: Connection, tenant_id: int, alert_id: int, wish: Wish, at: datetime) -> Acted:
    """Carry one wish out within the caller's transaction."""
    audit.note(wish.actor, alert_id=alert_id)
    with log.stage("alert_act", tenant_id=tenant_id, alert_id=alert_id, kind=wish.kind) as facts:
        lacking = actions.lacks(wish, at)
        if lacking:
            field, word = next(iter(lacking.items()))
            raise PermanentError(word, status=422, field=field)
        held = action_store.take(conn, alert_id, UPDATED_IN_PLACE)
        before = actions.standing([_taken(one) for one in held.taken])
        decision = actions.decide(wish, held.resolved_at, before)
        if decision.status == "recorded":
            _record(conn, held, wish, decision, at)
        facts.update(status=decision.status)
    changed = decision.status == "recorded"
    return Acted(alert_id=alert_id, status=decision.status, word=decision.word, changed=changed)


def act_once(
    services: Services, tenant_id: int, request: Request, alert_id: int, wish: Wish, at: datetime
) -> tuple[Acted, bool]:
    """Carry out what a signed request says, or tell again what came of it; the flag says that it was seen before."""
    with services.database.tenant(tenant_id) as conn:
        first = idempotency.begin(conn, request.endpoint, request.key, request.raw, services.clock())
        if first is not None:
            return Acted(**first.body), True
        acted = act(conn, tenant_id, alert_id, wish, at)
        idempotency.finish(conn, request.endpoint, request.key, 200, asdict(acted))
    return acted, False


def taken(conn: Connection, alert_id: int) -> list[tuple[str, Taken]]:
    """Return the actions on one alert, oldest first, each with the step of the deliveries that show it."""
    return [
        (
            f"{action_store.STEP_PREFIX}{row['id']}",
            Taken(kind=row["kind"], actor=row["actor"], note=row["note"], taken_at=row["taken_at"]),
        )
        for row in action_store.list_for_alert(conn, alert_id)
    ]


def standing(conn: Connection, alert_id: int) -> Standing:
    """Sum up what people did about one alert since it was last opened: what came back is in nobody's hands."""
    since = alerts.reopened(conn, [alert_id]).get(alert_id)
    return actions.standing([one for _, one in taken(conn, alert_id) if since is None or one.taken_at >= since])


def listed(services: Services, tenant_id: int, alert_id: int) -> dict[str, Any]:
    """Return the actions and verdicts on one alert, oldest first, and how long people and the alert took."""
    with services.database.tenant(tenant_id) as conn:
        alert = alerts.get(conn, alert_id)
        done = action_store.list_for_alert(conn, alert_id)
        given = verdicts.list_for_alert(conn, alert_id)
        first = actions.standing([one for _, one in taken(conn, alert_id)]).acknowledged
    return {
        "actions": [_plain(row) for row in done],
        "verdicts": [_plain(row) for row in given],
        "acknowledged_after_s": _after_s(alert, first.taken_at if first else None),
        "resolved_after_s": _after_s(alert, alert.resolved_at),
    }


def _after_s(alert: Alert, at: datetime | None) -> float | None:
    return None if at is None else (at - alert.raised_at).total_seconds()


def _taken(row: action_store.Row) -> Taken:
    return Taken(kind=row.kind, actor=row.actor, note=row.note, taken_at=row.taken_at)


def _record(conn: Connection, held: Held, wish: Wish, decision: Decision, at: datetime) -> None:
    deed = Deed(
        kind=wish.kind, actor=wish.actor, stored=actions.stored_note(wish), note=wish.note, at=at,
        verdict=wish.verdict, cause=wish.cause,
        is_real=None if wish.verdict is None else wish.verdict not in actions.CLOSING,
    )  # fmt: skip
    if wish.until_at is not None or decision.closes is not None:
        # The last word on an alert holds, and a new problem of its kind is news.
        mutes.end_snoozes(conn, held.fingerprint, at)
    if wish.until_at is not None:
        mutes.add(
            conn, start_at=at, end_at=wish.until_at, reason=wish.note or f"alert {held.alert_id} was snoozed",
            actor=wish.actor, origin="snooze", fingerprint=held.fingerprint,
        )  # fmt: skip
    if decision.closes is not None:
        action_store.close(conn, held, deed, decision.closes)
    else:
        action_store.show(conn, held, deed, UPDATED_IN_PLACE, f"{wish.kind} by {wish.actor}")
    if wish.note and wish.kind in {"assign", "snooze"}:
        # Their own note says to whom, or until when.
        extra = Wish(kind="note", actor=wish.actor, note=wish.note)
        _record(conn, held, extra, Decision(status="recorded", word=""), at)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in {"tenant_id", "alert_id"}
    }
