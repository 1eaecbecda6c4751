"""The tables of what follows an alert, on top of the core's; each row belongs to the transaction's tenant."""

from __future__ import annotations

from sqlalchemy import Index

from python_nodes.store import tables
from python_nodes.store.table_parts import at, maybe, tenant_table, whole, words

METADATA = tables.alerts.metadata
"""All tables: the core's and these."""
mutes = tenant_table(
    "mutes", at("start_at"), at("end_at"), words("reason"), words("actor"), words("origin"),
    whole("listing_id", nullable=True), whole("property_id", nullable=True), maybe("market"), maybe("kind"),
    maybe("cause"), maybe("fingerprint"), maybe("rrule"), words("zone"), at("ended_at", nullable=True),
    Index("mutes_end", "tenant_id", "end_at"),
)  # fmt: skip
decisions = tenant_table(
    "decisions", words("fingerprint"), words("stage"), words("decision"), words("kind"), words("why"),
    whole("listing_id", nullable=True), whole("property_id", nullable=True), whole("alert_id", nullable=True),
    maybe("held_by"), at("first_at"), at("last_at"), whole("times"),
    Index("decisions_of", "tenant_id", "fingerprint", "stage", "id"), Index("decisions_last", "tenant_id", "last_at"),
)  # fmt: skip
