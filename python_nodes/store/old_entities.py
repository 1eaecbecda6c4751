"""What grows with time: of which day each row is, whether it goes to the archive, and what stays of it by month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Double, Table
from sqlalchemy.dialects.postgresql import JSONB

from python_nodes.domain.metrics import METRICS
from python_nodes.store import alert_tables, tables

_TYPES: Mapping[type[Any], str] = {
    BigInteger: "int", Double: "float", Date: "date", DateTime: "moment", Boolean: "bool", JSONB: "text",
}  # fmt: skip
_CLOSED_ALERT = "NOT EXISTS (SELECT FROM alerts a WHERE a.id = t.alert_id AND a.resolved_at IS NULL)"
# How long a feed has been failing is reckoned from its last good run.
_FOLLOWED_POLL = (
    "EXISTS (SELECT FROM poll_runs l WHERE l.connection_id = t.connection_id AND l.operation = t.operation"
    " AND l.as_of_at > t.as_of_at AND l.finished_at IS NOT NULL AND l.error IS NULL"
    " AND (l.rejected = 0 OR l.rejected < l.fetched))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A table whose rows grow old.

    ``dated`` is the column that tells a row's day, ``only`` which rows may go at all (the table is ``t``). Columns of
    ``personal`` never reach a file. ``figures`` sums a listing's rows up, ``currency`` parting them.
    """

    table: Table
    dated: str
    only: str = "true"
    personal: frozenset[str] = frozenset()
    figures: str | None = None
    currency: str = "''"

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    def kinds(self) -> dict[str, str]:
        """Return what is kept of a row: each column with what it holds."""
        kept = (one for one in self.table.columns if one.name not in self.personal | {"tenant_id"})
        return {one.name: _kind(one) for one in kept}


def _kind(column: Column[Any]) -> str:
    # What has no type of its own in a file stands there as PostgreSQL writes it, and is read back from that.
    return next((kind for type_, kind in _TYPES.items() if isinstance(column.type, type_)), "text")


_STAYS = (
    "jsonb_build_object('bookings', count(*), 'cancelled', count(*) FILTER (WHERE status = 'cancelled'),"
    " 'nights', sum(check_out_date - check_in_date), 'revenue_minor', sum(total_amount_minor),"
    " 'cancelled_revenue_minor', coalesce(sum(total_amount_minor) FILTER (WHERE status = 'cancelled'), 0))"
)
_RATES = (
    "jsonb_build_object('changes', count(*), 'nights', count(DISTINCT stay_date), 'mean_price_minor',"
    " round(avg(price_minor)), 'least_price_minor', min(price_minor), 'most_price_minor', max(price_minor),"
    " 'open_share', round(avg(is_open::int), 4))"
)
_METRICS = "jsonb_strip_nulls(jsonb_build_object({}))".format(
    ", ".join(
        f"'{name}', CASE WHEN count({name}) > 0 THEN jsonb_build_object('mean', avg({name}), 'days', count({name})) END"
        for name in METRICS
    )
)
_GUEST = frozenset({"guest_name", "guest_email", "guest_phone"})

ARCHIVED: Mapping[str, Entity] = {
    one.name: one
    for one in (
        Entity(table=tables.bookings, dated="check_out_date", personal=_GUEST, figures=_STAYS, currency="currency"),
        Entity(table=tables.superseded_bookings, dated="check_out_date", personal=_GUEST),
        Entity(table=tables.ari_observations, dated="stay_date", figures=_RATES, currency="currency"),
        Entity(table=tables.metrics_daily, dated="day_date", figures=_METRICS),
        Entity(table=tables.anomalies, dated="as_of_at"),
        Entity(table=tables.alert_events, dated="at", only=_CLOSED_ALERT),
        Entity(table=tables.deliveries, dated="planned_at", only=_CLOSED_ALERT),
        Entity(table=tables.listing_changes, dated="changed_at"),
    )
}
"""What goes to the archive, by name."""
DELETED: Mapping[str, Entity] = {
    one.name: one
    for one in (
        Entity(table=tables.ari_current, dated="stay_date"),
        Entity(table=tables.operator_nights, dated="stay_date"),
        Entity(table=tables.feed_marks, dated="day_date"),
        Entity(table=tables.metric_bands, dated="day"),
        Entity(table=tables.forecasts, dated="as_of_date"),
        Entity(table=tables.rejected, dated="rejected_at"),
        Entity(table=tables.flow_errors, dated="reported_at"),
        Entity(table=tables.jobs, dated="updated_at", only="t.state IN ('done', 'failed')"),
        Entity(table=tables.idempotency_keys, dated="begun_at"),
        Entity(table=tables.outbox, dated="created_at", only="t.dispatched_at IS NOT NULL"),
        Entity(table=tables.poll_runs, dated="as_of_at", only=_FOLLOWED_POLL),
        Entity(table=alert_tables.decisions, dated="last_at"),
    )
}
"""What is deleted, by name."""
ENTITIES: Mapping[str, Entity] = {**ARCHIVED, **DELETED}
