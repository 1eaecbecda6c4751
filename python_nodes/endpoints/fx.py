"""/v1/fx: how new the exchange rates are, and their refresh."""

from __future__ import annotations

from datetime import date, datetime

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody
from python_nodes.http.rate_limits import too_many
from python_nodes.http.reply import ok, services
from python_nodes.steps import rates
from python_nodes.vendors.base import ThrottledError

A_MINUTE_S = 60.0
"""When to come again, where the bank does not say it."""
api = APIBlueprint("fx", __name__, abp_tags=[{"name": "fx"}])


class Refreshed(BaseModel):
    """What a refresh did."""

    fetched: int
    stored: int
    unchanged: int
    first_day: date
    last_day: date


class Newest(BaseModel):
    """The newest rates; ``as_of_at`` is None for those that came with the package."""

    rate_date: date
    source: str
    as_of_at: datetime | None
    currencies: list[str]


@api.post("/v1/fx/refresh", security=access("ingest"), responses={200: Refreshed}, summary="Read exchange rates anew")
def refresh_rates(body: AsOfBody) -> Response:
    """Read the reference rates from the address in the setting ``fx_url``; 429 more than ten times a minute."""
    url: str = current_app.extensions["nightporter.settings"]["fx_url"]
    try:
        return ok(rates.refresh(services(), caller().tenant_id, body.moment(), url, is_waited_for=True))
    except ThrottledError as error:
        return too_many(error.retry_after_s or A_MINUTE_S, "for new exchange rates")


@api.get("/v1/fx", security=access("read"), responses={200: Newest}, summary="How new the exchange rates are")
def newest_rates() -> Response:
    """Tell the newest day, who told it and when."""
    return ok(rates.newest(services(), caller().tenant_id))
