"""Every table, by name; each row belongs to the tenant of the transaction that writes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.schema import SchemaItem

from python_nodes.domain.metrics import METRICS

METADATA = MetaData()
TENANT_SQL = "nullif(current_setting('app.tenant_id', true), '')::int"
"""The transaction's tenant; a pooled session that once set it reads '' later, which must mean nobody."""


def _table(name: str, *items: SchemaItem, key: tuple[str, ...] = ("id",), fill_percent: int | None = None) -> Table:
    """Declare a tenant's table; the tenant leads every key, so that no foreign key can cross tenants."""
    columns: list[SchemaItem] = [Column("tenant_id", Integer, server_default=text(TENANT_SQL), nullable=False)]
    if key == ("id",):
        columns.append(Column("id", BigInteger, Identity(), nullable=False))
    return Table(
        name, METADATA, *columns, *items, PrimaryKeyConstraint("tenant_id", *key),
        postgresql_with={} if fill_percent is None else {"fillfactor": fill_percent},
    )  # fmt: skip


def _text(name: str, default: str | None = None) -> Column[Any]:
    return Column(name, Text, nullable=False, server_default=default)


def _maybe(name: str) -> Column[Any]:
    return Column(name, Text)


def _int(name: str, *, nullable: bool = False, default: str | None = None) -> Column[Any]:
    return Column(name, BigInteger, nullable=nullable, server_default=default)


def _real(name: str) -> Column[Any]:
    return Column(name, Double, nullable=False)


def _flag(name: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False)


def _day(name: str) -> Column[Any]:
    return Column(name, Date, nullable=False)


def _at(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _json(name: str) -> Column[Any]:
    return Column(name, JSONB, nullable=False, server_default=text("'{}'::jsonb"))


def _of(column: str, table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])


def _origin() -> tuple[Column[Any], ...]:
    return (
        *(Column(name, Text(collation="C"), nullable=False) for name in _BOOKING_KEY),
        _int("source_version"), _at("source_updated_at"),
        _int("raw_id", nullable=True),
    )  # fmt: skip


tenants = Table(
    "tenants", METADATA,
    Column("tenant_id", Integer, Identity(), primary_key=True), Column("name", Text, unique=True, nullable=False),
    _text("currency"), Column("created_at", DateTime(timezone=True), server_default=text("now()"), nullable=False),
)  # fmt: skip
api_keys = _table(
    "api_keys", _text("name"), Column("key_hash", LargeBinary, unique=True, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False), _at("expires_at", nullable=True),
    _at("last_used_at", nullable=True), _at("created_at"), Column("property_ids", ARRAY(BigInteger)),
)  # fmt: skip
properties = _table(
    "properties", _text("external_id"), _text("name"), _text("market"), _text("country"), _maybe("subdivision"),
    _text("timezone"), _text("currency"), _real("priority"), UniqueConstraint("tenant_id", "external_id"),
)  # fmt: skip
units = _table(
    "units", _text("external_id"), _int("property_id"), _text("name"), _int("unit_count"), _int("base_price_minor"),
    _int("floor_price_minor"), UniqueConstraint("tenant_id", "external_id"), _of("property_id", "properties"),
)  # fmt: skip
listings = _table(
    "listings", _text("external_id"), _int("unit_id"), _text("channel"), _text("title"), _int("rate_plan_id"),
    _maybe("channel_property_id"),
    UniqueConstraint("tenant_id", "channel", "external_id"), _of("unit_id", "units"), _of("rate_plan_id", "rate_plans"),
)  # fmt: skip
rate_plans = _table(
    "rate_plans", _text("external_id"), _int("unit_id"), UniqueConstraint("tenant_id", "unit_id", "external_id"),
    _of("unit_id", "units"),
)  # fmt: skip
connections = _table(
    "connections", _text("vendor"), _text("name"), _text("base_url"), _json("settings"),
    Column("credentials", LargeBinary, nullable=False), _flag("is_active"), UniqueConstraint("tenant_id", "name"),
)  # fmt: skip
poll_runs = _table(
    "poll_runs", _int("connection_id"), _text("operation"), _at("as_of_at"), _at("finished_at", nullable=True),
    _int("fetched", default="0"), _int("stored", default="0"), _int("unchanged", default="0"),
    _int("rejected", default="0"), _maybe("error"), _of("connection_id", "connections"),
)  # fmt: skip
fx_rates = _table(
    "fx_rates", _day("rate_date"), _text("currency"), _real("per_eur"), _text("source"), _at("as_of_at"),
    key=("rate_date", "currency"),
)  # fmt: skip
metrics_daily = _table(
    "metrics_daily", _int("listing_id"), _day("day_date"), Column("source", Text(collation="C"), nullable=False),
    _at("as_of_at"), *(Column(name, Double) for name in METRICS), key=("listing_id", "day_date", "source"),
    # A later report changes most rows once: with room on the page, that touches no index and is twice as fast.
    fill_percent=48,
)  # fmt: skip


