"""What is on near listings: an iCal file a market, in a folder that the operator keeps, and what people told us."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import DayArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import event_days
from python_nodes.steps import proposals
from python_nodes.steps.services import Services


def of_listing(services: Services, tenant_id: int, listing: ListingInfo, days: DayArray) -> BoolArray | None:
    """Return on which days something is on at a listing, by its market's file and by verdicts that were approved."""
    filed = of_market(services.events_folder, listing.market, days)
    with services.database.tenant(tenant_id) as conn:
        said = proposals.event_days(conn, listing.listing_id, days)
    return filed if said is None else said if filed is None else np.logical_or(filed, said)


def of_market(folder: Path | None, market: str, days: DayArray) -> BoolArray | None:
    """Return on which days something is on, by ``<market>.ics`` in the folder; None where there is no such file."""
    if folder is None:
        return None
    # A market's name is data: it must not lead out of the folder.
    path = folder / f"{Path(market).name}.ics"
    if not path.is_file():
        return None
    found = event_days.of_calendar(path.read_bytes(), days[0].item(), days[-1].item())
    return np.isin(days, np.array(sorted(found), dtype="datetime64[D]"))
