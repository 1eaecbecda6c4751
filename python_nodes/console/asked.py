"""What an address of the console may ask."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, field_validator

from python_nodes.console.picked import RANGES, USUAL_RANGE, Picked
from python_nodes.http.bodies import Query


class PickedQuery(Query):
    """What the reader picked; an empty word picks all."""

    market: str = Field(default="", max_length=120)
    channel: str = Field(default="", max_length=120)
    days: int = Field(default=USUAL_RANGE, description=f"One of {', '.join(map(str, RANGES))}")

    @field_validator("days")
    @classmethod
    def _known_range(cls, days: int) -> int:
        if days not in RANGES:
            raise ValueError(f"is one of {', '.join(map(str, RANGES))}")
        return days

    def picked(self, as_of: datetime, listing_id: int | None = None) -> Picked:
        """Say it with the day on which the newest figures end."""
        return Picked(
            market=self.market or None, channel=self.channel or None, days=self.days, end=as_of.date(),
            listing_id=listing_id,
        )  # fmt: skip

    @staticmethod
    def only(name: str) -> tuple[str, ...]:
        """Return the one name, or none where all are meant."""
        return (name,) if name else ()
