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


def refresh(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Work it out anew, by all bookings that are stored by now."""
    with log.stage("listing_worth", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)
            worth = _worked_out(services, conn, listings, as_of) if listings else None
        if worth is not None:
            arrays = {one.name: told for one in fields(Economics) if (told := getattr(worth, one.name)) is not None}
            arrays_file.write(_path(services, tenant_id), _key(services, listings, as_of), arrays | _ids(listings))
        facts.update(valued=len(listings))
    return {"valued": len(listings)}


def of(
    services: Services, tenant_id: int, conn: Connection, listings: Sequence[ListingInfo], as_of: datetime
) -> Economics:
    """Return what was worked out on the same day of the same listings, or work it out now."""
    kept = arrays_file.read(_path(services, tenant_id))
    if kept is not None:
        told, arrays = kept
        if told == _key(services, listings, as_of) and np.array_equal(arrays[IDS], _ids(listings)[IDS]):
            return Economics(**{name: np.array(array) for name, array in arrays.items() if name != IDS})
    return _worked_out(services, conn, listings, as_of)


def _worked_out(services: Services, conn: Connection, listings: Sequence[ListingInfo], as_of: datetime) -> Economics:
    return snapshot.value_of_listings(conn, listings, as_of, services.currency, services.history_days)


def _path(services: Services, tenant_id: int) -> Path:
    return services.archive.root / "worth" / f"{tenant_id}.arrays"


def _key(services: Services, listings: Sequence[ListingInfo], as_of: datetime) -> dict[str, Any]:
    today = snapshot.local_day(as_of, listings)
    return {"day": today.isoformat(), "currency": services.currency, "history_days": services.history_days}


def _ids(listings: Sequence[ListingInfo]) -> dict[str, arrays_file.Array]:
    return {IDS: np.array([one.listing_id for one in listings], dtype=np.int64)}
