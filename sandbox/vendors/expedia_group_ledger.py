"""Which reservations of a property a query asks for, found on arrays: a hotel has ten thousand and a page a hundred."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from graphql import GraphQLError

from sandbox.calendar import IntArray
from sandbox.channels import reservation_id
from sandbox.demand import BoolArray
from sandbox.sales import Sales
from sandbox.world import World

REACH = timedelta(days=465)


@dataclass(frozen=True, slots=True)
class Found:
    """What fits: places in the world's reservations, in order of booking, and whether each is known as cancelled."""

    places: IntArray
    cancelled: BoolArray

    def after(self, place: int) -> Found:
        """Those behind a place."""
        start = int(np.searchsorted(self.places, place, side="right"))
        return Found(self.places[start:], self.cancelled[start:])


class Ledger:
    """The reservations of the channels, looked up by property once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._places: dict[tuple[str, str], IntArray] = {}

    def find(self, channel: str, property_id: str, now: datetime, arguments: Mapping[str, Any]) -> Found:
        """What is known now and fits all filters."""
        places = self._of(channel, property_id)
        made = self._world.reservations
        told, cancelled = self._known(places, self._world.rooms(channel, property_id), now)
        fits = told & _filters(self._world, channel, places, cancelled, arguments)
        booked_s = made.booked_s[places]
        fits &= (booked_s <= now.timestamp()) & (booked_s >= (now - REACH).timestamp())
        return Found(places[fits], cancelled[fits])

    def sales(self, found: Found) -> Sales:
        """Their columns."""
        return self._world.sales(found.places)

    def _of(self, channel: str, property_id: str) -> IntArray:
        with self._lock:
            if (channel, property_id) not in self._places:
                world, listings = self._world, self._world.rooms(channel, property_id)
                units = (int(world.portfolio.unit_index[i]) for i in listings)
                self._places[channel, property_id] = world.index.places_of(world.reservations, units, listings)
            return self._places[channel, property_id]

    def _known(self, places: IntArray, listings: Sequence[int], now: datetime) -> tuple[BoolArray, BoolArray]:
        """Whether a booking, and its cancellation, is told: a stale feed keeps back what came after it stopped."""
        made, world = self._world.reservations, self._world
        cancelled_s = made.cancelled_s[places]
        cancelled = (cancelled_s >= 0) & (cancelled_s <= now.timestamp())
        told = np.ones(len(places), dtype=np.bool_)
        for listing in listings:
            stopped = world.stale_since(listing, now.date())
            if stopped is not None:
                through, here = world.day_index(stopped), made.listing[places] == listing
                told &= ~here | (made.day[places] <= through)
                cancelled &= ~here | (made.cancel_day[places] <= through)
        return told, cancelled


def bad_input(message: str) -> GraphQLError:
    """What an argument that cannot be used is answered with."""
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


def _filters(
    world: World, channel: str, places: IntArray, cancelled: BoolArray, arguments: Mapping[str, Any]
) -> BoolArray:
    """The intersection of all filters; what is no moment or date is refused."""
    made, wanted = world.reservations, arguments.get("filter") or {}
    fits = np.ones(len(places), dtype=np.bool_)
    updated = wanted.get("lastUpdatedDateTime")
    if updated:
        updated_s = np.where(cancelled, made.cancelled_s[places], made.booked_s[places])
        fits &= (updated_s >= _moment_s(updated["from"])) & (updated_s <= _moment_s(updated["to"]))
    check_in = made.checkin[places]
    check_out = check_in + made.nights[places]
    spans = (
        (check_in, wanted.get("checkInDate")), (check_out, wanted.get("checkOutDate")),
        (check_out, arguments.get("checkOutDate")),
    )  # fmt: skip
    for days, span in spans:
        if span:
            fits &= (days >= world.day_index(_day(span["from"]))) & (days <= world.day_index(_day(span["to"])))
    if wanted.get("status"):
        fits &= (cancelled & ("CANCELLED" in wanted["status"])) | (~cancelled & ("BOOKED" in wanted["status"]))
    if wanted.get("ids"):
        fits &= np.isin([reservation_id(channel, place) for place in places.tolist()], wanted["ids"])
    return fits


def _day(told: Any) -> date:
    try:
        return date.fromisoformat(str(told))
    except ValueError:
        raise bad_input(f"{str(told)[:40]!r} is not a date, YYYY-MM-DD") from None


def _moment_s(told: Any) -> float:
    try:
        found = datetime.fromisoformat(str(told))
    except ValueError:
        raise bad_input(f"{str(told)[:40]!r} is not a moment") from None
    if found.tzinfo is None:
        raise bad_input(f"{str(told)[:40]!r} is not YYYY-MM-DDTHH:mm:ssTZD")
    return found.timestamp()
