"""What is on near listings: an iCal file a market, in a folder that the operator keeps, and what people told us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import DayArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import event_days
from python_nodes.scoring.learn.applied import Learnt, Span
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


def untaught(
    learnt: Learnt | None, folder: Path | None, listings: Sequence[ListingInfo], until: date, reach_days: int
) -> Learnt | None:
    """Add the days that the files name: they are judged, since a closed page is one then too, but teach nothing.

    A listing's usual day is not that of a fair; `left_out` would leave it unwatched while most is to be earned.
    """
    if folder is None:
        return learnt
    days = np.arange(np.datetime64(until - timedelta(days=reach_days), "D"), np.datetime64(until, "D") + 1)
    members: dict[str, list[int]] = {}
    for listing in listings:
        members.setdefault(listing.market, []).append(listing.listing_id)
    spans = [
        Span(listing_ids=tuple(ids), start_date=day, end_date=day)
        for market, ids in sorted(members.items())
        if (on := of_market(folder, market, days)) is not None
        for day in days[on].tolist()
    ]
    if not spans:
        return learnt
    return replace(learnt or Learnt(), incidents=(*(learnt.incidents if learnt else ()), *spans))
