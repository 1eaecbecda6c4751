"""GET /v1/alerts/times: how long alerts took to be acknowledged and resolved."""

from __future__ import annotations

from datetime import timedelta

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import clock
from python_nodes.auth import access, caller
from python_nodes.http.bodies import Moment, Query
from python_nodes.http.reply import ok, services
from python_nodes.steps import answer_times
from python_nodes.store.answer_times import By

api = APIBlueprint("answer_times", __name__, abp_tags=[{"name": "answers"}])
USUAL = timedelta(days=30)


class TimesQuery(Query):
    """By what to group, and of the alerts raised when; the last 30 days where nothing is said."""

    by: By = "team"
    since: Moment | None = Field(default=None)
    until: Moment | None = Field(default=None)


class SpanView(BaseModel):
    """Of how many alerts, and their median and 90th percentile in seconds."""

    count: int
    median_s: float | None
    p90_s: float | None


class GroupView(BaseModel):
    """One team, cause or channel; what is still open is counted apart and has no time of resolution."""

    name: str
    alerts: int
    open: int
    unattended: int
    acknowledged: SpanView
    resolved: SpanView


class TimesView(BaseModel):
    """All groups, by name."""

    by: By
    since: str
    until: str
    groups: list[GroupView]


@api.get("/v1/alerts/times", security=access("read"), responses={200: TimesView}, summary="How long alerts took")
def alert_times(query: TimesQuery) -> Response:
    """Tell times to acknowledge and to resolve."""
    until = clock.resolve(query.until)
    since = clock.resolve(query.since) if query.since else until - USUAL
    return ok(answer_times.run(services(), caller().tenant_id, query.by, since, until))
