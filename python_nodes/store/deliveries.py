"""Deliveries: a record for each message to send and each decision not to; none is sent twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from python_nodes.errors import NotFoundError
from python_nodes.store import turns, under_way
from python_nodes.store.tables import deliveries

_OPEN = ("sending", "failed")


class Routed(Protocol):
    """A routed message: (step, sender, recipient) is its identity under one alert."""

    @property
    def sender(self) -> str:
        """Return the sender's name."""
        ...

    @property
    def recipient(self) -> str:
        """Return the channel, address or number."""
        ...

    @property
    def step(self) -> str:
        """Return which telling of the alert this is."""
        ...

    @property
    def reason(self) -> str:
        """Return why it is sent, or why not."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One stored delivery; ``status`` is planned, sending, sent, failed or suppressed."""

    delivery_id: int
    alert_id: int
    step: str
    sender: str
    recipient: str
    status: str
    reason: str
    provider_ref: str | None
    error: str | None
    attempts: int
    planned_at: datetime


def delivery_of(row: Row[tuple[object, ...]]) -> Delivery:
    """Read one row."""
    fields = dict(row._mapping)
    names = set(Delivery.__dataclass_fields__) - {"delivery_id"}
    return Delivery(delivery_id=fields["id"], **{name: fields[name] for name in names})


def plan(
    conn: Connection,
    alert_id: int,
    targets: Sequence[Routed],
    suppressed: Sequence[Routed],
    at: datetime,
) -> list[Delivery]:
    """Write what routing decided, each once however often it is asked; returns those still to be sent."""
    rows = [
        {"alert_id": alert_id, "step": one.step, "sender": one.sender, "recipient": one.recipient,
         "status": status, "reason": one.reason, "planned_at": at}
        for status, group in (("planned", targets), ("suppressed", suppressed)) for one in group
    ]  # fmt: skip
    if rows:
        conn.execute(insert(deliveries).on_conflict_do_nothing(), rows)
    due = deliveries.c.status.in_(("planned", "failed"))
    query = select(deliveries).where(deliveries.c.alert_id == alert_id, due).order_by(deliveries.c.id)
    wanted = {(one.step, one.sender, one.recipient) for one in targets}
    found = [delivery_of(row) for row in conn.execute(query)]
    return [one for one in found if (one.step, one.sender, one.recipient) in wanted]


def hold(conn: Connection, delivery_id: int, *, wait_s: float = 0.0) -> bool:
    """Lock a delivery until the transaction ends; False if another transaction is sending it for longer than that."""
    return turns.hold(conn, f"delivery.{delivery_id}", wait_s=wait_s)


def refuse_early(conn: Connection, delivery_id: int) -> None:
    """Raise RetryableError while an earlier attempt may still arrive; it cannot leave until ``conn`` ends."""
    under_way.refuse(conn, deliveries, delivery_id, "delivery")


def leaves(conn: Connection, taken: Delivery, within_s: float) -> None:
    """Note that this attempt's message leaves now; RetryableError if another attempt has begun since."""
    is_mine = _of_attempt(taken.delivery_id, taken.attempts) & (deliveries.c.status == "sending")
    under_way.leaves(conn, deliveries, is_mine, within_s, f"delivery {taken.delivery_id}")


def claim(conn: Connection, delivery_id: int) -> Delivery | None:
    """Take a planned or failed delivery for sending; None if it is sent, suppressed or in other hands."""
    free = (
        select(deliveries.c.id)
        .where(
            deliveries.c.id == delivery_id,
            deliveries.c.status.in_(("planned", "failed")),
        )
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(deliveries)
        .where(deliveries.c.id.in_(free))
        .values(status="sending", attempts=deliveries.c.attempts + 1)
        .returning(deliveries)
    )
    row = conn.execute(taken).first()
    return None if row is None else delivery_of(row)


def finish(
    conn: Connection,
    delivery_id: int,
    *,
    at: datetime,
    provider_ref: str | None = None,
    error: str | None = None,
    is_passing: bool = False,
    attempt: int | None = None,
    may_arrive: bool = False,
) -> None:
    """Close a claimed delivery: sent with the provider's reference, or failed, for good or in passing.

    ``attempt``: close it only if none has begun since; that one's end is known even where it was thought dead.
    ``may_arrive``: nobody knows whether what left has arrived; the next attempt waits until it must have.
    """
    row = {
        "status": "sent" if error is None else "failed", "provider_ref": provider_ref, "error": error,
        "finished_at": at, "is_passing": is_passing,
    } | ({} if may_arrive else {"arrives_by_at": None})  # fmt: skip
    sending = (deliveries.c.id == delivery_id) & (deliveries.c.status == "sending")
    claimed = sending if attempt is None else _of_attempt(delivery_id, attempt) & deliveries.c.status.in_(_OPEN)
    if conn.execute(update(deliveries).where(claimed).values(row)).rowcount != 1:
        raise NotFoundError(f"delivery {delivery_id} is not being sent")


def _of_attempt(delivery_id: int, attempt: int) -> ColumnElement[bool]:
    return (deliveries.c.id == delivery_id) & (deliveries.c.attempts == attempt)


def get(conn: Connection, delivery_id: int) -> Delivery:
    """Return one delivery or raise NotFoundError."""
    row = conn.execute(select(deliveries).where(deliveries.c.id == delivery_id)).first()
    if row is None:
        raise NotFoundError(f"delivery {delivery_id} does not exist")
    return delivery_of(row)


def earlier_unsent(conn: Connection, delivery: Delivery, patience: ColumnElement[bool]) -> int | None:
    """Return the first delivery to the same recipient of the same alert that was planned before and is not sent yet.

    ``patience`` says which of those not sent are still waited for.
    """
    d = deliveries.c
    same = (d.alert_id == delivery.alert_id) & (d.sender == delivery.sender) & (d.recipient == delivery.recipient)
    waits = d.status.in_(("planned", "failed", "sending")) & (d.id < delivery.delivery_id)
    first: int | None = conn.execute(select(func.min(d.id)).where(same, waits, patience)).scalar_one()
    return first


def by_provider_ref(conn: Connection, sender: str, provider_ref: str) -> Delivery | None:
    """Return the delivery that a provider knows by its own reference, locked; None if it is not ours."""
    is_it = (deliveries.c.sender == sender) & (deliveries.c.provider_ref == provider_ref)
    row = conn.execute(select(deliveries).where(is_it).order_by(deliveries.c.id).with_for_update()).first()
    return None if row is None else delivery_of(row)


def lost(conn: Connection, delivery_id: int, error: str, at: datetime) -> None:
    """Open a sent delivery again: its provider could not hand it over after all."""
    sent = (deliveries.c.id == delivery_id) & (deliveries.c.status == "sent")
    conn.execute(update(deliveries).where(sent).values(status="failed", error=error, finished_at=at))


def list_for_alert(conn: Connection, alert_id: int) -> list[Delivery]:
    """Return every delivery of one alert, in order of id."""
    query = select(deliveries).where(deliveries.c.alert_id == alert_id).order_by(deliveries.c.id)
    return [delivery_of(row) for row in conn.execute(query)]


def counts(conn: Connection) -> dict[str, int]:
    """Return how many were sent by each sender, and how many were suppressed."""
    total = func.count()
    sent = select(deliveries.c.sender, total).where(deliveries.c.status == "sent").group_by(deliveries.c.sender)
    result = {str(sender): int(number) for sender, number in conn.execute(sent)}
    held = select(total).select_from(deliveries).where(deliveries.c.status == "suppressed")
    return {**result, "suppressed": int(conn.execute(held).scalar_one())}
