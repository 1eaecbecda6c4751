"""What the operator runs: properties, the units in them, and where each unit is sold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A place. ``priority`` is 0 (ordinary) to 1 (the most valuable)."""

    external_id: str
    name: str
    market: str
    country: str
    subdivision: str | None
    timezone: str
    currency: str
    priority: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What can be sold at a property: a rental, or a room type of ``unit_count`` like rooms."""

    external_id: str
    property_external_id: str
    name: str
    unit_count: int
    base_price_minor: int
    floor_price_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One unit on one channel; the key of every series.

    ``channel_property_id`` is what the channel calls the property; None where it is the property's own external id.
    """

    external_id: str
    unit_external_id: str
    channel: str
    title: str
    rate_plan_external_id: str
    channel_property_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """The operator's portfolio file, validated."""

    properties: tuple[Property, ...]
    units: tuple[Unit, ...]
    listings: tuple[Listing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingInfo:
    """A stored listing with what scoring needs of its unit and property; ids are the database's."""

    listing_id: int
    unit_id: int
    property_id: int
    external_id: str
    unit_external_id: str
    property_external_id: str
    channel_property_id: str
    rate_plan_external_id: str = ""
    title: str
    channel: str
    market: str
    country: str
    subdivision: str | None
    timezone: str
    currency: str
    priority: float
    unit_count: int
    base_price_minor: int
    floor_price_minor: int
