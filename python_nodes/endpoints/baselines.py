"""/v1/baselines/refresh and /v1/profiles: what is usual, computed anew and looked up, every version kept."""

from __future__ import annotations

from typing import Any, Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody, Query
from python_nodes.http.reply import ok, services
from python_nodes.steps import baselines_refresh, profiles_view

api = APIBlueprint("baselines", __name__, abp_tags=[{"name": "profiles"}])


class Baselines(BaseModel):
    """The version written, the day it is of, and how many profiles of each kind it holds."""

    version: int
    as_of_date: str
    listings: int
    markets: int
    peer_groups: int


class ProfileQuery(Query):
    """Which profiles; of the newest version without one; ``after`` goes on where the last answer ended."""

    kind: Literal["season_listing", "season_market", "peers", "cuts"] | None = None
    key: str | None = Field(default=None, max_length=200, description="A listing's id, or a market's name")
    version: int | None = Field(default=None, ge=1)
    after: str = Field(default="", max_length=300)
    limit: int = Field(default=100, ge=1, le=1000)


class ProfileView(BaseModel):
    """One profile; factors are multiples of the level, weekdays from Monday, months from January."""

    kind: str
    key: str
    version: int
    made_at: str
    as_of_date: str
    payload: dict[str, Any]


class ProfileList(BaseModel):
    """Profiles in order of kind and key; ``next`` is what ``after`` goes on with, null at the end."""

    profiles: list[ProfileView]
    next: str | None


@api.post("/v1/baselines/refresh", security=access("score"), responses={200: Baselines}, summary="Learn what is usual")
def refresh_baselines(body: AsOfBody) -> Response:
    """Compute every profile from what is stored and keep it as a version."""
    return ok(baselines_refresh.run(services(), caller().tenant_id, body.moment()))


@api.get("/v1/profiles", security=access("read"), responses={200: ProfileList}, summary="Look up what is usual")
def list_profiles(query: ProfileQuery) -> Response:
    """Tell profiles of one version."""
    return ok(profiles_view.run(services(), caller().tenant_id, query.model_dump()))
