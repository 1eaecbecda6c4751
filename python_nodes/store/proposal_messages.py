"""Messages about proposals: one for each state of a proposal and recipient, sent once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from python_nodes.store import sends
from python_nodes.store.sends import Draft, Send
from python_nodes.store.tables import outbox

TYPE = "proposal.send"
"""Outbox type; entity is ``proposal:recipient``, version one more than the decision that it tells of, 1 without."""


def plan(
    conn: Connection, proposal_id: int, decision_id: int | None, sender: str, recipients: Sequence[str]
) -> None:  # fmt: skip
    """Write that a proposal's present state is to be told; the same state is told once."""
    sends.plan(conn, TYPE, [
        Draft(entity=f"{proposal_id}:{one}", version=(decision_id or 0) + 1, sender=sender, recipient=one,
              about={"proposal_id": proposal_id})
        for one in recipients
    ])  # fmt: skip


def due(conn: Connection) -> list[Send]:
    """Return the messages still to be sent, the oldest first; ``about`` names the proposal."""
    return sends.due(conn, TYPE)


def told_in(conn: Connection, one: Send) -> str | None:
    """Return the provider's reference of the message that this recipient has on the proposal already."""
    sent = (outbox.c.type == TYPE) & (outbox.c.entity == f"{one.about['proposal_id']}:{one.recipient}")
    query = select(outbox.c.payload["provider_ref"].astext.label("ref")).where(sent, outbox.c.dispatched_at.isnot(None))
    found = conn.execute(query.order_by(outbox.c.version.desc()).limit(1)).first()
    return None if found is None else found.ref