def _ari_columns() -> tuple[Column[Any], ...]:
    return (
        _int("listing_id"), _text("rate_plan_external_id"), _day("stay_date"), _at("observed_at"),
        _int("price_minor", nullable=True), _text("currency"), _flag("is_open"), _int("units_left"),
        _int("min_stay_nights"), _int("fees_minor"), _text("source"), _int("raw_id", nullable=True),
    )  # fmt: skip


ari_observations = _table(
    "ari_observations",
    *_ari_columns(),
    key=("listing_id", "stay_date", "rate_plan_external_id", "observed_at"),
)
ari_current = _table(
    "ari_current",
    *_ari_columns(),
    key=("listing_id", "stay_date", "rate_plan_external_id"),
)
ari_polls = _table("ari_polls", _int("listing_id"), _at("observed_at"), key=("listing_id",))


def _booking_columns() -> tuple[Column[Any], ...]:
    return (
        *_origin(), _int("listing_id"), _maybe("rate_plan_external_id"), _day("check_in_date"), _day("check_out_date"),
        _at("booked_at"), _at("cancelled_at", nullable=True), _int("total_amount_minor"), _text("currency"),
        _text("status"), _text("channel"), _maybe("guest_name"), _maybe("guest_email"), _maybe("guest_phone"),
    )  # fmt: skip


