"""Alerts as people and programs read them: with the names of listings and properties, and their history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection

from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import NotFoundError
from python_nodes.steps import alert_context, alert_timeline, places
from python_nodes.steps.services import Services
from python_nodes.store import alerts, deliveries, portfolio

State = Literal["open", "resolved"]
Only = frozenset[int] | None
"""Properties that a caller may see; None is all."""


def listed(services: Services, tenant_id: int, state: State | None = None, only: Only = None) -> list[dict[str, Any]]:
    """Return alerts in order of id; with ``only``, those that are about these properties and no other."""
    with services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        return [_view(alert, listings) for alert in alerts.list_all(conn, state) if _may_see(alert, listings, only)]


def one(services: Services, tenant_id: int, alert_id: int, only: Only = None) -> dict[str, Any]:
    """Return one alert with what goes with it."""
    with services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        return _full(conn, services, _seen(conn, alert_id, listings, only), listings)


def explained(services: Services, tenant_id: int, alert_id: int, only: Only = None) -> dict[str, Any]:
    """Return one alert with every decision on it and every delivery, each with its reason."""
    with services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        alert = _seen(conn, alert_id, listings, only)
        return {
            "alert": _full(conn, services, alert, listings),
            "history": [_plain(asdict(event)) for event in alerts.history(conn, alert_id)],
            "deliveries": [_plain(asdict(sent)) for sent in deliveries.list_for_alert(conn, alert_id)],
            "timeline": [alert_timeline.plain(entry) for entry in alert_timeline.of(conn, alert, listings)],
        }


def with_deliveries(services: Services, tenant_id: int) -> list[dict[str, Any]]:
    """Return every alert with its deliveries: the open first, the costliest first."""
    with services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        found = [
            (_view if alert.resolved_at else partial(_full, conn, services))(alert, listings)
            | {"deliveries": [_plain(asdict(sent)) for sent in deliveries.list_for_alert(conn, alert.alert_id)]}
            for alert in alerts.list_all(conn)
        ]
    return sorted(found, key=lambda view: (view["resolved_at"] is not None, -view["impact_minor"]))


def _seen(conn: Connection, alert_id: int, listings: list[ListingInfo], only: Only) -> Alert:
    alert = alerts.get(conn, alert_id)
    if not _may_see(alert, listings, only):
        # Whoever may not see it does not learn that it is there.
        raise NotFoundError(f"alert {alert_id} does not exist")
    return alert


def _may_see(alert: Alert, listings: list[ListingInfo], only: Only) -> bool:
    if only is None:
        return True
    about = places.of(alert, listings)
    return bool(about) and all(listing.property_id in only for listing in about)


def _full(conn: Connection, services: Services, alert: Alert, listings: list[ListingInfo]) -> dict[str, Any]:
    return _view(alert, listings) | alert_context.view(alert_context.of(conn, services, alert, listings))


def _view(alert: Alert, listings: list[ListingInfo]) -> dict[str, Any]:
    about = places.of(alert, listings)
    first = about[0] if about else None
    view = _plain(asdict(alert))
    view["id"] = view.pop("alert_id")
    return view | {
        "listing": first.external_id if first and alert.listing_id is not None else None,
        "listing_title": first.title if first and alert.listing_id is not None else None,
        "unit": _same(one.unit_external_id for one in about),
        "property": _same(one.property_external_id for one in about) if alert.scope != "market" else None,
        "channel": _same(one.channel for one in about),
        "market": alert.market or _same(one.market for one in about),
        "confidence": alert.parts.get("confidence"),
    }


def _same(names: Iterable[str]) -> str | None:
    """Return the name that all share; None where they differ."""
    found = set(names)
    return found.pop() if len(found) == 1 else None


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Dates as ISO 8601."""
    return {name: value.isoformat() if isinstance(value, date | datetime) else value for name, value in values.items()}
