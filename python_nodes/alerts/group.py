"""Group: one problem on several listings of a unit, a property or a market is one alert about it, with its members."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from python_nodes.alerts import impact
from python_nodes.alerts.decisions import Candidate, Reason, about
from python_nodes.alerts.identity import AlertScope
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo

MARKET_FALL = "market_demand_drop"
"""What scoring finds on each listing of a market that falls as a whole: always told of the market."""
OF_MARKETS = frozenset({MARKET_FALL, "market_ctr_drop", "market_conversion_drop"})
OUTAGE = "poll_failing"
"""Found on every listing that a failing connection speaks for: always told once."""
ACCESS = "access_ending"
"""Likewise on every listing of a connection whose access ends or is refused."""
OF_CHANNELS = frozenset({"channel_ctr_drop", "channel_conversion_drop"})
"""Found on every listing of a channel that falls as a whole: always told once, also where several channels do."""
TOLD_ONCE = OF_CHANNELS | {OUTAGE, ACCESS}
_TOLD_AS = {OUTAGE: "go unwatched", ACCESS: "go unwatched once the access is gone"}
MARKET_KINDS = frozenset(
    {MARKET_FALL, "demand_drop", "conversion_drop", "ctr_drop", "rank_drop", "slow_decline", "competitor_undercut",
     "month_missed", "calendar_running_empty"}
)  # fmt: skip
"""What a market can do to listings; a closed calendar or a missing price it cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """When several findings of one kind are one problem.

    Onsets lie within ``window_days``. A property's alert needs ``min_listings`` and ``property_share`` of its listings
    on the channels concerned. A market's needs ``market_properties`` properties, and that so many or more fall by
    chance with less than ``market_p``, each with the share seen in other markets, ``usual_share`` at least.
    """

    min_listings: int = 2
    property_share: float = 0.5
    window_days: int = 7
    market_properties: int = 4
    market_p: float = 1e-4
    usual_share: float = 0.02


@dataclass(frozen=True, slots=True)
class _Level:
    """One scope: what its listings share, and the reason to tell some of them as one, or None."""

    scope: AlertScope
    key: Callable[[ListingInfo], Hashable]
    why: Callable[[Sequence[Candidate]], str | None]


def apply(
    candidates: Sequence[Candidate],
    listings: Sequence[ListingInfo],
    settings: Grouping,
    open_alerts: Sequence[Alert] = (),
    impacts: impact.ImpactSettings = impact.DEFAULTS,
    unheard: Sequence[Candidate] = (),
) -> tuple[list[Candidate], list[Reason]]:
    """Group by market, property, unit, in this order.

    A unit's or property's alert stays one until its last member is well, a market's while two are left; who is
    ``unheard``, muted or explained by another finding, counts as left, and takes no part otherwise.
    """
    by_kind: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_kind[candidate.kind].append(candidate)
    grouped: list[Candidate] = []
    reasons: list[Reason] = []
    for kind, same in by_kind.items():
        standing = {(alert.scope, place(alert)) for alert in open_alerts if alert.kind == kind}
        if kind in TOLD_ONCE and len(same) > 1:
            # Told of the first listing's property, for want of a wider place: a connection or a channel has none.
            grouped.append(_at_its_place(merged("property", same, impacts), standing))
            channels = ", ".join(sorted({one.listings[0].channel for one in same}))
            why = f"{len(same)} listings {_TOLD_AS.get(kind, f'fall as {channels} does')}: told once"
            reasons.append(about(grouped[-1], stage="group", decision="grouped", why=why))
            continue
        rest = list(same)
        left = [one for one in unheard if one.kind == kind]
        for level in _levels(kind, same, listings, settings):
            rest, wide, told = _at(level, rest, standing, settings, impacts, left)
            grouped += wide
            reasons += told
        grouped += rest
    return grouped, reasons


def place(alert: Alert) -> Hashable:
    """Return what all members of an alert share, by its scope."""
    unit_id = alert.evidence.get("unit_id")
    return {"market": alert.market, "property": alert.property_id, "unit": unit_id, "listing": alert.listing_id}[
        alert.scope
    ]


def merged(scope: AlertScope, members: Sequence[Candidate], impacts: impact.ImpactSettings) -> Candidate:
    """Make one wide candidate of several listings' candidates, in the listings' order."""
    ordered = sorted(members, key=lambda member: member.listings[0].listing_id)
    return Candidate(
        scope=scope,
        kind=ordered[0].kind,
        listings=tuple(member.listings[0] for member in ordered),
        anomalies=tuple(member.anomalies[0] for member in ordered),
        impact=impact.combine([member.impact for member in ordered], impacts),
    )


def _at_its_place(one: Candidate, standing: set[tuple[AlertScope, Hashable]]) -> Candidate:
    """Keep an outage's alert where it was raised, whoever else recovered: its first listing names its place."""
    stays = [("property", listing.property_id) in standing for listing in one.listings]
    first = stays.index(True) if any(stays) else 0
    order = [first, *(at for at in range(len(stays)) if at != first)]
    return replace(
        one, listings=tuple(one.listings[at] for at in order), anomalies=tuple(one.anomalies[at] for at in order)
    )


