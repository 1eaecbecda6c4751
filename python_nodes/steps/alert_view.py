"""Alerts as people and programs read them: with the names of listings and properties, and their history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any

from orjson import Fragment
from sqlalchemy import Connection

from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import NotFoundError
from python_nodes.steps import alert_context, alert_timeline, places
from python_nodes.steps.services import Services
from python_nodes.store import alert_lists, alerts, deliveries, portfolio

_FIELDS = tuple(one.name for one in fields(Alert))
_TIMES = ("onset_date", "raised_at", "updated_at", "resolved_at")
Only = frozenset[int] | None
"""Properties that a caller may see; None is all."""


def listed(
    services: Services, tenant_id: int, state: alert_lists.State | None = None, only: Only = None
) -> list[dict[str, Any]]:
    """Return alerts in order of id; with ``only``, those that are about these properties and no other.

    Evidence is told as it is stored, for JSON and nothing else.
    """
    with services.database.tenant(tenant_id) as conn:
        found = alert_lists.told(conn, state)
        about = places.index(portfolio.load_listings(conn, _named(alert for alert, _ in found)))
    return [
        _view(alert, about(alert)) | {"evidence": Fragment(evidence)}
        for alert, evidence in found
        if _may_see(about(alert), only)
    ]


def one(services: Services, tenant_id: int, alert_id: int, only: Only = None) -> dict[str, Any]:
    """Return one alert with what goes with it."""
    with services.database.tenant(tenant_id) as conn:
        return _full(conn, services, *_seen(conn, alert_id, only))


def explained(services: Services, tenant_id: int, alert_id: int, only: Only = None) -> dict[str, Any]:
    """Return one alert with every decision on it and every delivery, each with its reason; for JSON, as ``listed``."""
    with services.database.tenant(tenant_id) as conn:
        alert, listings = _seen(conn, alert_id, only)
        return {
            "alert": _full(conn, services, alert, listings),
            "history": [
                _plain(event) | {"changes": Fragment(event["changes"])} for event in alert_lists.history(conn, alert_id)
            ],
            "deliveries": [_plain(asdict(sent)) for sent in deliveries.list_for_alert(conn, alert_id)],
            "timeline": [alert_timeline.plain(entry) for entry in alert_timeline.of(conn, alert, listings)],
        }


def with_deliveries(services: Services, tenant_id: int) -> list[dict[str, Any]]:
    """Return every alert with its deliveries: the open first, the costliest first."""
    with services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        about = places.index(listings)
        found = [
            (_view(alert, about(alert)) if alert.resolved_at else _full(conn, services, alert, listings))
            | {"deliveries": [_plain(asdict(sent)) for sent in deliveries.list_for_alert(conn, alert.alert_id)]}
            for alert in alerts.list_all(conn)
        ]
    return sorted(found, key=lambda view: (view["resolved_at"] is not None, -view["impact_minor"]))


def _seen(conn: Connection, alert_id: int, only: Only) -> tuple[Alert, list[ListingInfo]]:
    """Return an alert and the listings it may be about: of a large portfolio no more than it names."""
    alert = alerts.get(conn, alert_id)
    listings = portfolio.load_listings(conn, _named([alert]))
    if not _may_see(places.of(alert, listings), only):
        # Whoever may not see it does not learn that it is there.
        raise NotFoundError(f"alert {alert_id} does not exist")
    return alert, listings


def _named(found: Iterable[Alert]) -> list[int] | None:
    """Return the listings that alerts name; None, which is all, where one means whatever is at its place."""
    ids: set[int] = set()
    for alert in found:
        named = [alert.listing_id] if alert.listing_id is not None else alert.evidence.get("listing_ids")
        if named is None:
            return None
        ids.update(named)
    return sorted(ids)


def _may_see(about: Sequence[ListingInfo], only: Only) -> bool:
    return only is None or (bool(about) and all(listing.property_id in only for listing in about))


def _full(conn: Connection, services: Services, alert: Alert, listings: list[ListingInfo]) -> dict[str, Any]:
    return _view(alert, places.of(alert, listings)) | alert_context.view(
        alert_context.of(conn, services, alert, listings)
    )


def _view(alert: Alert, about: Sequence[ListingInfo]) -> dict[str, Any]:
    first = about[0] if about else None
    # Not by `asdict`, which copies the evidence: a list of alerts is mostly that.
    view = {name: getattr(alert, name) for name in _FIELDS}
    view |= _plain({name: view[name] for name in _TIMES})
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
