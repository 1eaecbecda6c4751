"""Subscribers to what happens here: where they are, what they follow, and the secrets they are told by, encrypted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from python_nodes.domain.sealing import sealer
from python_nodes.errors import NotFoundError
from python_nodes.store import turns
from python_nodes.store.alert_tables import webhook_letters, webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What messages are signed with; after a rotation the one before it goes on being valid until a moment."""

    key: str = field(repr=False)
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One subscriber; neither its secrets nor its URL, which may carry a token, show in its repr."""

    webhook_id: int
    name: str
    url: str = field(repr=False)
    events: tuple[str, ...]
    secrets: tuple[Secret, ...] = field(repr=False)
    created_at: datetime
    failing_since_at: datetime | None
    taken_at: datetime | None
    disabled_at: datetime | None
    disabled_because: str | None

    def valid(self, at: datetime) -> list[str]:
        """Return the secrets to sign with, the newest first."""
        return [one.key for one in self.secrets if one.until_at is None or one.until_at > at]


def add(
    conn: Connection, *, name: str, url: str, events: Sequence[str], secret: str, at: datetime, fernet_key: str
) -> int:  # fmt: skip
    """Write a subscriber and return its id."""
    sealed = _seal([Secret(key=secret)], fernet_key)
    row = {"name": name, "url": url, "events": list(events), "secrets": sealed, "created_at": at}
    return int(conn.execute(insert(webhooks).values(row).returning(webhooks.c.id)).scalar_one())


def get(conn: Connection, webhook_id: int, fernet_key: str) -> Webhook:
    """Return one subscriber or raise NotFoundError."""
    row = conn.execute(select(webhooks).where(webhooks.c.id == webhook_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"webhook {webhook_id} does not exist")
    return _record(row, fernet_key)


def hold(conn: Connection, webhook_id: int, fernet_key: str) -> Webhook:
    """Do as ``get``, and let nobody else change it until the transaction ends."""
    conn.execute(select(webhooks.c.id).where(webhooks.c.id == webhook_id).with_for_update())
    return get(conn, webhook_id, fernet_key)


def claim(conn: Connection, webhook_id: int) -> bool:
    """Be the only one who sends there until the transaction ends; False while another does."""
    return turns.hold(conn, f"webhook.{webhook_id}")


def list_all(conn: Connection, fernet_key: str) -> list[Webhook]:
    """Return every subscriber, in order of id."""
    found = conn.execute(select(webhooks).order_by(webhooks.c.id)).mappings()
    return [_record(row, fernet_key) for row in found]


def change_secrets(conn: Connection, webhook_id: int, secrets: Sequence[Secret], fernet_key: str) -> None:
    """Replace the secrets of a subscriber."""
    _change(conn, webhook_id, secrets=_seal(secrets, fernet_key))


def enable(conn: Connection, webhook_id: int) -> None:
    """Let messages go there again; what it failed before counts no more."""
    _change(conn, webhook_id, disabled_at=None, disabled_because=None, failing_since_at=None)


def disable(conn: Connection, webhook_id: int, at: datetime, because: str) -> None:
    """Let nothing go there any more."""
    _change(conn, webhook_id, disabled_at=at, disabled_because=because)


def remove(conn: Connection, webhook_id: int) -> None:
    """Forget a subscriber with the messages that it never took."""
    conn.execute(delete(webhook_letters).where(webhook_letters.c.webhook_id == webhook_id))
    conn.execute(delete(webhooks).where(webhooks.c.id == webhook_id))


def taken(conn: Connection, webhook_id: int, at: datetime) -> None:
    """Note that it took a message."""
    _change(conn, webhook_id, taken_at=at, failing_since_at=None)


def failed(conn: Connection, webhook_id: int, at: datetime) -> datetime:
    """Note that it did not take a message, and return since when it has taken none."""
    since = func.coalesce(webhooks.c.failing_since_at, at)
    changed = update(webhooks).where(webhooks.c.id == webhook_id).values(failing_since_at=since)
    found: datetime = conn.execute(changed.returning(webhooks.c.failing_since_at)).scalar_one()
    return found


def _change(conn: Connection, webhook_id: int, **values: Any) -> None:
    conn.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(values))


def _seal(secrets: Sequence[Secret], fernet_key: str) -> bytes:
    told = [[one.key, one.until_at.isoformat() if one.until_at else None] for one in secrets]
    return sealer(fernet_key).seal(json.dumps(told).encode())


def _record(row: RowMapping, fernet_key: str) -> Webhook:
    told = json.loads(sealer(fernet_key).open(bytes(row["secrets"]), f"webhook {row['id']}"))
    secrets = tuple(
        Secret(key=key, until_at=datetime.fromisoformat(until) if until else None) for key, until in told
    )  # fmt: skip
    names = set(Webhook.__dataclass_fields__) - {"webhook_id", "secrets", "events"}
    return Webhook(
        webhook_id=row["id"], events=tuple(row["events"]), secrets=secrets, **{name: row[name] for name in names}
    )  # fmt: skip
