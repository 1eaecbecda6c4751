"""Import the operator's portfolio, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from python_nodes import log
from python_nodes.domain.money import known_currencies
from python_nodes.domain.portfolio import Listing, Portfolio, Property, Unit
from python_nodes.errors import PermanentError
from python_nodes.steps.services import Services
from python_nodes.store import portfolio


def run(services: Services, tenant_id: int, told: Mapping[str, Any]) -> dict[str, int]:
    """Store a portfolio whose fields have their types; what names something that is not there is refused."""
    found = Portfolio(
        properties=tuple(Property(**one) for one in told["properties"]),
        units=tuple(Unit(**one) for one in told["units"]),
        listings=tuple(Listing(**one) for one in told["listings"]),
    )
    _check(found)
    with (
        log.stage("portfolio_import", tenant_id=tenant_id) as facts,
        services.database.tenant(tenant_id) as conn,
    ):
        counts = portfolio.upsert_portfolio(conn, tenant_id, found)
        facts.update(counts)
    return counts


def _check(found: Portfolio) -> None:
    properties = {one.external_id for one in found.properties}
    units = {one.external_id for one in found.units}
    for row, place in enumerate(found.properties):
        if place.currency not in known_currencies():
            raise _wrong(f"properties.{row}.currency", f"unknown currency {place.currency}")
    for row, unit in enumerate(found.units):
        if unit.property_external_id not in properties:
            raise _wrong(f"units.{row}.property_external_id", f"no property {unit.property_external_id!r}")
    for row, listing in enumerate(found.listings):
        if listing.unit_external_id not in units:
            raise _wrong(f"listings.{row}.unit_external_id", f"no unit {listing.unit_external_id!r}")


def _wrong(field: str, reason: str) -> PermanentError:
    return PermanentError(f"{field}: {reason}", status=422, field=field)
