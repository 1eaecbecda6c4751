"""The cuts that watches judge by: shipped ones until a tenant's own past has told better, each version kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import budget, own_tails
from python_nodes.scoring.watches import Watch, load_watches, with_budget
from python_nodes.steps import doubts, local_events, proposals, snapshot, watched_series
from python_nodes.steps.services import Services
from python_nodes.store import portfolio, profiles

KIND = "cuts"
KEPT_DAYS = 120
"""How far back versions matter: a sweep looks at the last weeks' days, each by the cut that was in force on it."""


def watches(services: Services, conn: Connection, until: date) -> list[Watch]:
    """Return the watches with the budget that is set, the cuts in force up to a day, and what was learnt or told."""
    shipped = load_watches()
    if services.false_alerts is not None:
        shipped = with_budget(shipped, services.false_alerts)
    kept = profiles.history(conn, KIND, budget.OWN, until, KEPT_DAYS)
    said = proposals.learnt(conn, {one.kind for one in shipped}, until)
    listings = portfolio.load_listings(conn) if services.events_folder is not None else []
    learnt = local_events.untaught(said, services.events_folder, listings, until, services.history_days)
    return [
        replace(
            one, learnt=learnt, tails=(*one.tails, *(
                budget.Dated(version.as_of_date, budget.from_json(version.payload["tails"][one.name]))
                for version in kept if one.tails and one.name in version.payload["tails"]
            )),
        )
        for one in shipped
    ]  # fmt: skip


def learn(
    services: Services, tenant_id: int, listings: Sequence[ListingInfo], today: date, as_of: datetime
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the profile of the cuts by the days before ``today``, under its kind and key."""
    if not listings:
        return {}
    with services.database.tenant(tenant_id) as conn:
        in_force = watches(services, conn, today)
    span = snapshot.window(today, services.history_days)
    ids = [listing.listing_id for listing in listings]
    matrix = watched_series.read(services.metrics, tenant_id, in_force, ids, *span)
    with services.database.tenant(tenant_id) as conn:
        down = doubts.outage_days(conn, listings, matrix.days, as_of)
    told = own_tails.learn(in_force, matrix, listings, today, down)
    rate = told.false_discovery_rate
    payload = {
        "tails": {name: budget.to_json(tails) for name, tails in sorted(told.tails.items())},
        "replayed_days": own_tails.REPLAY_DAYS, "false_alerts_asked": round(told.asked, 3),
        "alerts_replayed": told.alerts, "false_discovery_rate": None if rate is None else round(rate, 4),
    }  # fmt: skip
    return {KIND: {budget.OWN: payload}}
