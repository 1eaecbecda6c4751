"""A small portfolio in a fresh database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from python_nodes.domain.portfolio import Listing, ListingInfo, Portfolio, Property, Unit
from python_nodes.store import portfolio
from python_nodes.store.session import Database

PORTFOLIO = Portfolio(
    properties=(
        Property(
            external_id="p-1", name="Palm", market="Honolulu", country="US", subdivision="HI",
            timezone="Pacific/Honolulu", currency="USD", priority=0.5,
        ),
    ),
    units=(
        Unit(external_id="u-1", property_external_id="p-1", name="Villa", unit_count=1, base_price_minor=20000,
             floor_price_minor=9000),
        Unit(external_id="u-2", property_external_id="p-1", name="Studio", unit_count=8, base_price_minor=10000,
             floor_price_minor=5000),
    ),
    listings=(
        Listing(external_id="r-1", unit_external_id="u-1", channel="ota", title="Villa", rate_plan_external_id="bar"),
        Listing(external_id="r-2", unit_external_id="u-2", channel="ota", title="Studio", rate_plan_external_id="bar"),
    ),
)  # fmt: skip


@pytest.fixture
def conn(app_database: Database, tenant_id: int) -> Iterator[Connection]:
    with app_database.tenant(tenant_id) as opened:
        yield opened


@pytest.fixture
def listings(conn: Connection, tenant_id: int) -> list[ListingInfo]:
    portfolio.upsert_portfolio(conn, tenant_id, PORTFOLIO)
    return portfolio.load_listings(conn)


@pytest.fixture
def listing_ids(listings: list[ListingInfo]) -> dict[str, int]:
    return {one.external_id: one.listing_id for one in listings}
