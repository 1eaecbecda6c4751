"""/v1/mutes: what is not to be told for a time; /v1/held: what is held back now, and why."""

from __future__ import annotations

from typing import Any, Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import clock
from python_nodes.auth import access, caller
from python_nodes.http.bodies import AsOfBody, IdPath, Moment, Query
from python_nodes.http.reply import ok, services
from python_nodes.steps import alert_timeline, mute_admin

api = APIBlueprint("mutes", __name__, abp_tags=[{"name": "alerts"}])


class MuteBody(AsOfBody):
    """What is muted, when and why; what is left out matches everything. ``start_at`` is now where it is missing.

    With ``rrule`` (RFC 5545, daily or rarer) it comes back: the times are of the first, on the clock of ``zone``.
    """

    start_at: Moment | None = None
    end_at: Moment
    reason: str = Field(min_length=1, max_length=500, examples=["Renovation of the pool"])
    actor: str = Field(min_length=1, max_length=120, examples=["ada"])
    origin: Literal["maintenance", "snooze", "quiet_hours"] = "maintenance"
    alert_id: int | None = Field(default=None, ge=1, le=2**53)
    listing_id: int | None = Field(default=None, ge=1, le=2**53)
    property_id: int | None = Field(default=None, ge=1, le=2**53)
    market: str | None = Field(default=None, min_length=1, max_length=200)
    kind: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,60}$")
    cause: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,60}$")
    rrule: str | None = Field(default=None, min_length=1, max_length=500, examples=["FREQ=WEEKLY;BYDAY=SU"])
    zone: str = Field(default="UTC", min_length=1, max_length=60)


class MuteView(BaseModel):
    """One mute, and whether it holds at the moment asked about."""

    mute_id: int
    start_at: str
    end_at: str
    reason: str
    actor: str
    origin: str
    listing_id: int | None
    property_id: int | None
    market: str | None
    kind: str | None
    cause: str | None
    fingerprint: str | None
    rrule: str | None
    zone: str
    ended_at: str | None
    is_active: bool
    active_until_at: str | None


class MuteList(BaseModel):
    """Mutes in order of id."""

    mutes: list[MuteView]


class MuteQuery(Query):
    """All, or those that hold at a moment."""

    state: Literal["active", "all"] = "all"
    as_of: Moment | None = Field(default=None)


class HeldQuery(Query):
    """As of which moment; now where it is missing."""

    as_of: Moment | None = Field(default=None)


class HeldList(BaseModel):
    """What is found and not told, each with the stage that held it back and its reason."""

    held: list[dict[str, Any]]


@api.post("/v1/mutes", security=access("notify"), responses={200: MuteView}, summary="Mute")
def add_mute(body: MuteBody) -> Response:
    """Hold back what the body names; it is told when that is over and it is still there."""
    told = body.model_dump(exclude={"as_of", "start_at"})
    wish = mute_admin.Wish(start_at=clock.resolve(body.start_at) if body.start_at else body.moment(), **told)
    return ok(mute_admin.add(services(), caller().tenant_id, wish))


@api.get("/v1/mutes", security=access("read"), responses={200: MuteList}, summary="List mutes")
def list_mutes(query: MuteQuery) -> Response:
    """Tell mutes in order of id, those that are over too."""
    at, only_active = clock.resolve(query.as_of), query.state == "active"
    return ok({"mutes": mute_admin.listed(services(), caller().tenant_id, at, only_active=only_active)})


@api.post("/v1/mutes/<int:id>/end", security=access("notify"), responses={200: MuteView}, summary="End a mute")
def end_mute(path: IdPath, body: AsOfBody) -> Response:
    """End it before its time; the next run tells what is still there."""
    return ok(mute_admin.end(services(), caller().tenant_id, path.id, body.moment()))


@api.get("/v1/held", security=access("read"), responses={200: HeldList}, summary="What is held back, and why")
def list_held(query: HeldQuery) -> Response:
    """Tell what the last run found and did not tell."""
    return ok({"held": alert_timeline.held(services(), caller().tenant_id, clock.resolve(query.as_of))})
