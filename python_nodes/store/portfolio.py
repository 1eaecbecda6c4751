"""Properties, units, listings and rate plans as the operator's file tells them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects.postgresql import insert

from python_nodes.domain.portfolio import ListingInfo, Portfolio
from python_nodes.store.tables import listings, properties, rate_plans, units


def _upsert(conn: Connection, table: Table, key: Sequence[str], rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    statement = insert(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    changed = changed or {key[0]: statement.excluded[key[0]]}
    conn.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", *key], set_=changed),
        rows,
    )


def _ids(conn: Connection, table: Table) -> dict[str, int]:
    return {str(external): int(found) for external, found in conn.execute(select(table.c.external_id, table.c.id))}


def upsert_portfolio(conn: Connection, tenant_id: int, portfolio: Portfolio) -> dict[str, int]:
    """Insert or update everything the file names, all or nothing; returns how many of each it named."""
    owned = {"tenant_id": tenant_id}
    _upsert(
        conn,
        properties,
        ["external_id"],
        [owned | asdict(item) for item in portfolio.properties],
    )
    property_ids = _ids(conn, properties)
    rows = [
        owned
        | _without(asdict(unit), "property_external_id")
        | {"property_id": property_ids[unit.property_external_id]}
        for unit in portfolio.units
    ]
    _upsert(conn, units, ["external_id"], rows)
    unit_ids = _ids(conn, units)
    plans = {(unit_ids[one.unit_external_id], one.rate_plan_external_id) for one in portfolio.listings}
    plan_rows = [owned | {"unit_id": unit, "external_id": plan} for unit, plan in sorted(plans)]
    _upsert(conn, rate_plans, ["unit_id", "external_id"], plan_rows)
    known = select(rate_plans.c.unit_id, rate_plans.c.external_id, rate_plans.c.id)
    plan_ids = {(row.unit_id, row.external_id): row.id for row in conn.execute(known)}
    _upsert(
        conn, listings, ["channel", "external_id"],
        [
            owned | {
                "external_id": one.external_id, "channel": one.channel, "title": one.title,
                "channel_property_id": one.channel_property_id,
                "unit_id": unit_ids[one.unit_external_id],
                "rate_plan_id": plan_ids[unit_ids[one.unit_external_id], one.rate_plan_external_id],
            }
            for one in portfolio.listings
        ],
    )  # fmt: skip
    return {
        "properties": len(portfolio.properties), "units": len(portfolio.units),
        "listings": len(portfolio.listings), "rate_plans": len(plans),
    }  # fmt: skip


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def load_listings(conn: Connection) -> list[ListingInfo]:
    """Return every listing of the tenant with its unit and property, in order of id."""
    u, p = units.c, properties.c
    query = (
        select(
            listings.c.id.label("listing_id"), u.id.label("unit_id"), p.id.label("property_id"),
            listings.c.external_id, u.external_id.label("unit_external_id"),
            p.external_id.label("property_external_id"),
            func.coalesce(listings.c.channel_property_id, p.external_id).label("channel_property_id"),
            rate_plans.c.external_id.label("rate_plan_external_id"),
            listings.c.title, listings.c.channel, p.market, p.country,
            p.subdivision, p.timezone, p.currency, p.priority, u.unit_count, u.base_price_minor, u.floor_price_minor,
        )
        .join_from(listings, units, listings.c.unit_id == u.id)
        .join(properties, u.property_id == p.id)
        .join(rate_plans, listings.c.rate_plan_id == rate_plans.c.id)
        .order_by(listings.c.id)
    )  # fmt: skip
    return [ListingInfo(**row) for row in conn.execute(query).mappings()]
