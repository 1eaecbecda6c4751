"""The tables of what follows an alert, on top of the core's; each row belongs to the transaction's tenant."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint

from python_nodes.store import tables
from python_nodes.store.table_parts import at, facts, maybe, of, tenant_table, whole, words

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
proposals = tenant_table(
    "proposals", words("name"), words("kind"), words("title"), whole("alert_id"), whole("verdict_id"),
    facts("change"), facts("reasons"), facts("preview"), at("as_of_at"), at("made_at"),
    UniqueConstraint("tenant_id", "name"), of("alert_id", "alerts"), of("verdict_id", "verdicts"),
)  # fmt: skip
proposal_decisions = tenant_table(
    "proposal_decisions", whole("proposal_id"), words("decision"), words("actor"), words("note"), at("decided_at"),
    Index("proposal_decisions_of", "tenant_id", "proposal_id", "id"), of("proposal_id", "proposals"),
)  # fmt: skip