def _at(
    level: _Level, candidates: Sequence[Candidate], standing: set[tuple[AlertScope, Hashable]], settings: Grouping,
    impacts: impact.ImpactSettings, unheard: Sequence[Candidate],
) -> tuple[list[Candidate], list[Candidate], list[Reason]]:  # fmt: skip
    """Split candidates into those left alone and wide ones, with the reasons."""
    members: dict[Hashable, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        members[level.key(candidate.listings[0])].append(candidate)
    rest: list[Candidate] = []
    wide: list[Candidate] = []
    reasons: list[Reason] = []
    for key, same in members.items():
        together = same if (level.scope, key) in standing else _within(same, settings.window_days)
        why = level.why(together)
        if why is None and (level.scope, key) in standing:
            left = len(same) + sum(level.key(one.listings[0]) == key for one in unheard)
            if left >= (settings.min_listings if level.scope == "market" else 1):
                why = f"still on {left} of the {level.scope}'s listings, which has an open alert"
        if why is None:
            rest += same
            continue
        one = merged(level.scope, together, impacts)
        wide.append(one)
        chosen = {id(candidate) for candidate in together}
        rest += [candidate for candidate in same if id(candidate) not in chosen]
        reasons.append(about(one, stage="group", decision="grouped", why=f"{one.kind}: {why}"))
    return rest, wide, reasons


def _within(same: Sequence[Candidate], window_days: int) -> list[Candidate]:
    """Return the most candidates whose onsets lie within the window, the latest of equally many."""
    ordered = sorted(same, key=lambda candidate: candidate.anomalies[0].onset_date)
    days = np.array([candidate.anomalies[0].onset_date for candidate in ordered], dtype="datetime64[D]")
    ends = np.searchsorted(days, days + np.timedelta64(window_days, "D"), side="right")
    sizes = ends - np.arange(days.size)
    first = int(days.size - 1 - np.argmax(sizes[::-1]))
    return ordered[first : int(ends[first])]


def _levels(
    kind: str, same: Sequence[Candidate], listings: Sequence[ListingInfo], settings: Grouping
) -> tuple[_Level, ...]:
    return (
        _Level("market", lambda one: one.market, _market_rule(kind, same, listings, settings)),
        _Level("property", lambda one: one.property_id, _property_rule(listings, settings)),
        _Level("unit", lambda one: one.unit_id, lambda members: _unit_rule(members, settings)),
    )


def _market_rule(
    kind: str, same: Sequence[Candidate], listings: Sequence[ListingInfo], settings: Grouping
) -> Callable[[Sequence[Candidate]], str | None]:
    """Test how many of a market's properties have it; a property's listings do not fall independently."""
    homes: dict[str, set[int]] = defaultdict(set)
    hit: dict[str, set[int]] = defaultdict(set)
    if kind in MARKET_KINDS:
        for listing in listings:
            homes[listing.market].add(listing.property_id)
        for candidate in same:
            hit[candidate.listings[0].market].add(candidate.listings[0].property_id)

    def why(members: Sequence[Candidate]) -> str | None:
        market = members[0].listings[0].market
        if kind in OF_MARKETS:
            return f"{len(members)} listings of {market} fall as the market does"
        count, total = len({member.listings[0].property_id for member in members}), len(homes[market])
        if kind not in MARKET_KINDS or count < settings.market_properties:
            return None
        elsewhere = sum(len(found) for name, found in homes.items() if name != market)
        fallen = sum(len(found) for name, found in hit.items() if name != market)
        usual = max(settings.usual_share, fallen / elsewhere if elsewhere else 0.0)
        chance = float(stats.binom.sf(count - 1, total, usual))
        if chance >= settings.market_p:
            return None
        return f"on {count} of {total} properties of {market}, {usual:.0%} expected; by chance {chance:.1e}"

    return why


def _property_rule(listings: Sequence[ListingInfo], settings: Grouping) -> Callable[[Sequence[Candidate]], str | None]:
    """Ask for several units, and for most of what the property sells on the channels concerned."""
    sold: Counter[tuple[int, str]] = Counter((listing.property_id, listing.channel) for listing in listings)

    def why(members: Sequence[Candidate]) -> str | None:
        found = [member.listings[0] for member in members]
        total = sum(sold[found[0].property_id, channel] for channel in {one.channel for one in found})
        several = len({one.unit_id for one in found}) > 1 and len(found) >= settings.min_listings
        if not several or len(found) < settings.property_share * total:
            return None
        return f"on {len(found)} of the property's {total} listings: one alert for the property"

    return why


def _unit_rule(members: Sequence[Candidate], settings: Grouping) -> str | None:
    channels = sorted({member.listings[0].channel for member in members})
    if len(members) < settings.min_listings:
        return None
    return f"on {len(members)} listings of the unit ({', '.join(channels)}): one alert for the unit"