_BOOKING_KEY = ("source", "external_id")
bookings = _table(
    "bookings", *_booking_columns(), Index("bookings_booked", "tenant_id", "listing_id", "booked_at"),
    Index("bookings_standing", "tenant_id", "listing_id", "check_out_date",
          postgresql_where=text("status NOT IN ('cancelled', 'no_show')")),
    key=_BOOKING_KEY,
)  # fmt: skip
# The view booking_revisions shows these and the current ones as one.
superseded_bookings = _table("superseded_bookings", *_booking_columns(), key=(*_BOOKING_KEY, "source_version"))
raw_index = _table(
    "raw_index", _text("source"), _text("operation"), _text("path"), Column("sha256", LargeBinary, nullable=False),
    _int("size_bytes"), _text("content_type"), _at("fetched_at"),
    UniqueConstraint("tenant_id", "source", "operation", "path"),
)  # fmt: skip
rejected = _table(
    "rejected", _int("connection_id", nullable=True), _text("source"), _text("operation"), _text("reason"),
    _maybe("field"), Column("raw", LargeBinary, nullable=False), _int("raw_id", nullable=True), _at("rejected_at"),
    _at("replayed_at", nullable=True),
    Column("raw_sha256", LargeBinary, nullable=False),
    UniqueConstraint("tenant_id", "source", "operation", "raw_sha256"),
)  # fmt: skip
outbox = _table(
    "outbox", _text("type"), _text("entity"), _int("version"), _json("payload"),
    Column("created_at", DateTime(timezone=True), server_default=text("now()"), nullable=False),
    _at("dispatched_at", nullable=True), UniqueConstraint("tenant_id", "type", "entity", "version"),
    Index("outbox_pending", "tenant_id", "type", "id", postgresql_where=text("dispatched_at IS NULL")),
)  # fmt: skip
listing_health = _table(
    "listing_health", _int("listing_id"), _text("source"), _text("status"), _at("changed_at"), _at("observed_at"),
    _text("detail"), _int("raw_id", nullable=True), key=("listing_id",),
)  # fmt: skip
listing_reviews = _table(
    "listing_reviews", _int("listing_id"), _text("source"), _real("score_10"), _int("review_count"),
    _at("observed_at"), key=("listing_id",),
)  # fmt: skip
listing_content = _table(
    "listing_content", _int("listing_id"), _text("part"), _text("name"), _at("first_seen_at"), _at("last_seen_at"),
    key=("listing_id", "part", "name"),
)  # fmt: skip
content_polls = _table("content_polls", _int("listing_id"), _text("source"), _at("observed_at"), key=("listing_id",))
feed_marks = _table(
    "feed_marks", _int("listing_id"), _text("operation"), _text("mark"), _day("day_date"), _text("value"),
    _at("observed_at"), key=("listing_id", "operation", "mark", "day_date"),
)  # fmt: skip
operator_nights = _table(
    "operator_nights", _int("unit_id"), _day("stay_date"), _flag("is_open"), _int("units"),
    _int("raw_id", nullable=True), key=("unit_id", "stay_date"),
)  # fmt: skip
anomalies = _table(
    "anomalies", _text("source_kind"), _at("as_of_at"), _int("listing_id"), _text("kind"), _text("metric"),
    _day("onset_date"), _text("cause"), _text("direction"), *(Column(name, Double) for name in
    ("observed", "expected", "lower", "upper", "p_value")), _real("share_lost"), _real("confidence"),
    _json("evidence"), _of("listing_id", "listings"), Index("anomalies_run", "tenant_id", "source_kind", "as_of_at"),
)  # fmt: skip
anomaly_runs = _table("anomaly_runs", _text("source_kind"), _at("as_of_at"), key=("source_kind", "as_of_at"))
alerts = _table(
    "alerts", _text("fingerprint"), _text("scope"), _int("listing_id", nullable=True),
    _int("property_id", nullable=True), _maybe("market"), _text("metric"), _text("kind"), _text("cause"),
    _text("title"), _text("category"), _real("score"), _text("currency"), _int("impact_minor"),
    _int("loss_per_day_minor"), _int("lost_so_far_minor"), _day("onset_date"), _at("raised_at"), _at("updated_at"),
    _at("resolved_at", nullable=True), _int("version", default="1"), _json("evidence"), _json("parts"),
    _of("listing_id", "listings"), _of("property_id", "properties"),
    Index("alerts_one_open", "tenant_id", "fingerprint", unique=True, postgresql_where=text("resolved_at IS NULL")),
)  # fmt: skip
alert_events = _table(
    "alert_events", _int("alert_id"), _int("version"), _text("event"), _text("reason"), _at("at"), _json("changes"),
    _of("alert_id", "alerts"),
)  # fmt: skip
deliveries = _table(
    "deliveries", _int("alert_id"), _text("step"), _text("sender"), _text("recipient"), _text("status"),
    _text("reason", ""), _maybe("provider_ref"), _maybe("error"), _int("attempts", default="0"), _at("planned_at"),
    _at("finished_at", nullable=True), UniqueConstraint("tenant_id", "alert_id", "step", "sender", "recipient"),
    _of("alert_id", "alerts"),
)  # fmt: skip
actions = _table(
    "actions", _int("alert_id"), _text("kind"), _text("actor"), _text("note", ""), _at("taken_at"),
    _of("alert_id", "alerts"),
)  # fmt: skip
verdicts = _table(
    "verdicts", _int("alert_id"), _flag("is_real"), _maybe("cause"), _text("actor"), _text("note", ""),
    _at("given_at"), _of("alert_id", "alerts"),
)  # fmt: skip
import_sources = _table(
    "import_sources", _text("name"), _text("kind"), _maybe("channel"), _json("columns"), _text("date_format"),
    _text("decimal_sign"), _maybe("currency"), _maybe("sheet"), _real("scale"), _maybe("file_pattern"),
    _at("updated_at"), key=("name",),
)  # fmt: skip
import_runs = _table(
    "import_runs", _text("source_name"), _text("file"), Column("content_sha256", LargeBinary, nullable=False),
    Column("reading_sha256", LargeBinary, nullable=False), _int("raw_id"), _at("as_of_at"), _json("report"),
    UniqueConstraint("tenant_id", "source_name", "content_sha256", "reading_sha256"),
)  # fmt: skip
listing_changes = _table(
    "listing_changes", Column("change_sha256", LargeBinary, nullable=False), _at("changed_at"), _text("source"),
    _text("channel"), _int("listing_id", nullable=True), _int("property_id", nullable=True), _text("field"),
    _text("old_value"), _text("new_value"), _text("actor"), _int("raw_id", nullable=True),
    UniqueConstraint("tenant_id", "change_sha256"),
    Index("listing_changes_at", "tenant_id", "listing_id", "changed_at"),
)  # fmt: skip
jobs = _table(
    "jobs", _text("job_id"), _text("kind"), _text("state"), _int("done"), _int("total"), _json("result"),
    _maybe("error"), _at("created_at"), _at("updated_at"), key=("job_id",),
)  # fmt: skip
idempotency_keys = _table(
    "idempotency_keys", _text("endpoint"), _text("key"), Column("request_sha256", LargeBinary, nullable=False),
    _int("status", nullable=True), Column("response", JSONB), _at("begun_at"), key=("endpoint", "key"),
)  # fmt: skip
flow_errors = _table(
    "flow_errors", _text("workflow"), _text("node"), _text("message"), _text("execution_id"), _at("reported_at"),
)  # fmt: skip
forecasts = _table(
    "forecasts", _int("listing_id"), _text("metric"), _day("as_of_date"), _at("made_at"), _text("model"),
    _json("payload"), key=("listing_id", "metric", "as_of_date"),
)  # fmt: skip
profiles = _table(
    "profiles", _text("kind"), _text("key"), _int("version"), _at("made_at"), _day("as_of_date"), _json("payload"),
    key=("kind", "key", "version"),
)  # fmt: skip
