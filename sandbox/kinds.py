"""Every kind of incident and control: its fields, where it falls, whether it shows at once, its trace in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

LISTING, UNIT, PROPERTY, MARKET = "listing", "unit", "property", "market"
_PLACES = (LISTING, UNIT, PROPERTY)
DEFAULT_NIGHTS = (0, 119)


@dataclass(frozen=True, slots=True)
class Bound:
    """A number field's range; without a default it must be given."""

    low: float
    high: float
    default: float | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """What a scenario may say of one kind.

    ``is_direct``: it shows in what the counterparts serve on its first day, without any statistics.
    ``logged_as``: the field of the operator's change log; None where no operator changed anything.
    """

    name: str
    numbers: Mapping[str, Bound] = field(default_factory=lambda: MappingProxyType({}))
    has_nights: bool = False
    has_currency: bool = False
    scopes: tuple[str, ...] = _PLACES
    is_control: bool = False
    is_direct: bool = True
    logged_as: str | None = None


def _severity(default: float | None = None, high: float = 1.0) -> Mapping[str, Bound]:
    return MappingProxyType({"severity": Bound(0.01, high, default)})


_ALL = (
    Kind("listing_down", logged_as="status"),
    Kind("calendar_closed", has_nights=True, logged_as="availability"),
    Kind("price_error", MappingProxyType({"factor": Bound(0.01, 100)}), has_nights=True, logged_as="price"),
    Kind("rate_missing", has_nights=True, logged_as="price"),
    Kind("fee_missing", logged_as="fee"),
    Kind("amenity_missing", _severity(0.15), logged_as="amenities"),
    Kind("rate_plan_gap", _severity(0.2), logged_as="rate_plans"),
    Kind("min_stay_raised", MappingProxyType({"min_stay_nights": Bound(2, 14)}), has_nights=True, logged_as="min_stay"),
    Kind("review_drop", MappingProxyType({"points": Bound(0.3, 6)})),
    Kind("currency_switched", has_currency=True, scopes=(LISTING, PROPERTY), logged_as="currency"),
    Kind("feed_stale", scopes=(PROPERTY,), logged_as="connection"),
    Kind("feed_duplicate", scopes=(PROPERTY,), logged_as="connection"),
    Kind("conversion_drop", _severity(), is_direct=False, logged_as="description"),
    Kind("ctr_drop", _severity(), is_direct=False, logged_as="photo"),
    Kind("rank_drop", _severity(), is_direct=False, logged_as="promotion"),
    Kind("slow_decline", _severity(), is_direct=False, logged_as="description"),
    Kind("competitor_undercut", MappingProxyType({"factor": Bound(0.1, 0.95)}), is_direct=False),
    Kind("market_demand_drop", _severity(), scopes=(MARKET,), is_direct=False),
    Kind("public_holiday", _severity(), scopes=(MARKET,), is_control=True),
    Kind("local_event", _severity(high=3.0), scopes=(MARKET,), is_control=True),
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _ALL})


def fields_of(kind: Kind) -> tuple[str, ...]:
    """The fields an incident of a kind may have."""
    more = (("nights",) if kind.has_nights else ()) + (("currency",) if kind.has_currency else ())
    return ("id", "kind", "scope", "select", "start_day", "days", *kind.numbers, *more)
