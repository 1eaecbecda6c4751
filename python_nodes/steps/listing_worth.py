"""What a day of each listing is worth: worked out while the sweep runs, kept for what is raised on the same day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

from python_nodes import log
from python_nodes.domain.inputs import Economics
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import arrays_file
from python_nodes.steps import snapshot
from python_nodes.steps.services import Services
from python_nodes.store import portfolio

IDS = "listing_ids"
ANEW_EVERY_HOURS = 6
"""How often in a day: what a day is worth moves little by the bookings of some hours."""


def refresh(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Work it out by all bookings that are stored by now, unless that was done a few hours ago."""
    with log.stage("listing_worth", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)
            stretch = {"stretch": int(as_of.timestamp()) // (ANEW_EVERY_HOURS * 3600)}
            kept = _kept(services, tenant_id, listings, as_of)
            is_new = kept is not None and kept[0].items() >= stretch.items()
            worth = _worked_out(services, conn, listings, as_of) if listings and not is_new else None
        if worth is not None:
            _keep(services, tenant_id, listings, worth, _key(services, listings, as_of) | stretch)
        valued = 0 if worth is None else len(listings)
        facts.update(valued=valued)
    return {"valued": valued}


def of(
    services: Services, tenant_id: int, conn: Connection, listings: Sequence[ListingInfo], as_of: datetime
) -> Economics:
    """Return what was worked out on the same day of the same listings, or work it out now."""
    kept = _kept(services, tenant_id, listings, as_of)
    if kept is None:
        return _worked_out(services, conn, listings, as_of)
    return Economics(**{name: np.array(array) for name, array in kept[1].items() if name != IDS})


def of_all(
    services: Services, tenant_id: int, conn: Connection, listings: Sequence[ListingInfo], as_of: datetime
) -> Economics:
    """Return it for all of the tenant's listings, and keep what had to be worked out.

    Before the first sweep of a day brings it, each point that arrives asks for it.
    """
    is_kept = _kept(services, tenant_id, listings, as_of) is not None
    worth = of(services, tenant_id, conn, listings, as_of)
    if not is_kept:
        _keep(services, tenant_id, listings, worth, _key(services, listings, as_of))
    return worth


def _kept(
    services: Services, tenant_id: int, listings: Sequence[ListingInfo], as_of: datetime
) -> tuple[dict[str, Any], dict[str, arrays_file.Array]] | None:
    """Return what was kept on the same day of the same listings, with when; None where there is nothing."""
    kept = arrays_file.read(_path(services, tenant_id))
    if kept is None:
        return None
    told, arrays = kept
    same = told.items() >= _key(services, listings, as_of).items()
    return (told, dict(arrays)) if same and np.array_equal(arrays[IDS], _ids(listings)[IDS]) else None


def _keep(
    services: Services, tenant_id: int, listings: Sequence[ListingInfo], worth: Economics, key: dict[str, Any]
) -> None:
    arrays = {one.name: told for one in fields(Economics) if (told := getattr(worth, one.name)) is not None}
    arrays_file.write(_path(services, tenant_id), key, arrays | _ids(listings))


def _worked_out(services: Services, conn: Connection, listings: Sequence[ListingInfo], as_of: datetime) -> Economics:
    return snapshot.value_of_listings(conn, listings, as_of, services.currency, services.history_days)


def _path(services: Services, tenant_id: int) -> Path:
    return services.archive.root / "worth" / f"{tenant_id}.arrays"


def _key(services: Services, listings: Sequence[ListingInfo], as_of: datetime) -> dict[str, Any]:
    today = snapshot.local_day(as_of, listings)
    return {"day": today.isoformat(), "currency": services.currency, "history_days": services.history_days}


def _ids(listings: Sequence[ListingInfo]) -> dict[str, arrays_file.Array]:
    return {IDS: np.array([one.listing_id for one in listings], dtype=np.int64)}
