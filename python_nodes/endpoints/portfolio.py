"""POST /v1/portfolio: what the operator runs."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import AfterValidator, BaseModel, Field

from python_nodes.auth import access, caller
from python_nodes.http.bodies import Body
from python_nodes.http.reply import ok, services
from python_nodes.steps import metrics_view, portfolio_import

api = APIBlueprint("portfolio", __name__, abp_tags=[{"name": "portfolio"}])

Key = Annotated[str, Field(min_length=1, max_length=200)]
Minor = Annotated[int, Field(ge=0, le=2**53 - 1)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not an IANA time zone")
    return name


class PropertyBody(Body):
    """As ``domain.portfolio.Property``."""

    external_id: Key
    name: Key
    market: Key
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    subdivision: str | None = None
    timezone: Annotated[str, AfterValidator(_known_zone)]
    currency: Currency
    priority: float = Field(ge=0, le=1)


class UnitBody(Body):
    """As ``domain.portfolio.Unit``."""

    external_id: Key
    property_external_id: Key
    name: Key
    unit_count: int = Field(ge=1, le=100_000)
    base_price_minor: Minor
    floor_price_minor: Minor


class ListingBody(Body):
    """As ``domain.portfolio.Listing``."""

    external_id: Key
    unit_external_id: Key
    channel: Key
    title: Key
    rate_plan_external_id: Key
    channel_property_id: Key | None = None


class PortfolioBody(Body):
    """The operator's portfolio file."""

    currency: Currency
    properties: list[PropertyBody] = Field(max_length=100_000)
    units: list[UnitBody] = Field(max_length=100_000)
    listings: list[ListingBody] = Field(max_length=100_000)


class PortfolioCounts(BaseModel):
    """How many of each the file named."""

    properties: int
    units: int
    listings: int
    rate_plans: int


class StoredListing(BaseModel):
    """One listing as stored; ``listing_id`` is what metrics are asked by."""

    listing_id: int
    external_id: str
    title: str
    channel: str
    rate_plan_external_id: str
    unit_external_id: str
    unit_count: int
    property_external_id: str
    market: str
    timezone: str
    currency: str


class StoredPortfolio(BaseModel):
    """Every listing that the caller may see, in order of id."""

    listings: list[StoredListing]


@api.get("/v1/portfolio", security=access("read"), responses={200: StoredPortfolio}, summary="What is stored")
def get_portfolio() -> Response:
    """Tell every listing with its unit and property."""
    fields = tuple(StoredListing.model_fields)
    found = metrics_view.portfolio_of(services(), caller().tenant_id, caller().property_ids, fields)
    return ok({"listings": found})


@api.post("/v1/portfolio", security=access("ingest"), responses={200: PortfolioCounts}, summary="Import the portfolio")
def import_portfolio(body: PortfolioBody) -> Response:
    """Insert or update everything the file names, all or nothing."""
    told = body.model_dump()
    return ok(portfolio_import.run(services(), caller().tenant_id, told))
