"""/v1/alerts: raise, read, explain, route."""

from __future__ import annotations

from typing import Any, Literal

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from python_nodes import jobs_webhooks
from python_nodes.auth import access, caller
from python_nodes.http.bodies import AlertRef, AsOfBody, IdPath, Query
from python_nodes.http.reply import ok, run_id, services
from python_nodes.steps import alert_route, alert_view, alerts_raise

api = APIBlueprint("alerts", __name__, abp_tags=[{"name": "alerts"}])


class Raised(BaseModel):
    """What changed, and which alerts have news that nobody was told."""

    raised: int
    updated: int
    resolved: int
    notify: list[AlertRef]


class AlertQuery(Query):
    """All, or those of one state."""

    state: Literal["open", "resolved"] | None = Field(default=None)


class AlertView(BaseModel):
    """One alert with the names of what it is about."""

    id: int
    scope: str
    kind: str
    cause: str
    metric: str
    category: str
    title: str
    listing: str | None
    unit: str | None
    property: str | None
    channel: str | None
    market: str | None
    currency: str
    impact_minor: int
    loss_per_day_minor: int
    lost_so_far_minor: int
    onset_date: str
    raised_at: str
    updated_at: str
    resolved_at: str | None
    version: int
    score: float
    confidence: float | None
    evidence: dict[str, Any]
    parts: dict[str, float]


class LinkView(BaseModel):
    """One place to go on."""

    label: str
    url: str


class PastAlert(BaseModel):
    """An earlier alert of the same kind at the same place, and how it ended."""

    alert_id: int
    raised_at: str
    resolved_at: str | None
    lost_minor: int
    ended: str
    is_real: bool | None


class FullAlert(AlertView):
    """One alert with what is likely behind it, what to do, what came of the last ones, and links."""

    likely_cause: str
    suggested_action: str
    history: list[PastAlert]
    links: list[LinkView]


class AlertList(BaseModel):
    """Alerts in order of id."""

    alerts: list[AlertView]


class Explained(BaseModel):
    """An alert with every decision about it."""

    alert: FullAlert
    history: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]
    timeline: list[dict[str, Any]]


class DeliveryRef(BaseModel):
    """One message to send."""

    delivery_id: int
    sender: str
    recipient: str


class NotSent(BaseModel):
    """One message not sent, and why."""

    sender: str
    reason: str


class RoutedView(BaseModel):
    """What routing decided."""

    send: list[DeliveryRef]
    suppressed: list[NotSent]


@api.post("/v1/alerts/raise", security=access("score"), responses={200: Raised}, summary="Raise, update, resolve")
def raise_alerts(body: AsOfBody) -> Response:
    """Turn what holds into alerts."""
    told = alerts_raise.run(services(), caller().tenant_id, body.moment())
    region: str = current_app.extensions["nightporter.settings"]["region"]
    jobs_webhooks.ring(services(), caller().tenant_id, region=region, run_id=run_id())
    return ok(told)


@api.get("/v1/alerts", security=access("read"), responses={200: AlertList}, summary="List alerts")
def list_alerts(query: AlertQuery) -> Response:
    """Tell alerts in order of id."""
    return ok({"alerts": alert_view.listed(services(), caller().tenant_id, query.state, caller().property_ids)})


@api.get("/v1/alerts/<int:id>", security=access("read"), responses={200: FullAlert}, summary="One alert")
def get_alert(path: IdPath) -> Response:
    """Tell one alert."""
    return ok(alert_view.one(services(), caller().tenant_id, path.id, caller().property_ids))


@api.get("/v1/alerts/<int:id>/explain", security=access("read"), responses={200: Explained}, summary="Why and to whom")
def explain_alert(path: IdPath) -> Response:
    """Tell every decision on one alert."""
    return ok(alert_view.explained(services(), caller().tenant_id, path.id, caller().property_ids))


@api.post("/v1/alerts/<int:id>/route", security=access("notify"), responses={200: RoutedView}, summary="Who hears it")
def route_alert(path: IdPath, body: AsOfBody) -> Response:
    """Plan each delivery, and record each decision not to send."""
    return ok(alert_route.run(services(), caller().tenant_id, path.id, body.moment()))
