"""Inhibit: a finding that another finding on the same listing already explains is not told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from python_nodes.alerts.decisions import HELD, Candidate, Reason, about
from python_nodes.alerts.group import ACCESS, MARKET_FALL, OF_CHANNELS, OF_MARKETS

_STATISTICS = frozenset({"conversion_drop", "demand_drop", "ctr_drop", "rank_drop", "slow_decline"})
_WIDE = OF_MARKETS | OF_CHANNELS
_UNSEEN = frozenset({"metric_missing", "metric_flat"})
_SHOWN = frozenset({"fee_missing", "min_stay_raised", "calendar_empty", "parity", "currency_switched"})

ALWAYS: Mapping[str, frozenset[str]] = {
    "suspended": frozenset({"not_bookable", "no_price"}) | _WIDE | _STATISTICS | _SHOWN | _UNSEEN,
    "feed_stale": _STATISTICS | _WIDE | _UNSEEN,
    "feed_duplicate": _STATISTICS | _WIDE | _UNSEEN,
    "poll_failing": _STATISTICS | _WIDE | _UNSEEN | {"feed_stale"},
    "access_ending": frozenset({"poll_failing"}),
    "currency_switched": frozenset({"price_out_of_range", "total_out_of_range", "parity"}),
    "price_out_of_range": frozenset({"total_out_of_range"}),
    "fee_missing": frozenset({"total_out_of_range"}),
    "no_price": frozenset({"fee_missing", "currency_switched"}),
    # Nobody's fault: who works on one listing's fall while all fall works in vain.
    MARKET_FALL: frozenset({"demand_drop", "slow_decline"}),
}
"""The first explains, or makes unknowable, the second, whatever their size."""

IF_LARGE_ENOUGH: Mapping[str, frozenset[str]] = {
    "not_bookable": _STATISTICS | {"calendar_empty", "parity"},
    "calendar_empty": _STATISTICS,
    "no_price": _STATISTICS,
    "price_out_of_range": _STATISTICS | {"parity"},
    "min_stay_raised": _STATISTICS | {"parity"},
    "fee_missing": _STATISTICS,
    "total_out_of_range": _STATISTICS,
    "amenity_missing": _STATISTICS,
    "rate_plan_gap": _STATISTICS,
    "review_drop": _STATISTICS,
}
"""The first explains the second only if it loses bookings enough: three closed nights do not explain a dead listing."""

_BY_NIGHT = _SHOWN | {"not_bookable", "no_price", "price_out_of_range", "total_out_of_range", "calendar_empty"}
UNHEARD: Mapping[str, frozenset[str]] = {"feed_stale": _BY_NIGHT, "poll_failing": _BY_NIGHT | {"suspended"}}
"""Under the first, guards do not judge the second: one that is open stays so, one that is still found is told."""

BLINDING = frozenset({"ari", "ical_calendar", "performance", "reservations"})
"""A failing poll hides only what it tells: reviews or pages that do not come say nothing about bookings."""

EXPLAINING_SHARE = 0.5
"""A finding explains a drop when it loses at least this part of the share that the drop loses."""


OF_THE_PLACE = {MARKET_FALL: ALWAYS[MARKET_FALL]}
"""What a market's fall explains on any listing there, also where the fall itself cannot be seen for want of figures."""
NOT_WORSE = 1.5
"""A listing that loses more than so many times what its market loses has a problem of its own."""


def inhibitor(candidate: Candidate, others: Sequence[Candidate]) -> Candidate | None:
    """Find the finding on the same listing that explains this one."""
    lost = candidate.anomalies[0].share_lost
    for other in others:
        if candidate.kind in ALWAYS.get(other.kind, frozenset()) and _hides(other, candidate):
            return other
        explains = candidate.kind in IF_LARGE_ENOUGH.get(other.kind, frozenset())
        if explains and other.anomalies[0].share_lost >= EXPLAINING_SHARE * lost:
            return other
    return None


def _hides(other: Candidate, candidate: Candidate) -> bool:
    told = other.anomalies[0].evidence
    if other.kind == ACCESS:
        # Only what is refused already makes polls fail, and only its own connection's.
        same = told.get("connection_id") == candidate.anomalies[0].evidence.get("connection_id")
        return same and told.get("refused_at") is not None
    failing = told.get("operations")
    return other.kind != "poll_failing" or failing is None or not BLINDING.isdisjoint(failing)


def unknowable(kind: str, active_kinds: Sequence[str]) -> str | None:
    """Name the active finding under which an open alert of ``kind`` can be neither confirmed nor resolved."""
    nothing: frozenset[str] = frozenset()
    return next((one for one in active_kinds if kind in ALWAYS.get(one, nothing) | UNHEARD.get(one, nothing)), None)


def apply(
    candidates: Sequence[Candidate], found: Sequence[Candidate] | None = None
) -> tuple[list[Candidate], list[Candidate], list[Reason]]:
    """Split candidates into those that stand by themselves and those explained by another of what was ``found``.

    What is muted is not told, but it still explains: nobody mutes a cause to hear of all its effects.
    """
    by_listing: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in candidates if found is None else found:
        by_listing[candidate.listings[0].listing_id].append(candidate)
    kept: list[Candidate] = []
    inhibited: list[Candidate] = []
    reasons: list[Reason] = []
    for candidate in candidates:
        by = inhibitor(candidate, by_listing[candidate.listings[0].listing_id])
        if by is None:
            kept.append(candidate)
            continue
        inhibited.append(candidate)
        why = f"{candidate.kind} is explained by {by.kind} on the same listing"
        reasons.append(about(candidate, stage="inhibit", decision=HELD, why=why, held_by=by.fingerprint))
    return kept, inhibited, reasons


def by_place(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate], list[Reason]]:
    """Split grouped candidates likewise: by what befell the whole place that a listing, unit or property lies in."""
    wide = [one for one in candidates if one.scope == "market" and one.kind in OF_THE_PLACE]
    if not wide:
        return list(candidates), [], []
    kept: list[Candidate] = []
    inhibited: list[Candidate] = []
    reasons: list[Reason] = []
    for candidate in candidates:
        by = next((one for one in wide if _befell(one, candidate)), None)
        if by is None:
            kept.append(candidate)
            continue
        inhibited.append(candidate)
        why = f"{candidate.kind} is explained by {by.kind} in all of {by.listings[0].market}, and not worse than it"
        reasons.append(about(candidate, stage="inhibit", decision=HELD, why=why, held_by=by.fingerprint))
    return kept, inhibited, reasons


def _befell(wide: Candidate, candidate: Candidate) -> bool:
    if candidate is wide or candidate.kind not in OF_THE_PLACE[wide.kind]:
        return False
    lost = float(np.mean([one.share_lost for one in wide.anomalies]))
    same_place = all(one.market == wide.listings[0].market for one in candidate.listings)
    return same_place and max(one.share_lost for one in candidate.anomalies) <= NOT_WORSE * lost
