"""The tables of what follows an alert, on top of the core's; each row belongs to the transaction's tenant."""

from __future__ import annotations

from sqlalchemy import Column, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY

from python_nodes.store import tables
from python_nodes.store.table_parts import at, day, facts, flag, maybe, of, real, sealed, tenant_table, whole, words

METADATA = tables.alerts.metadata
"""All tables: the core's and these."""
mutes = tenant_table(
    "mutes", at("start_at"), at("end_at"), words("reason"), words("actor"), words("origin"),
    whole("listing_id", nullable=True), whole("property_id", nullable=True), maybe("market"), maybe("kind"),
    maybe("cause"), maybe("fingerprint"), maybe("rrule"), words("zone"), at("ended_at", nullable=True),
    Index("mutes_end", "tenant_id", "end_at"),
    Index("mutes_snoozed", "tenant_id", "fingerprint", postgresql_where=text("origin = 'snooze' AND ended_at IS NULL")),
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
resolution_times = tenant_table(
    "resolution_times", words("cause"), real("low_days"), real("mid_days"), real("high_days"), whole("learned_from"),
    whole("still_open"), day("as_of_date"), key=("cause",),
)  # fmt: skip
repairs = tenant_table(
    "repairs", whole("alert_id"), words("cause"), day("first_date"), day("last_date"), whole("bookings"),
    real("expected_bookings"), whole("low_minor"), whole("mid_minor"), whole("high_minor"), at("measured_at"),
    of("alert_id", "alerts"), key=("alert_id",),
)  # fmt: skip
escalations = tenant_table(
    "escalations", whole("alert_id"), words("escalation"), words("chain"), whole("step"), at("began_at"),
    at("step_at", nullable=True), at("due_at", nullable=True), whole("waited_s"), whole("told"), facts("repeats"),
    facts("held"), flag("is_parked"), at("ended_at", nullable=True), maybe("ended_because"),
    Index("escalations_due", "tenant_id", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    of("alert_id", "alerts"), key=("alert_id", "escalation"),
)  # fmt: skip
escalation_looks = tenant_table(
    "escalation_looks", whole("alert_id"), whole("version"), words("edition"), of("alert_id", "alerts"),
    key=("alert_id",),
)  # fmt: skip
webhooks = tenant_table(
    "webhooks", words("name"), words("url"), Column("events", ARRAY(Text), nullable=False),
    sealed("secrets"), at("created_at"), at("failing_since_at", nullable=True),
    at("taken_at", nullable=True), at("disabled_at", nullable=True), maybe("disabled_because"),
)  # fmt: skip
webhook_letters = tenant_table(
    "webhook_letters", whole("webhook_id"), whole("message_id"), words("event"), facts("payload"), words("reason"),
    whole("attempts"), at("died_at"), at("replayed_at", nullable=True), UniqueConstraint("tenant_id", "message_id"),
    Index("webhook_letters_of", "tenant_id", "webhook_id", "id"), of("webhook_id", "webhooks"),
)  # fmt: skip
