"""A backtest in plain JSON: what the command prints, the endpoint answers, and the page and picture are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import backtest
from python_nodes.scoring.backtest import Compared, Judged, Label
from python_nodes.scoring.backtest_ranked import LIMITS, Ranked
from python_nodes.scoring.replay import Raised
from python_nodes.scoring.watches import Watch


@dataclass(frozen=True, slots=True)
class Side:
    """Watches, what they would have raised, and how well their p-values rank the days."""

    watches: Sequence[Watch]
    raised: Sequence[Raised]
    ranked: Ranked


@dataclass(frozen=True, slots=True)
class Span:
    """The days that were replayed, both included."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """How many they are."""
        return (self.end - self.start).days + 1


def view(
    span: Span, listings: Sequence[ListingInfo], source: str, labels: Sequence[Label], now: Side, other: Side | None
) -> dict[str, Any]:
    """Judge both sides by the same labels, and say it in plain JSON."""
    by_id = {one.listing_id: one for one in listings}
    sides = [now] if other is None else [now, other]
    # What either side watches counts for both, else a watch that was left out would hide its misses.
    watched = {one.kind for side in sides for one in side.watches}
    listing_days = span.days * len(listings)
    judged = [
        backtest.judge(side.raised, labels, watched, listing_days, is_whole=source == "file") for side in sides
    ]  # fmt: skip
    told: dict[str, Any] = {
        "from": span.start.isoformat(), "to": span.end.isoformat(), "days": span.days, "listings": len(listings),
        "labels": {
            "source": source, "events": len(judged[0].events), "denied": sum(not one.is_real for one in labels),
            "of_guards": sum(one.is_real for one in labels) - len(judged[0].events),
        },
        "now": _side(judged[0], now, by_id, span),
        "other": None, "changes": None,
    }  # fmt: skip
    if other is not None:
        told["other"] = _side(judged[1], other, by_id, span)
        compared = backtest.compare(now.raised, other.raised, span.end)
        told["changes"] = _changes(compared, told["now"]["alerts"], told["other"]["alerts"])
    return told


def _side(judged: Judged, side: Side, by_id: Mapping[int, ListingInfo], span: Span) -> dict[str, Any]:
    raised = side.raised
    asked = _asked(side.watches, list(by_id.values()), span)
    alerts = [
        _alert(one, by_id)
        | {
            "verdict": "true" if at in judged.true else "false" if at in judged.false else "unjudged",
            "tells": [event.label.name for event in judged.events if event.label.covers(one)],
        }
        for at, one in enumerate(raised)
    ]
    return {
        "recall": judged.recall, "precision": judged.precision, "median_delay_days": judged.median_delay_days,
        "oracle_median_delay_days": judged.oracle_median_days,
        "false_alerts_per_1000_listing_days": judged.false_per_1000,
        "false_alerts_asked": round(sum(asked.values()), 3),
        "alerts_a_week": round(7.0 * len(raised) / span.days, 3),
        "events_found": sum(one.delay_days is not None for one in judged.events),
        "alerts_true": len(judged.true), "alerts_false": len(judged.false),
        "alerts_unjudged": len(raised) - len(judged.true) - len(judged.false),
        "auc_pr": side.ranked.auc_pr, "vus_pr": side.ranked.vus_pr,
        "calibration": [
            {"kind": one.kind, "points": one.points, "shares": list(map(list, zip(LIMITS, one.shares, strict=True)))}
            for one in side.ranked.kept
        ],
        "kinds": [asdict(kind) | {"asked": round(asked.get(kind.kind, 0.0), 3)} for kind in judged.kinds],
        "events": [
            _place(one.label.listing_ids, one.label.place, by_id) | {
                "name": one.label.name, "kind": one.label.kind, "start": one.label.start_date.isoformat(),
                "end": one.label.end_date.isoformat(), "delay_days": one.delay_days, "oracle_days": one.oracle_days,
            }
            for one in judged.events
        ],
        "alerts": alerts,
    }  # fmt: skip


def _asked(watches: Sequence[Watch], listings: Sequence[ListingInfo], span: Span) -> dict[str, float]:
    """Return by kind how many false alerts the budget expects in these days."""
    asked: dict[str, float] = defaultdict(float)
    for watch in watches:
        budget, series = watch.budget, len(listings)
        if not budget.share and (watch.of_market or watch.of_rate):
            # A budget of its own is of the series that the watch looks at.
            series = len({getattr(one, watch.of_rate or "market") for one in listings})
        asked[watch.kind] += budget.false_alerts * series / (budget.listings or series) * span.days / budget.days
    return asked


def _alert(one: Raised, by_id: Mapping[int, ListingInfo]) -> dict[str, Any]:
    return _place(one.listing_ids, one.place, by_id) | {
        "kind": one.kind, "raised": one.raised_date.isoformat(),
        "ended": one.ended_date.isoformat() if one.ended_date else None,
    }  # fmt: skip


def _place(
    listing_ids: Sequence[int] | frozenset[int], market: str | None, by_id: Mapping[int, ListingInfo]
) -> dict[str, Any]:
    """Say where, in words that people know."""
    first = by_id.get(min(listing_ids, default=-1))
    if market is not None or first is None:
        return {"listing": None, "channel": None, "title": market or "unknown", "market": market}
    more = f" and {len(listing_ids) - 1} more" if len(listing_ids) > 1 else ""
    return {
        "listing": first.external_id, "channel": first.channel, "title": first.title + more, "market": first.market,
    }  # fmt: skip


def _changes(
    compared: Compared, now: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Say which alerts come, go and stay, by kind, with their places and days."""
    both = [
        dict(now[pair.now]) | {"raised_other": other[pair.other]["raised"], "ended_other": other[pair.other]["ended"]}
        for pair in compared.both
    ]
    lost, gained = [dict(now[at]) for at in compared.lost], [dict(other[at]) for at in compared.gained]
    kinds = sorted({one["kind"] for one in (*both, *lost, *gained)})
    groups = (("both", both), ("lost", lost), ("gained", gained))
    counts = [
        {"kind": kind} | {name: sum(one["kind"] == kind for one in group) for name, group in groups} for kind in kinds
    ]
    return {"kinds": counts, "both": both, "lost": lost, "gained": gained}
