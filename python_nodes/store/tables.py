"""Every table, by name; each row belongs to the tenant of the transaction that writes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from python_nodes.domain.metrics import METRICS
from python_nodes.store.table_parts import (
    METADATA,
    at,
    day,
    facts,
    flag,
    maybe,
    of,
    real,
    sealed,
    tenant_table,
    whole,
    words,
)


def _origin() -> tuple[Column[Any], ...]:
    return (
        *(Column(name, Text(collation="C"), nullable=False) for name in _BOOKING_KEY),
        whole("source_version"), at("source_updated_at"),
        whole("raw_id", nullable=True),
    )  # fmt: skip


tenants = Table(
    "tenants", METADATA,
    Column("tenant_id", Integer, Identity(), primary_key=True), Column("name", Text, unique=True, nullable=False),
    words("currency"), Column("created_at", DateTime(timezone=True), server_default=text("now()"), nullable=False),
)  # fmt: skip
api_keys = tenant_table(
    "api_keys", words("name"), Column("key_hash", LargeBinary, unique=True, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False), at("expires_at", nullable=True),
    at("last_used_at", nullable=True), at("created_at"), Column("property_ids", ARRAY(BigInteger)),
    maybe("role"), at("revoked_at", nullable=True), Column("previous_hash", LargeBinary, unique=True),
    at("previous_until_at", nullable=True),
)  # fmt: skip
ended_sessions = tenant_table("ended_sessions", words("session_id"), at("expires_at"), key=("session_id",))
# Appended by the application; the chain is written by the database alone, when a transaction commits.
audit_log = tenant_table(
    "audit_log", at("at"), words("via"), words("actor"), words("action"), words("objects"), words("outcome"),
    words("run_id"),
)  # fmt: skip
audit_chain = tenant_table(
    "audit_chain", whole("position"), whole("entry_id"), words("written_by"),
    Column("hash", LargeBinary, nullable=False), UniqueConstraint("tenant_id", "entry_id"), key=("position",),
)  # fmt: skip
properties = tenant_table(
    "properties", words("external_id"), words("name"), words("market"), words("country"), maybe("subdivision"),
    words("timezone"), words("currency"), real("priority"), UniqueConstraint("tenant_id", "external_id"),
)  # fmt: skip
units = tenant_table(
    "units", words("external_id"), whole("property_id"), words("name"), whole("unit_count"), whole("base_price_minor"),
    whole("floor_price_minor"), UniqueConstraint("tenant_id", "external_id"), of("property_id", "properties"),
)  # fmt: skip
listings = tenant_table(
    "listings", words("external_id"), whole("unit_id"), words("channel"), words("title"), whole("rate_plan_id"),
    maybe("channel_property_id"),
    UniqueConstraint("tenant_id", "channel", "external_id"), of("unit_id", "units"), of("rate_plan_id", "rate_plans"),
)  # fmt: skip
rate_plans = tenant_table(
    "rate_plans", words("external_id"), whole("unit_id"), UniqueConstraint("tenant_id", "unit_id", "external_id"),
    of("unit_id", "units"),
)  # fmt: skip
connections = tenant_table(
    "connections", words("vendor"), words("name"), words("base_url"), facts("settings"),
    sealed("credentials"), flag("is_active"), UniqueConstraint("tenant_id", "name"),
    at("access_ends_at", nullable=True), at("access_refused_at", nullable=True),
    at("renewing_since_at", nullable=True),
)  # fmt: skip
consents = tenant_table(
    "consents", Column("state_hash", LargeBinary, nullable=False), sealed("asked"), at("expires_at"),
    UniqueConstraint("tenant_id", "state_hash"),
)  # fmt: skip
poll_runs = tenant_table(
    "poll_runs", whole("connection_id"), words("operation"), at("as_of_at"), at("finished_at", nullable=True),
    whole("fetched", default="0"), whole("stored", default="0"), whole("unchanged", default="0"),
    whole("rejected", default="0"), maybe("error"), of("connection_id", "connections"),
    Index("poll_runs_as_of", "tenant_id", "as_of_at"),
)  # fmt: skip
fx_rates = tenant_table(
    "fx_rates", day("rate_date"), words("currency"), real("per_eur"), words("source"), at("as_of_at"),
    key=("rate_date", "currency"),
)  # fmt: skip
metrics_daily = tenant_table(
    "metrics_daily", whole("listing_id"), day("day_date"), Column("source", Text(collation="C"), nullable=False),
    at("as_of_at"), *(Column(name, Double) for name in METRICS), key=("listing_id", "day_date", "source"),
    # A later report changes most rows once: with room on the page, that touches no index and is twice as fast.
    fill_percent=48,
)  # fmt: skip
portfolio_days = tenant_table(
    "portfolio_days", day("day"), words("market"), words("channel"), words("currency"), whole("listings"),
    *(Column(name, Double) for name in ("bookings", "comparable", "expected", "half_square", "sold_rooms", "rooms",
                                        "revenue", "expected_revenue")),
    key=("day", "market", "channel", "currency"),
)  # fmt: skip
metric_bands = tenant_table(
    "metric_bands", whole("listing_id"), words("metric"), day("day"), real("expected"), real("lower"), real("upper"),
    key=("listing_id", "metric", "day"),
)  # fmt: skip
series_queue = tenant_table(
    "series_queue", words("source"), at("as_of_at"), Column("points", LargeBinary, nullable=False), whole("rows"),
    whole("bytes"), at("queued_at"), whole("attempts", default="0"), at("retry_at"), words("reason", ""),
)  # fmt: skip
# What was written of which listings (null: of all), by which `changes` of a metric store tells what to read again.
series_changes = tenant_table(
    "series_changes", Column("token", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    day("start_date"), day("end_date"), Column("listing_ids", ARRAY(BigInteger)),
)  # fmt: skip


def _ari_columns() -> tuple[Column[Any], ...]:
    return (
        whole("listing_id"), words("rate_plan_external_id"), day("stay_date"), at("observed_at"),
        whole("price_minor", nullable=True), words("currency"), flag("is_open"), whole("units_left"),
        whole("min_stay_nights"), whole("fees_minor"), words("source"), whole("raw_id", nullable=True),
    )  # fmt: skip


ari_observations = tenant_table(
    "ari_observations",
    *_ari_columns(),
    key=("listing_id", "stay_date", "rate_plan_external_id", "observed_at"),
)
ari_current = tenant_table(
    "ari_current",
    *_ari_columns(),
    key=("listing_id", "stay_date", "rate_plan_external_id"),
)
ari_polls = tenant_table("ari_polls", whole("listing_id"), at("observed_at"), key=("listing_id",))


def _booking_columns() -> tuple[Column[Any], ...]:
    return (
        *_origin(), whole("listing_id"), maybe("rate_plan_external_id"), day("check_in_date"), day("check_out_date"),
        at("booked_at"), at("cancelled_at", nullable=True), whole("total_amount_minor"), words("currency"),
        words("status"), words("channel"), maybe("guest_name"), maybe("guest_email"), maybe("guest_phone"),
    )  # fmt: skip


_BOOKING_KEY = ("source", "external_id")
bookings = tenant_table(
    "bookings", *_booking_columns(), Index("bookings_booked", "tenant_id", "listing_id", "booked_at"),
    Index("bookings_standing", "tenant_id", "listing_id", "check_out_date",
          postgresql_where=text("status NOT IN ('cancelled', 'no_show')")),
    key=_BOOKING_KEY,
)  # fmt: skip
# The view booking_revisions shows these and the current ones as one.
superseded_bookings = tenant_table("superseded_bookings", *_booking_columns(), key=(*_BOOKING_KEY, "source_version"))
raw_index = tenant_table(
    "raw_index", words("source"), words("operation"), words("path"), Column("sha256", LargeBinary, nullable=False),
    whole("size_bytes"), words("content_type"), at("fetched_at"), maybe("pack"),
    Column("offset_bytes", BigInteger, nullable=False, server_default=text("0")),
    maybe("sealed_by"), whole("stored_bytes", nullable=True), Index("raw_index_fetched", "tenant_id", "fetched_at"),
    UniqueConstraint("tenant_id", "source", "operation", "path"),
)  # fmt: skip
rejected = tenant_table(
    "rejected", whole("connection_id", nullable=True), words("source"), words("operation"), words("reason"),
    maybe("field"), Column("raw", LargeBinary, nullable=False), whole("raw_id", nullable=True), at("rejected_at"),
    at("replayed_at", nullable=True),
    Column("raw_sha256", LargeBinary, nullable=False),
    UniqueConstraint("tenant_id", "source", "operation", "raw_sha256"),
)  # fmt: skip
outbox = tenant_table(
    "outbox", words("type"), words("entity"), whole("version"), facts("payload"),
    Column("created_at", DateTime(timezone=True), server_default=text("now()"), nullable=False),
    at("dispatched_at", nullable=True), at("arrives_by_at", nullable=True),
    UniqueConstraint("tenant_id", "type", "entity", "version"),
    Index("outbox_pending", "tenant_id", "type", "id", postgresql_where=text("dispatched_at IS NULL")),
)  # fmt: skip
listing_health = tenant_table(
    "listing_health", whole("listing_id"), words("source"), words("status"), at("changed_at"), at("observed_at"),
    words("detail"), whole("raw_id", nullable=True), key=("listing_id",),
)  # fmt: skip
listing_reviews = tenant_table(
    "listing_reviews", whole("listing_id"), words("source"), real("score_10"), whole("review_count"),
    at("observed_at"), key=("listing_id",),
)  # fmt: skip
listing_content = tenant_table(
    "listing_content", whole("listing_id"), words("part"), words("name"), at("first_seen_at"), at("last_seen_at"),
    key=("listing_id", "part", "name"),
)  # fmt: skip
content_polls = tenant_table(
    "content_polls", whole("listing_id"), words("source"), at("observed_at"), key=("listing_id",)
)
feed_marks = tenant_table(
    "feed_marks", whole("listing_id"), words("operation"), words("mark"), day("day_date"), words("value"),
    at("observed_at"), key=("listing_id", "operation", "mark", "day_date"),
)  # fmt: skip
operator_nights = tenant_table(
    "operator_nights", whole("unit_id"), day("stay_date"), flag("is_open"), whole("units"),
    whole("raw_id", nullable=True), at("changed_at", nullable=True), key=("unit_id", "stay_date"),
)  # fmt: skip
anomalies = tenant_table(
    "anomalies", words("source_kind"), at("as_of_at"), whole("listing_id"), words("kind"), words("metric"),
    day("onset_date"), words("cause"), words("direction"), *(Column(name, Double) for name in
    ("observed", "expected", "lower", "upper", "p_value")), real("share_lost"), real("confidence"),
    facts("evidence"), of("listing_id", "listings"), Index("anomalies_run", "tenant_id", "source_kind", "as_of_at"),
)  # fmt: skip
anomaly_runs = tenant_table("anomaly_runs", words("source_kind"), at("as_of_at"), key=("source_kind", "as_of_at"))
alerts = tenant_table(
    "alerts", words("fingerprint"), words("scope"), whole("listing_id", nullable=True),
    whole("property_id", nullable=True), maybe("market"), words("metric"), words("kind"), words("cause"),
    words("title"), words("category"), real("score"), words("currency"), whole("impact_minor"),
    whole("loss_per_day_minor"), whole("lost_so_far_minor"), day("onset_date"), at("raised_at"), at("updated_at"),
    at("resolved_at", nullable=True), whole("version", default="1"), facts("evidence"), facts("parts"),
    of("listing_id", "listings"), of("property_id", "properties"),
    Index("alerts_one_open", "tenant_id", "fingerprint", unique=True, postgresql_where=text("resolved_at IS NULL")),
)  # fmt: skip
alert_events = tenant_table(
    "alert_events", whole("alert_id"), whole("version"), words("event"), words("reason"), at("at"), facts("changes"),
    of("alert_id", "alerts"),
)  # fmt: skip
deliveries = tenant_table(
    "deliveries", whole("alert_id"), words("step"), words("sender"), words("recipient"), words("status"),
    words("reason", ""), maybe("provider_ref"), maybe("error"), whole("attempts", default="0"), at("planned_at"),
    at("finished_at", nullable=True), at("arrives_by_at", nullable=True),
    UniqueConstraint("tenant_id", "alert_id", "step", "sender", "recipient"),
    Column("is_passing", Boolean, nullable=False, server_default=text("false")), of("alert_id", "alerts"),
)  # fmt: skip
actions = tenant_table(
    "actions", whole("alert_id"), words("kind"), words("actor"), words("note", ""), at("taken_at"),
    of("alert_id", "alerts"),
)  # fmt: skip
verdicts = tenant_table(
    "verdicts", whole("alert_id"), flag("is_real"), words("verdict"), maybe("cause"), words("actor"),
    words("note", ""), at("given_at"), of("alert_id", "alerts"),
)  # fmt: skip
import_sources = tenant_table(
    "import_sources", words("name"), words("kind"), maybe("channel"), facts("columns"), words("date_format"),
    words("decimal_sign"), maybe("currency"), maybe("sheet"), real("scale"), maybe("file_pattern"),
    at("updated_at"), key=("name",),
)  # fmt: skip
import_runs = tenant_table(
    "import_runs", words("source_name"), words("file"), Column("content_sha256", LargeBinary, nullable=False),
    Column("reading_sha256", LargeBinary, nullable=False), whole("raw_id"), at("as_of_at"), facts("report"),
    UniqueConstraint("tenant_id", "source_name", "content_sha256", "reading_sha256"),
)  # fmt: skip
listing_changes = tenant_table(
    "listing_changes", Column("change_sha256", LargeBinary, nullable=False), at("changed_at"), words("source"),
    words("channel"), whole("listing_id", nullable=True), whole("property_id", nullable=True), words("field"),
    words("old_value"), words("new_value"), words("actor"), whole("raw_id", nullable=True),
    UniqueConstraint("tenant_id", "change_sha256"),
    Index("listing_changes_at", "tenant_id", "listing_id", "changed_at"),
)  # fmt: skip
jobs = tenant_table(
    "jobs", words("job_id"), words("kind"), words("state"), whole("done"), whole("total"), facts("result"),
    maybe("error"), at("created_at"), at("updated_at"), key=("job_id",),
)  # fmt: skip
sweep_shards = tenant_table(
    "sweep_shards", words("job_id"), whole("shard"), Column("listing_ids", ARRAY(BigInteger), nullable=False),
    facts("given"), whole("tries", default="0"), at("done_at", nullable=True), maybe("told"),
    ForeignKeyConstraint(["tenant_id", "job_id"], ["jobs.tenant_id", "jobs.job_id"], ondelete="CASCADE"),
    key=("job_id", "shard"),
)  # fmt: skip
idempotency_keys = tenant_table(
    "idempotency_keys", words("endpoint"), words("key"), Column("request_sha256", LargeBinary, nullable=False),
    whole("status", nullable=True), Column("response", JSONB), at("begun_at"), key=("endpoint", "key"),
)  # fmt: skip
flow_errors = tenant_table(
    "flow_errors", words("workflow"), words("node"), words("message"), words("execution_id"), at("reported_at"),
)  # fmt: skip
forecasts = tenant_table(
    "forecasts", whole("listing_id"), words("metric"), day("as_of_date"), at("made_at"), words("model"),
    facts("payload"), key=("listing_id", "metric", "as_of_date"),
)  # fmt: skip
profiles = tenant_table(
    "profiles", words("kind"), words("key"), whole("version"), at("made_at"), day("as_of_date"), facts("payload"),
    key=("kind", "key", "version"),
)  # fmt: skip
# Which files hold what was taken out, and what is known of it by month.
archives = tenant_table(
    "archives", words("entity"), words("path"), words("schema_version"), words("state"), day("month_date"),
    whole("part"), whole("row_count"), whole("size_bytes"), Column("sha256", LargeBinary, nullable=False),
    at("written_at"), at("exported_at", nullable=True), at("loaded_at", nullable=True),
    at("hold_until_at", nullable=True), UniqueConstraint("tenant_id", "entity", "month_date", "part"),
)  # fmt: skip
monthly_summaries = tenant_table(
    "monthly_summaries", whole("archive_id"), whole("listing_id"), words("currency"), whole("row_count"),
    facts("figures"), of("archive_id", "archives"), key=("archive_id", "listing_id", "currency"),
)  # fmt: skip
