"""Properties, units, listings and rate plans as the operator's file tells them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select
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


def load_listings(
    conn: Connection, listing_ids: Sequence[int] | None = None, *, channel: str | None = None
) -> list[ListingInfo]:
    """Return every listing of the tenant, or those asked for, with its unit and property, in order of id."""
    query = _whole() if channel is None else _whole().where(listings.c.channel == channel)
    if listing_ids is not None:
        query = query.where(listings.c.id == func.any(list(listing_ids)))
    return [ListingInfo(**row) for row in _rows(conn, query)]


def told(conn: Connection, names: Sequence[str], property_ids: Collection[int] | None) -> list[dict[str, Any]]:
    """Return these fields of every listing, or of those of some properties, in order of id, to be passed on."""
    query = _whole()
    if property_ids is not None:
        query = query.where(properties.c.id == func.any(list(property_ids)))
    wanted = [query.selected_columns[name] for name in names]
    return _rows(conn, query.with_only_columns(*wanted, maintain_column_froms=True))


def _whole() -> Select[Any]:
    u, p = units.c, properties.c
    return (
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


def _rows(conn: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    found = conn.execute(query)
    # All at once and by hand: as mappings, one after the other, a thousand rows take thrice as long.
    names = tuple(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found.all()]


def count_listings(conn: Connection) -> int:
    """Return how many listings the tenant has."""
    return int(conn.execute(select(func.count()).select_from(listings)).scalar_one())
