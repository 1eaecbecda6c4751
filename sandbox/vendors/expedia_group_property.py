"""What GraphQL's property, unit and rate plans answer, resolved over the world."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from graphql import GraphQLError

from sandbox.rows import ContentRow, HealthRow, ReviewRow
from sandbox.vendors.expedia_group_ledger import Ledger
from sandbox.vendors.expedia_group_sales import connection
from sandbox.world import World

CHANNEL_OF = {None: "expedia", "EXPEDIA": "expedia", "VRBO": "vrbo"}
CHANNELS = ("expedia", "vrbo")
# Documented names; which of them fails for what is ours.
_FAILED = {"closed": "BEXHasStopSellDisabled", "suspended": "HasActiveImages"}


class Properties:
    """The root of every query."""

    def __init__(self, world: World, now: Callable[[], datetime]) -> None:
        self._world = world
        self._now = now
        self._ledger = Ledger(world)
        self._zones = {channel: world.zones(channel) for channel in CHANNELS}
        self._currencies = {channel: world.currencies(channel) for channel in CHANNELS}
        book = world.portfolio
        rooms = zip(book.room_id, book.channel, book.channel_property_id, strict=True)
        self._home = {room: (channel, place) for room, channel, place in rooms if channel in CHANNELS}

    def root(self) -> dict[str, Any]:
        """The fields of Query that are simulated."""
        return {"property": self._property, "unit": self._unit, "ratePlansByUnitId": self._rate_plans}

    def local_day(self, channel: str, property_id: str) -> date:
        """The property's own day, within those the world has simulated; unknown property: KeyError."""
        world = self._world
        day = self._now().astimezone(self._zones[channel][property_id]).date()
        return max(world.t0 - timedelta(days=1), min(day, world.t0 + timedelta(days=world.live_days - 1)))

    def _property(self, *, id: str, idSource: str | None = None) -> dict[str, Any]:
        channel = CHANNEL_OF.get(idSource, "")
        if id not in self._zones.get(channel, ()):
            raise _not_found("property", id)

        def status() -> dict[str, Any]:
            return self._active_status(channel, id)

        def reservations(**arguments: Any) -> dict[str, Any]:
            return connection(self._ledger, channel, id, self._now(), arguments)

        def units() -> list[dict[str, Any]]:
            return [self._unit_of(channel, id, row) for row in self._content(channel, id)]

        def reviews(filters: dict[str, Any]) -> dict[str, Any]:
            rows = self._world.reviews(channel, id, self.local_day(channel, id))
            return _aggregated(channel, rows) if channel.upper() in filters["brandNames"] else {"brandsWithScores": []}

        return {
            "id": id, "ids": [{"id": id, "idSource": channel.upper()}], "name": id,
            "currency": self._currencies[channel][id], "timeZone": str(self._zones[channel][id]),
            "activeStatus": status, "reservations": reservations, "units": units, "aggregatedReviews": reviews,
        }  # fmt: skip

    def _unit(self, *, id: str) -> dict[str, Any]:
        channel, place = self._home_of(id)
        row = next(row for row in self._content(channel, place) if row.room_id == id)
        return self._unit_of(channel, place, row)

    def _rate_plans(self, *, propertyId: str, unitId: str) -> list[dict[str, Any]]:
        channel, place = self._home_of(unitId)
        if place != propertyId:
            raise _not_found("unit of that property", unitId)
        row = next(row for row in self._content(channel, place) if row.room_id == unitId)
        return [
            {
                "id": plan, "name": plan, "status": "ACTIVE", "type": "STANDALONE", "propertyId": place,
                "unitId": unitId, "pricingModel": "PER_DAY_PRICING", "valueAdds": [],
            }
            for plan in row.rate_plans
        ]  # fmt: skip

    def _home_of(self, unit_id: str) -> tuple[str, str]:
        if unit_id not in self._home:
            raise _not_found("unit", unit_id)
        return self._home[unit_id]

    def _content(self, channel: str, property_id: str) -> list[ContentRow]:
        return self._world.content(channel, property_id, self.local_day(channel, property_id))

    def _health(self, channel: str, property_id: str) -> list[HealthRow]:
        return self._world.health(channel, property_id, self.local_day(channel, property_id))

    def _active_status(self, channel: str, property_id: str) -> dict[str, Any]:
        """A property is as good as its best unit: it is not live only if nothing of it is."""
        rows = self._health(channel, property_id)
        return _status(min(rows, key=lambda row: ("bookable", "closed", "suspended").index(row.status)))

    def _unit_of(self, channel: str, property_id: str, row: ContentRow) -> dict[str, Any]:
        def status() -> dict[str, Any]:
            return _status(next(one for one in self._health(channel, property_id) if one.room_id == row.room_id))

        def amenities(filters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
            return [{"key": key, "value": {"available": True, "fields": []}} for key in row.amenities]

        return {
            "id": row.room_id, "ids": [{"id": row.room_id, "idSource": channel.upper()}], "propertyId": property_id,
            "status": {"state": "ACTIVE"}, "activeStatus": status, "amenities": amenities,
        }  # fmt: skip


def _status(row: HealthRow) -> dict[str, Any]:
    """Assumed: a checkpoint is evaluated when something changes, so that it tells since when."""
    evaluated = row.changed_at.isoformat()
    failed = [_checkpoint(_FAILED[row.status], evaluated)] if row.status != "bookable" else []

    def checkpoints(filter: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        wanted = (filter or {}).get("result")
        return failed if not wanted or "FAILED" in wanted else []

    top = {**_checkpoint("IsActive", evaluated), "fulfilled": not failed, "checkpoints": checkpoints}
    return {"active": not failed, "statusCheckpoint": top}


def _checkpoint(name: str, evaluated: str) -> dict[str, Any]:
    return {
        "name": name, "fulfilled": False, "lastEvaluated": evaluated, "resolutionStatus": "RESOLVED", "path": [],
        "foundCount": None, "minCount": None, "maxCount": None, "checkpoints": None,
    }  # fmt: skip


def _aggregated(channel: str, rows: list[ReviewRow]) -> dict[str, Any]:
    """The property's score is that of all its reviews; without one the API tells nothing."""
    count = sum(row.count for row in rows)
    if not count:
        return {"brandsWithScores": []}
    score = round(sum(row.score_10 * row.count for row in rows) / count, 2)
    overall = {"category": "OVERALL", "value": {"score": score, "reviewsCount": count}}
    brand = {"brandName": channel.upper(), "totalReviewsCount": count, "categoriesWithScore": [overall]}
    return {"brandsWithScores": [brand]}


def _not_found(what: str, name: str) -> GraphQLError:
    return GraphQLError(f"{what} {name[:40]!r} was not found", extensions={"code": "NOT_FOUND"})
