"""What truly happened, in the words of ``/truth`` and of a run's report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.kinds import LISTING, MARKET
from sandbox.portfolio import Portfolio

if TYPE_CHECKING:
    from sandbox.incidents import Incident
    from sandbox.simulated import World


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an incident cost and brought others, EUR cents, and when an oracle sees it (live day, from 0)."""

    true_loss_minor: int
    spill_minor: int
    oracle_day: int | None


def incidents(world: World) -> list[dict[str, Any]]:
    """One entry an incident, in the scenario's order."""
    return [_told(world, item, outcome) for item, outcome in zip(world.placed, world.outcomes, strict=True)]


def _told(world: World, item: Incident, outcome: Outcome) -> dict[str, Any]:
    book, i = world.portfolio, item.listings[0]
    nowhere = item.scope == MARKET
    units = {book.unit_id[k] for k in item.listings}
    channels = {book.channel[k] for k in item.listings}
    seen = outcome.oracle_day
    return {
        "id": item.incident_id,
        "kind": item.kind,
        "scope": item.scope,
        "is_control": item.is_control,
        "is_direct": item.is_direct,
        "listing": book.room_id[i] if item.scope == LISTING else None,
        "channel": book.channel[i] if len(channels) == 1 else None,
        "unit": book.unit_id[i] if len(units) == 1 else None,
        "property": None if nowhere else book.property_id[i],
        "market": item.market,
        "listings": [book.room_id[k] for k in item.listings],
        "start": (world.t0 + timedelta(days=item.first_day)).isoformat(),
        "end": (world.t0 + timedelta(days=item.last_day)).isoformat(),
        "true_loss_minor": outcome.true_loss_minor,
        "spill_minor": outcome.spill_minor,
        "oracle_day": (world.t0 + timedelta(days=seen)).isoformat() if seen is not None else None,
        "leaves_trace": item.leaves_trace,
    }


def listings(book: Portfolio) -> list[dict[str, Any]]:
    """Per listing where it is and how much it sells."""
    return [
        {
            "listing": book.room_id[i],
            "channel": book.channel[i],
            "property": book.property_id[i],
            "unit": book.unit_id[i],
            "market": book.market(i).name,
            "weekly_bookings": round(float(book.weekly_bookings[i]), 2),
        }
        for i in range(len(book))
    ]
