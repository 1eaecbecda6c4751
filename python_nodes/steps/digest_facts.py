"""What a digest tells some teams of a day or a week: kept as JSON, so that a second try says the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from python_nodes.domain.findings import FORESEEN, OPPORTUNITIES, Alert, Category
from python_nodes.domain.said import SAID
from python_nodes.store.answer_times import Times
from python_nodes.store.digests import Judged, Sent

MAX_LINES, MAX_LISTINGS = 8, 5
CHART_DAYS = 7
WORST_FIRST: tuple[Category, ...] = ("critical", "high", "medium", "low")
FALSE_ALARM = "false_alarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that happened, of whichever team; ``teams_of`` says who cares for an alert, by its id.

    ``alerts`` are those that stood in the last days; ``titles`` of listings by id; ``times`` by team; ``ways`` are the
    recipients of each team by sender. ``mended`` says by alert what repairs brought back that were measured in the
    span, a week after their alerts' ends. ``uncovered`` says by rotation from when on nobody is on call.
    """

    alerts: Sequence[Alert]
    teams_of: Mapping[int, frozenset[str]]
    mended: Mapping[int, int]
    sent: Sequence[Sent]
    judged: Sequence[Judged]
    times: Sequence[Times]
    ways: Mapping[str, frozenset[tuple[str, str]]]
    titles: Mapping[int, str]
    proposals: Sequence[str]
    uncovered: Mapping[str, date]
    troubles: Mapping[str, int]
    currency: str


def facts(known: Known, teams: frozenset[str], span: str, since: datetime, as_of: datetime) -> dict[str, Any]:
    """Put together what some teams read."""
    mine = [one for one in known.alerts if known.teams_of[one.alert_id] & teams]
    ids = {one.alert_id for one in mine}
    problems = [one for one in mine if one.kind not in FORESEEN]
    standing = [one for one in problems if _stands(one, as_of)]
    ended = [one for one in problems if one.resolved_at is not None and since < one.resolved_at <= as_of]
    ahead = [one for one in mine if one.kind in FORESEEN and _stands(one, as_of)]
    return {
        "span": span, "day": f"{as_of:%Y-%m-%d}", "since": since.isoformat(), "currency": known.currency,
        "teams": sorted(teams), "raised": sum(one.raised_at > since for one in problems),
        "open": {name: sum(one.category == name for one in standing) for name in WORST_FIRST},
        "open_count": len(standing), "ended_count": len(ended), "foreseen_count": len(ahead),
        "loss_per_day_minor": sum(one.loss_per_day_minor for one in standing),
        "lost_so_far_minor": sum(one.lost_so_far_minor for one in standing),
        "at_stake_minor": sum(one.impact_minor for one in standing),
        "lost_minor": sum(lost_between(one, since, as_of) for one in problems),
        "recovered_minor": sum(minor for one, minor in known.mended.items() if known.teams_of[one] & teams),
        "worst": [_line(one, one.impact_minor) for one in _first(standing, lambda one: one.impact_minor)],
        "ended": [_line(one, one.lost_so_far_minor) for one in _first(ended, lambda one: one.lost_so_far_minor)],
        "foreseen": [_line(one, stake(one)) | {"is_gain": one.kind in OPPORTUNITIES} for one in _first(ahead, stake)],
        "listings": _listings(standing, known.titles), "by_team": _by_team(known, standing, teams),
        "noise": _noise(known, ids, teams), "proposals": list(known.proposals), "days": _days(problems, as_of),
        "troubles": dict(known.troubles),
        "uncovered": {name: f"{day:%Y-%m-%d}" for name, day in known.uncovered.items()},
    }  # fmt: skip


def _stands(alert: Alert, as_of: datetime) -> bool:
    return alert.resolved_at is None or alert.resolved_at > as_of


def lost_between(alert: Alert, since: datetime, until: datetime) -> int:
    """Return what of an alert's loss fell into a span: as evenly as it lasted, never more than it all came to."""
    ended = min(alert.resolved_at or until, until)
    began = max(min(alert.raised_at, _midnight(alert)), since)
    days = max((ended - began) / timedelta(days=1), 0.0)
    return min(round(alert.loss_per_day_minor * days), alert.lost_so_far_minor)


