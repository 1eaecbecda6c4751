"""A listing's newest forecast, as programs read it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from python_nodes.errors import NotFoundError
from python_nodes.steps import metrics_view
from python_nodes.steps.services import Services
from python_nodes.store import forecasts


def of_listing(
    services: Services, tenant_id: int, listing_id: int, metric: str, only: frozenset[int] | None = None
) -> dict[str, Any]:
    """Return the newest forecast of a metric; refused where the caller may not see the listing."""
    seen = metrics_view.listings_of(services, tenant_id, only, [listing_id])
    if not seen:
        raise NotFoundError(f"no listing {listing_id}")
    with services.database.tenant(tenant_id) as conn:
        found = forecasts.newest(conn, listing_id, metric)
    if found is None:
        raise NotFoundError(
            f"listing {listing_id} has no forecast of {metric}: it is not among those worth it, or none was made yet"
            " (POST /v1/forecasts/refresh)"
        )
    payload = found.payload
    first = date.fromisoformat(payload["first_date"])
    return {
        "listing_id": listing_id, "listing": seen[0].external_id, "channel": seen[0].channel, "metric": metric,
        "model": found.model, "as_of_date": found.as_of_date.isoformat(), "made_at": found.made_at.isoformat(),
        "days": [(first + timedelta(days=ahead)).isoformat() for ahead in range(len(payload["mean"]))],
        **{name: payload[name] for name in ("mean", "lower", "upper", "mase", "origins")},
    }  # fmt: skip
