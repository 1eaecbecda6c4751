"""/v1/forecasts and /v1/pickup: what listings will have, and how their books stand."""

from __future__ import annotations

from typing import Literal

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import clock, jobs
from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody, IdPath, Moment, Query
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import forecasts_refresh, forecasts_view, pickup_view

api = APIBlueprint("forecasts", __name__, abp_tags=[{"name": "forecasts"}])


class RefreshJob(BaseModel):
    """A refresh that was accepted; ``GET /v1/jobs/{id}`` tells how far it is."""

    job_id: str


class ForecastQuery(Query):
    """Which metric."""

    metric: Literal["booking_velocity", "search_impressions", "listing_views"] = "booking_velocity"


class ForecastView(BaseModel):
    """A forecast by day; ``lower`` and ``upper`` by level (``80`` and ``95`` % of days lie between them).

    Nothing of ``as_of_date`` or later was used. ``mase`` is each model's error on the listing's own past, in the
    seasonal naive's; the model that speaks is the one of least pinball loss there.
    """

    listing_id: int
    listing: str
    channel: str
    metric: str
    model: str
    as_of_date: str
    made_at: str
    days: list[str]
    mean: list[float]
    lower: dict[str, list[float]]
    upper: dict[str, list[float]]
    mase: dict[str, float]
    origins: int


class PickupQuery(Query):
    """As of which moment; now where it is missing."""

    as_of: Moment | None = Field(default=None)


class PickupWindow(BaseModel):
    """The next ``days`` nights; null where it is not known.

    ``nights`` are on the books, ``alike`` those of them booked within ``booked_within_days``, which is all that the
    comparisons count: with last year's at the same lead, and with that moved like the market's. ``expected`` is the
    end.
    """

    days: int
    nights: float
    revenue_minor: int
    nights_alike: float
    revenue_alike_minor: int
    nights_last_year: float | None
    revenue_last_year_minor: int | None
    nights_market: float | None
    revenue_market_minor: int | None
    nights_expected: float
    revenue_expected_minor: int
    behind_last_year_nights: float | None
    behind_last_year_minor: int | None
    behind_market_nights: float | None
    behind_market_minor: int | None


class PickupView(BaseModel):
    """How a listing's books stand; money in the tenant's currency. ``errors`` are the methods', in nights."""

    listing_id: int
    listing: str
    channel: str
    as_of_date: str
    currency: str
    method: str
    errors: dict[str, float]
    booked_within_days: int
    windows: list[PickupWindow]


@api.post("/v1/forecasts/refresh", security=access("score"), responses={202: RefreshJob}, summary="Forecast anew")
def refresh_forecasts(body: AsOfBody) -> Response:
    """Enqueue forecasts of the listings that are worth it, and tell the job's id."""
    region: str = current_app.extensions["nightporter.settings"]["region"]
    job_id = jobs.accept(
        services(), caller().tenant_id, forecasts_refresh.JOB, body.moment(), region=region, run_id=run_id()
    )
    return ok({"job_id": job_id}, 202)


@api.get("/v1/forecasts/<int:id>", security=access("read"), responses={200: ForecastView}, summary="A forecast")
def get_forecast(path: IdPath, query: ForecastQuery) -> Response:
    """Tell a listing's newest forecast, and which model speaks."""
    told = forecasts_view.of_listing(services(), caller().tenant_id, path.id, query.metric, caller().property_ids)
    return ok(told)


@api.get("/v1/pickup/<int:id>", security=access("read"), responses={200: PickupView}, summary="A listing's pace")
def get_pickup(path: IdPath, query: PickupQuery) -> Response:
    """Tell what is on the books beside last year's and the market's, and what it will come to."""
    moment = clock.resolve(query.as_of)
    return ok(pickup_view.of_listing(services(), caller().tenant_id, path.id, moment, caller().property_ids))
