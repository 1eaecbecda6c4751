"""What the reader picked: a market, a channel, a range of days; as the addresses and as the panels' parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from python_nodes.console.plot import days_back

RANGES = (30, 90, 365)
USUAL_RANGE = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """None in ``market`` or ``channel`` is all of them; ``end`` is the last day of the range."""

    market: str | None
    channel: str | None
    days: int
    end: date
    listing_id: int | None = None

    @property
    def start(self) -> date:
        """The first day of the range."""
        return days_back(self.end, self.days)

    def parameters(self) -> Mapping[str, Any]:
        """Say it as the panels' queries want it."""
        return {
            "market": [self.market] if self.market else None, "channel": [self.channel] if self.channel else None,
            "listing_id": self.listing_id, "start": self.start, "end": self.end,
        }  # fmt: skip

    def query(self) -> str:
        """Say it as the query of an address; what is not narrowed is left out."""
        said = {"market": self.market, "channel": self.channel, "days": self.days}
        return urlencode({name: value for name, value in said.items() if value})
