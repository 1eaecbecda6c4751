"""The stored listings, found by what vendors call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import repeat

import numpy as np

from python_nodes.domain.columns import ObjectArray
from python_nodes.domain.metrics import IntArray
from python_nodes.domain.portfolio import ListingInfo

CLOCK_SKEW = timedelta(hours=1)
"""A vendor's clock may run ahead of ours, and it stamps what we ask for after we have asked."""


@dataclass(frozen=True, slots=True)
class PortfolioIndex:
    """The stored listings by external id; positions point into ``listings``."""

    listings: Sequence[ListingInfo]
    position: Mapping[str, int]
    listing_id: IntArray
    currency: ObjectArray
    """The properties' own; the extra last element serves position -1."""

    @classmethod
    def build(cls, listings: Sequence[ListingInfo]) -> PortfolioIndex:
        """Index the listings of one channel."""
        position = {listing.external_id: at for at, listing in enumerate(listings)}
        currency = np.array([*(listing.currency for listing in listings), ""], dtype=object)
        return cls(listings, position, np.array([one.listing_id for one in listings], dtype=np.int64), currency)

    def positions(self, external_ids: ObjectArray) -> IntArray:
        """Row of each external id; -1 where the listing is unknown."""
        found = map(self.position.get, external_ids.tolist(), repeat(-1))
        return np.fromiter(found, dtype=np.int64, count=len(external_ids))
