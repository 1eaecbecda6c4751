"""Alerts as people and programs read them: with the names of listings and properties, and their history."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Literal

from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.steps.services import Services
from python_nodes.store import alerts, deliveries, portfolio

State = Literal["open", "resolved"]


def listed(services: Services, tenant_id: int, state: State | None = None) -> list[dict[str, Any]]:
    """Return alerts in order of id."""
    with services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        return [_view(alert, listings) for alert in alerts.list_all(conn, state)]


def one(services: Services, tenant_id: int, alert_id: int) -> dict[str, Any]:
    """Return one alert."""
    with services.database.tenant(tenant_id) as conn:
        return _view(alerts.get(conn, alert_id), portfolio.load_listings(conn))


def explained(services: Services, tenant_id: int, alert_id: int) -> dict[str, Any]:
    """Return one alert with every decision on it and every delivery, each with its reason."""
    with services.database.tenant(tenant_id) as conn:
        alert = alerts.get(conn, alert_id)
        return {
            "alert": _view(alert, portfolio.load_listings(conn)),
            "history": [_plain(asdict(event)) for event in alerts.history(conn, alert_id)],
            "deliveries": [_plain(asdict(sent)) for sent in deliveries.list_for_alert(conn, alert_id)],
        }


def with_deliveries(services: Services, tenant_id: int) -> list[dict[str, Any]]:
    """Return every alert with its deliveries: the open first, the costliest first."""
    with services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        found = [
            _view(alert, listings)
            | {"deliveries": [_plain(asdict(sent)) for sent in deliveries.list_for_alert(conn, alert.alert_id)]}
            for alert in alerts.list_all(conn)
        ]
    return sorted(found, key=lambda view: (view["resolved_at"] is not None, -view["impact_minor"]))


def _view(alert: Alert, listings: list[ListingInfo]) -> dict[str, Any]:
    about = [
        listing
        for listing in listings
        if listing.listing_id == alert.listing_id
        or (alert.listing_id is None and listing.property_id == alert.property_id)
    ]
    view = _plain(asdict(alert))
    view["id"] = view.pop("alert_id")
    return view | {
        "listing": about[0].external_id if about and alert.listing_id is not None else None,
        "listing_title": about[0].title if about and alert.listing_id is not None else None,
        "unit": about[0].unit_external_id if about and alert.listing_id is not None else None,
        "property": about[0].property_external_id if about else None,
        "market": alert.market or (about[0].market if about else None),
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Dates as ISO 8601."""
    return {name: value.isoformat() if isinstance(value, date | datetime) else value for name, value in values.items()}
