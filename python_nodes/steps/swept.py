"""What a sweep looks at: every listing's series, the watches in force, and the days that teach nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from python_nodes.domain.columns import BoolArray
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.watches import Watch
from python_nodes.steps import cuts, doubts, held_series, snapshot, watched_series
from python_nodes.steps.services import Services
from python_nodes.store import portfolio


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Listings that are looked at together, and the day it is at all of the tenant's ``of_all`` listings."""

    listings: Sequence[ListingInfo]
    today: date
    of_all: int

    @property
    def is_whole(self) -> bool:
        """Whether there are no others."""
        return len(self.listings) == self.of_all


@dataclass(frozen=True, slots=True)
class Swept:
    """``matrix`` and ``down`` (listings × days, true where a day teaches nothing) are in the order of ``listings``."""

    listings: list[ListingInfo]
    today: date
    watches: list[Watch]
    matrix: MetricMatrix
    down: BoolArray


def read(services: Services, tenant_id: int, as_of: datetime, part: Part | None = None) -> Swept:
    """Read it, as of a moment; of a part that other processes' parts lie beside, past what this machine holds."""
    with services.database.tenant(tenant_id) as conn:
        listings = portfolio.load_listings(conn) if part is None else list(part.listings)
        today = snapshot.local_day(as_of, listings) if part is None else part.today
        watches = cuts.watches(services, conn, today)
    span = snapshot.window(today, services.history_days)
    ids = [listing.listing_id for listing in listings]
    told = held_series.of(services) if part is None or part.is_whole else services.metrics
    matrix = watched_series.read(told, tenant_id, watches, ids, *span)
    with services.database.tenant(tenant_id) as conn:
        down = doubts.outage_days(conn, listings, matrix.days, as_of)
    return Swept(listings, today, watches, matrix, down)
