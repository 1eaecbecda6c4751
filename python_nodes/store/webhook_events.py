"""What subscribers are told: a message for each who follows an event, written with the change it tells of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from sqlalchemy import Connection, text

TYPE = "webhook.send"
"""Outbox type; entity is ``webhook:event:subject``, version the subject's, so that each change is told once."""
Event = Literal[
    "alert.raised", "alert.updated", "alert.reopened", "alert.resolved", "alert.acknowledged", "alert.acted",
    "proposal.made",
]  # fmt: skip
EVENTS: tuple[str, ...] = get_args(Event)
TEST = "webhook.test"
"""Sent when somebody asks for it, whatever is followed."""

# One statement whatever happened; nobody who subscribes costs a look at an empty table. Nothing personal is told: no
# title, no note, no name of a guest or of who acted.
_FOLLOWED = (
    " FROM jsonb_to_recordset(cast(:told AS jsonb)) AS t(event text, id bigint, version bigint, at text, word text)"
    " JOIN webhooks w ON w.disabled_at IS NULL AND t.event = ANY(w.events)"
)
_WRITE = (
    "INSERT INTO outbox (type, entity, version, payload)"
    f" SELECT '{TYPE}', w.id || ':' || t.event || ':' || t.id, t.version, jsonb_build_object("
    "'sender', 'webhook', 'recipient', w.id::text, 'attempts', 0, 'provider_ref', NULL,"
    " 'event', t.event, 'at', t.at, 'data', "
)
_MOMENT = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
_OF_ALERTS = text(
    _WRITE + "jsonb_build_object('alert_id', a.id, 'version', a.version, 'kind', a.kind, 'cause', a.cause,"
    " 'category', a.category, 'score', round(a.score::numeric, 1), 'scope', a.scope, 'metric', a.metric,"
    " 'market', coalesce(a.market, p.market), 'property', p.external_id, 'listing', l.external_id,"
    " 'channel', l.channel, 'onset_date', a.onset_date,"
    f" 'raised_at', {_MOMENT.format('a.raised_at')}, 'resolved_at', {_MOMENT.format('a.resolved_at')},"
    " 'impact_minor', a.impact_minor, 'currency', a.currency)"
    " || CASE WHEN t.word IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('action', t.word) END)"
    + _FOLLOWED
    + " JOIN alerts a ON a.id = t.id"
    " LEFT JOIN listings l ON l.id = a.listing_id LEFT JOIN units u ON u.id = l.unit_id"
    " LEFT JOIN properties p ON p.id = coalesce(a.property_id, u.property_id)"
    " ON CONFLICT DO NOTHING"
)
_OF_PROPOSALS = text(
    _WRITE + "jsonb_build_object('proposal_id', p.id, 'kind', p.kind, 'alert_id', p.alert_id))"
    + _FOLLOWED + " JOIN proposals p ON p.id = t.id ON CONFLICT DO NOTHING"
)  # fmt: skip


class Told(NamedTuple):
    """What happened to an alert or a proposal; ``version`` makes it this change, ``word`` says what was done."""

    event: str
    id: int
    version: int
    at: str
    word: str | None = None


def tell_of_alerts(conn: Connection, told: Sequence[Told]) -> None:
    """Write a message for each subscriber to each of these."""
    if told:
        conn.execute(_OF_ALERTS, {"told": json.dumps([one._asdict() for one in told])})


def tell_of_proposals(conn: Connection, told: Sequence[Told]) -> None:
    """Do as ``tell_of_alerts`` for proposals."""
    if told:
        conn.execute(_OF_PROPOSALS, {"told": json.dumps([one._asdict() for one in told])})
