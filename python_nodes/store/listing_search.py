"""Listings as people look for them: by words of their names, and what there is to pick from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, func, or_, select

from python_nodes.store.tables import listings, poll_runs, properties, units

MAX_WORDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A listing by the names that people know it by."""

    listing_id: int
    external_id: str
    title: str
    channel: str
    unit_id: int
    unit: str
    property: str
    market: str


def _all() -> Select[tuple[int, str, str, str, int, str, str, str]]:
    return (
        select(
            listings.c.id.label("listing_id"), listings.c.external_id, listings.c.title, listings.c.channel,
            units.c.id.label("unit_id"), units.c.name.label("unit"), properties.c.name.label("property"),
            properties.c.market,
        )
        .join_from(listings, units, listings.c.unit_id == units.c.id)
        .join(properties, units.c.property_id == properties.c.id)
    )  # fmt: skip


def search(
    conn: Connection, words: str, markets: Sequence[str], channels: Sequence[str], limit: int
) -> list[Found]:  # fmt: skip
    """Return listings of which each word is in a name or is the channel's id; none of ``markets`` is all of them."""
    query = _all().order_by(listings.c.title, listings.c.channel, listings.c.id).limit(limit)
    for word in words.split()[:MAX_WORDS]:
        names = (listings.c.title, properties.c.name, units.c.name, listings.c.external_id, listings.c.channel)
        query = query.where(or_(*(name.icontains(word, autoescape=True) for name in names)))
    if markets:
        query = query.where(properties.c.market.in_(markets))
    if channels:
        query = query.where(listings.c.channel.in_(channels))
    return [Found(**row) for row in conn.execute(query).mappings()]


def of_unit(conn: Connection, listing_id: int) -> list[Found]:
    """Return every listing of the unit that this one sells, itself included; none where there is no such listing."""
    unit = select(listings.c.unit_id).where(listings.c.id == listing_id).scalar_subquery()
    query = _all().where(listings.c.unit_id == unit).order_by(listings.c.channel, listings.c.id)
    return [Found(**row) for row in conn.execute(query).mappings()]


def markets(conn: Connection) -> list[str]:
    """Return the markets in which the tenant has listings, by name."""
    query = select(properties.c.market).distinct().join_from(listings, units, listings.c.unit_id == units.c.id)
    return list(
        conn.execute(query.join(properties, units.c.property_id == properties.c.id).order_by("market")).scalars()
    )


def channels(conn: Connection) -> list[str]:
    """Return the channels on which the tenant has listings, by name."""
    return list(conn.execute(select(listings.c.channel).distinct().order_by(listings.c.channel)).scalars())


def newest_poll_at(conn: Connection, until: datetime) -> datetime | None:
    """Return the moment as of which anything was asked for last."""
    query = select(func.max(poll_runs.c.as_of_at)).where(
        poll_runs.c.finished_at.is_not(None), poll_runs.c.as_of_at <= until
    )
    newest: datetime | None = conn.execute(query).scalar_one()
    return newest