def _midnight(alert: Alert) -> datetime:
    return datetime(alert.onset_date.year, alert.onset_date.month, alert.onset_date.day, tzinfo=alert.raised_at.tzinfo)


def stake(alert: Alert) -> int:
    """Return what a foreseen finding is about: what would be missed, or gained a day."""
    gain = alert.evidence.get("gain_per_day_minor")
    found = gain.get("mid", 0) if isinstance(gain, Mapping) else alert.evidence.get("at_stake_minor", 0)
    return int(found)


def _first(some: Sequence[Alert], worth: Any) -> list[Alert]:
    return sorted(some, key=lambda one: (-worth(one), one.alert_id))[:MAX_LINES]


def _line(alert: Alert, amount_minor: int) -> dict[str, Any]:
    """Keep a line of a list; with its title's parts, so that it can be said in any language."""
    told = alert.evidence.get(SAID, {}).get("title")
    return {
        "alert_id": alert.alert_id, "title": alert.title, "category": alert.category, "amount_minor": amount_minor,
        "loss_per_day_minor": alert.loss_per_day_minor,
    } | ({SAID: {"title": told}} if told else {})  # fmt: skip


def _listings(standing: Iterable[Alert], titles: Mapping[int, str]) -> list[dict[str, Any]]:
    """Name the listings that lose most; a wide alert's loss is shared as its members' shares are."""
    losing: Counter[int] = Counter()
    for alert in standing:
        if alert.listing_id is not None:
            losing[alert.listing_id] += alert.loss_per_day_minor
            continue
        named = alert.evidence.get("listing_ids", ())
        shares = [float(one.get("share_lost", 0.0)) for one in alert.evidence.get("members", ())]
        for listing_id, share in zip(named, shares, strict=False):
            losing[int(listing_id)] += round(alert.loss_per_day_minor * share / max(sum(shares), 1e-9))
    worst = [(key, amount) for key, amount in losing.most_common(MAX_LISTINGS) if amount > 0]
    return [{"title": titles.get(key, f"listing {key}"), "loss_per_day_minor": amount} for key, amount in worst]


def _by_team(known: Known, standing: Sequence[Alert], teams: Collection[str]) -> dict[str, dict[str, Any]]:
    times = {one.name: one for one in known.times}
    told: dict[str, dict[str, Any]] = {}
    for team in sorted(teams):
        mine = [one for one in standing if team in known.teams_of[one.alert_id]]
        spans = times.get(team)
        told[team] = {
            "open": len(mine), "loss_per_day_minor": sum(one.loss_per_day_minor for one in mine),
            "taken_median_s": spans.acknowledged.median_s if spans else None,
            "resolved_median_s": spans.resolved.median_s if spans else None,
        }  # fmt: skip
    return told


def _noise(known: Known, ids: Collection[int], teams: Collection[str]) -> dict[str, Any]:
    """Count messages an alert, each recipient's apart, and false alarms by what found them."""
    ways = frozenset[tuple[str, str]]().union(*(known.ways.get(team, frozenset()) for team in teams))
    sent = [one for one in known.sent if (one.sender, one.recipient) in ways]
    each: Counter[tuple[str, str]] = Counter()
    for one in sent:
        each[one.sender, one.recipient] += 1
    judged = [one for one in known.judged if one.alert_id in ids]
    false = Counter(one.kind for one in judged if one.verdict == FALSE_ALARM)
    return {
        "messages": sum(one.messages for one in sent), "alerts": len({one.alert_id for one in sent}),
        "told": sum(each.values()), "judged": len(judged), "false_alarms": dict(false.most_common(MAX_LISTINGS)),
    }  # fmt: skip


def _days(problems: Sequence[Alert], as_of: datetime) -> list[dict[str, Any]]:
    """Tell each of the last days' loss, and how many began and ended."""
    told = []
    for back in range(CHART_DAYS, 0, -1):
        since, until = as_of - timedelta(days=back), as_of - timedelta(days=back - 1)
        told.append({
            "day": f"{until:%Y-%m-%d}", "lost_minor": sum(lost_between(one, since, until) for one in problems),
            "raised": sum(since < one.raised_at <= until for one in problems),
            "ended": sum(one.resolved_at is not None and since < one.resolved_at <= until for one in problems),
        })  # fmt: skip
    return told
