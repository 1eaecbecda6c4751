"""/v1/metrics/{listing} and /v1/metrics/derive: read what is told, derive what is not reported."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import clock
from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody, Day, IdPath, Query
from python_nodes.http.reply import ok, services
from python_nodes.steps import metrics_derive, metrics_view

api = APIBlueprint("metrics", __name__, abp_tags=[{"name": "metrics"}])

USUAL_DAYS = 90


class MetricsQuery(Query):
    """Which metrics of which days; both ends are included, by default the last 90 days up to yesterday."""

    metrics: str = Field(default="", max_length=1000, description="Comma-separated names; all by default.")
    start: Day | None = Field(default=None)
    end: Day | None = Field(default=None)
    interpolate: bool = Field(default=False, description="Draw over gaps, for display; such points are marked.")


class Teller(BaseModel):
    """Who told values, as of when."""

    source: str
    as_of_at: datetime


class Series(BaseModel):
    """One value a day, null where nobody told it; ``told_by`` points into the listing's ``told_by``."""

    values: list[float | None]
    told_by: list[int | None]
    is_interpolated: list[bool]


class ListingMetrics(BaseModel):
    """A listing's metrics by property-local day; money in whole units of ``currency``."""

    listing_id: int
    listing: str
    channel: str
    property: str
    currency: str
    timezone: str
    days: list[date]
    told_by: list[Teller]
    metrics: dict[str, Series]


class DeriveBody(AsOfBody):
    """From which day on; without it the last weeks, and all of what was never derived."""

    start: Day | None = None


class DerivedView(BaseModel):
    """Listings looked at, days of them written."""

    listings: int
    rows: int


@api.get(
    "/v1/metrics/<int:id>", security=access("read"), responses={200: ListingMetrics}, summary="A listing's metrics"
)
def get_metrics(path: IdPath, query: MetricsQuery) -> Response:
    """Tell each metric day by day."""
    end = query.end or clock.now().date() - timedelta(days=1)
    start = query.start or end - timedelta(days=USUAL_DAYS - 1)
    names = [name.strip() for name in query.metrics.split(",") if name.strip()]
    told = metrics_view.of_listing(
        services(), caller().tenant_id, path.id, names, start, end, interpolate=query.interpolate,
        only=caller().property_ids,
    )  # fmt: skip
    return ok(told)


@api.post("/v1/metrics/derive", security=access("score"), responses={200: DerivedView}, summary="Derive metrics")
def derive_metrics(body: DeriveBody) -> Response:
    """Derive from bookings and calendars what no channel reports."""
    return ok(metrics_derive.run(services(), caller().tenant_id, body.moment(), body.start))
