"""How many messages people get: over drawn worlds day by day, of a listing that comes and goes, of a market's fall.

Each world is one of `bench.scenarios`: 500 listings, 60 days, 40 incidents that only watches tell, 6 outages that
guards tell, holidays and events. Watches speak by `scoring.replay`, which says what a sweep a day says; guards on each
outage's property (`bench._guarded`); then the shipped pipeline and routing file run at noon of each day
(`bench._desk`). Approximate: what a finding loses is read from bookings since it began, and gaps in figures are not
looked for.

A message is counted for a team once however many senders carry it, and not where it changes an earlier one in place:
an end, or a higher category, is told in the alert's own message. Told again counts: after it had ended it came back.
Mails are also counted one by one, as mail cannot be changed in place. Of the listing that comes and goes each telling
counts, ends too.

Seeds 2100 to 2103 judge. What the pipeline does was looked at on seeds 2090 and 2091. Of the listing that comes and
goes nothing is drawn but the second sort: each hour by the toss of a coin, with seeds 1 to 60.

NIGHTPORTER_NOISE_SEEDS chooses seeds. A world's messages are kept as `bench.scenarios` keeps its results.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np
from rich.console import Console

from bench import _guarded, _incidents, scenarios
from bench._desk import Desk
from bench.score import row_of
from python_nodes.domain.findings import Alert, Anomaly
from python_nodes.domain.inputs import Economics
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.watches import load_watches
from sandbox.calendar import eur_cents_per_minor
from sandbox.incidents import Incident
from sandbox.world import World

SEEDS = "2100-2103"
USUAL_DAYS, MEAN_NIGHTS, KEPT_SHARE = 56, 3.0, 0.85
FLAPPING_DAYS, COINS = 7, range(1, 61)
NOON = time(12, tzinfo=UTC)
GRACE_DAYS = scenarios.GRACE_DAYS


@dataclass
class Result:
    """Of one world: by incident and team the messages and what mails there were; those of no incident by team."""

    seed: int
    told: list[dict[str, Any]] = field(default_factory=list)
    stray: dict[str, int] = field(default_factory=dict)
    stray_alerts: int = 0


def economics(world: World) -> Economics:
    """Say what a day of each listing is worth, by the weeks before the first live day."""
    book, past = world.portfolio, slice(world.history_days - USUAL_DAYS, world.history_days)
    worth = np.array([eur_cents_per_minor(book.market(row).currency) for row in range(len(book))])
    ones = np.ones(len(book))
    return Economics(
        world.booked[:, past].mean(axis=1), np.asarray(book.base_price_minor) * worth * MEAN_NIGHTS,
        ones * KEPT_SHARE, ones,
    )  # fmt: skip


def watched(world: World, listings: Sequence[ListingInfo]) -> Iterator[list[Anomaly]]:
    """Yield what the watches find at noon of each live day."""
    told = scenarios.replayed(world)
    of = {watch.kind: watch for watch in load_watches()}
    usual = world.booked[:, world.history_days - USUAL_DAYS : world.history_days].mean(axis=1)
    since = {kind: np.zeros(len(listings), dtype=np.int64) for kind in told.states}
    for day in range(world.live_days):
        found = []
        for kind, held in told.states.items():
            new = held[:, day] & ~(held[:, day - 1] if day else told.before[kind])
            since[kind][new] = day
            for row in np.flatnonzero(held[:, day]).tolist():
                began = int(since[kind][row])
                found.append(_found(world, listings[row], of[kind], began, day, float(usual[row])))
        yield found


def _found(world: World, listing: ListingInfo, watch: Any, began: int, day: int, usual: float) -> Anomaly:
    row, first = listing.listing_id, world.history_days + max(began - 1, 0)
    booked = float(world.booked[row, first : world.history_days + max(day, began + 1)].mean())
    lost = float(np.clip(1.0 - (booked + 0.05) / (usual + 0.05), 0.05, 0.95))
    return Anomaly(
        listing_id=row, kind=watch.kind, metric=watch.reported_metric, onset_date=world.t0 + timedelta(days=began),
        observed=booked, expected=usual, lower=None, upper=None, p_value=0.001, share_lost=lost, confidence=0.99,
        cause=watch.cause,
    )  # fmt: skip


def findings(world: World, listings: Sequence[ListingInfo]) -> list[list[Anomaly]]:
    """Return what watches and guards find at noon of each live day."""
    outages = [one for one in world.placed if one.kind in _incidents.OUTAGES]
    told = []
    for live, found in enumerate(watched(world, listings)):
        day = world.t0 + timedelta(days=live)
        now = [one for one in outages if one.first_day <= live <= one.last_day]
        told.append([*found, *(one for item in now for one in _guarded.findings(world, listings, item, day))])
    return told


def judge(world: World) -> Result:
    """Run the days of a world, and give each message to the incident that it is about; what is about none is stray."""
    listings = _guarded.infos(world)
    return judged(world, Desk(listings, economics(world)), findings(world, listings))


def judged(world: World, desk: Desk, told_by_day: Sequence[Sequence[Anomaly]]) -> Result:
    """As `judge`, of what was found on each day."""
    result = Result(world.seed)
    for live, found in enumerate(told_by_day):
        desk.run(found, datetime.combine(world.t0 + timedelta(days=live), NOON))
    incidents = [one for one in world.placed if not one.is_control]
    of = {number: _incident(world, alert, incidents) for number, alert in desk.alerts.items()}
    told = {number: [one for one in desk.sent if one.alert_id == number] for number in desk.alerts}
    for item in incidents:
        mine = [one for number, by in of.items() if by is item for one in told[number]]
        for team in sorted({one.team for one in mine}):
            ours = [one for one in mine if one.team == team]
            result.told.append({
                "incident": item.incident_id, "kind": item.kind, "scope": item.scope, "team": team,
                "of_market": len({(one.at, one.step) for one in ours
                                  if one.is_new and desk.alerts[one.alert_id].scope == "market"}),
                "messages": len({(one.alert_id, one.step, one.at) for one in ours if one.is_new}),
                "alerts": len({one.alert_id for one in ours}), "mails": sum(one.sender == "email" for one in ours),
                "told_of": [f"{desk.alerts[one.alert_id].kind} of the {desk.alerts[one.alert_id].scope}, {one.step}"
                            for one in ours if one.is_new],
            })  # fmt: skip
    stray = [one for number, by in of.items() if by is None for one in told[number] if one.is_new]
    result.stray = dict(Counter(team for _, _, team in {(one.alert_id, one.at, one.team) for one in stray}))
    result.stray_alerts = len({one.alert_id for one in stray})
    return result


def _incident(world: World, alert: Alert, incidents: Sequence[Incident]) -> Incident | None:
    """Find what an alert is about: raised on its listings, or on its market, while it lasted or shortly after."""
    day = (alert.raised_at.date() - world.t0).days
    about = {alert.listing_id} if alert.listing_id is not None else set(alert.evidence.get("listing_ids", ()))
    fitting = [one for one in incidents if one.first_day <= day <= one.last_day + GRACE_DAYS]
    # A market's fall takes what is told of the market; what is told of one listing there is its own first.
    wide = [one for one in fitting if one.scope == "market" and about & set(one.listings)]
    own = [one for one in fitting if one.scope != "market" and about & set(one.listings)]
    return next(iter([*wide, *own] if alert.scope == "market" else [*own, *wide]), None)


def flapping(states: Sequence[bool]) -> int:
    """Return the most messages that a team gets within any day of a listing that comes and goes, an hour a state."""
    listing = ListingInfo(
        listing_id=0, unit_id=0, property_id=0, external_id="r", unit_external_id="u", property_external_id="p",
        channel_property_id="p", title="Loft", channel="booking_com", market="lisbon", country="PT", subdivision=None,
        timezone="Europe/Lisbon", currency="EUR", priority=0.0, unit_count=1, base_price_minor=10_000,
        floor_price_minor=5_000,
    )  # fmt: skip
    one = np.ones(1)
    desk, start = Desk([listing], Economics(one, one * 30_000.0, one, one)), datetime(2026, 3, 2, tzinfo=UTC)
    closed = Anomaly(
        listing_id=0, kind="not_bookable", metric="availability", onset_date=start.date(), observed=None, expected=None,
        lower=None, upper=None, p_value=None, share_lost=0.9, confidence=0.99, cause="calendar_closed",
        evidence={"nights": 30},
    )  # fmt: skip
    for hour, is_there in enumerate(states):
        desk.run([closed] if is_there else [], start + timedelta(hours=hour))
    times = sorted({(item.team, item.at) for item in desk.sent})
    return max(
        (sum(t == team and at <= other < at + timedelta(days=1) for t, other in times) for team, at in times), default=0
    )


def results(seeds: Sequence[int]) -> list[Result]:
    """Judge each seed, or read what was judged before."""
    folder, found = scenarios.kept_in() / "noise", []
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        path = folder / f"{seed}.json"
        if not path.is_file():
            path.write_text(json.dumps(asdict(judge(scenarios.world_of(seed)))), encoding="utf-8")
        found.append(Result(**json.loads(path.read_text(encoding="utf-8"))))
        Console(stderr=True).print(f"noise: seed {seed} done, {len(found)} of {len(seeds)}")
    return found


def figures(found: Sequence[Result]) -> list[dict[str, Any]]:
    """Put the worlds together."""
    told = [one for result in found for one in result.told]
    falls = [one for one in told if one["scope"] == "market"]
    teams = sorted({one["team"] for one in told})
    mean = float(np.mean([one["messages"] for one in told]))
    name = f"messages per incident told ({len(told)} with teams) and team, beyond updates in place"
    rows = [row_of(name, mean, "messages", None, None, 1.3, at_most=True)]
    for team in teams:
        ours = [one for one in told if one["team"] == team]
        mean = float(np.mean([one["messages"] for one in ours]))
        rows.append(row_of(f"{team}: messages per incident told ({len(ours)})", mean, "messages", None, None, None))
    stray = sum(sum(result.stray.values()) for result in found)
    rows += [
        row_of(f"messages of the market's alert per fall told ({len(falls)}) and team",
               float(np.mean([one["of_market"] for one in falls])), "messages", None, None, 1.0, at_most=True),
        row_of("messages that blame single listings of it, per fall and team",
               float(np.mean([one["messages"] - one["of_market"] for one in falls])), "messages", None, None, None),
        row_of("most of one incident and team", float(max(one["messages"] for one in told)), "messages", None, None,
               None),
        row_of("mails per incident told by mail, ends and all",
               float(np.mean([one["mails"] for one in told if one["mails"]])), "mails", None, None, None),
        row_of("messages about no incident, a world", stray / len(found), "messages", None, None, None),
    ]  # fmt: skip
    return rows


def run() -> list[dict[str, Any]]:
    """Play the judging seeds, then the listing that comes and goes."""
    hours = FLAPPING_DAYS * 24
    coins = [np.random.default_rng(seed).random(hours) < 0.5 for seed in COINS]
    return [
        *figures(results(scenarios.seeds_of(os.environ.get("NIGHTPORTER_NOISE_SEEDS", SEEDS)))),
        row_of("on and off each hour for a week: messages on the worst day",
               float(flapping([hour % 2 == 0 for hour in range(hours)])), "messages", None, None, 3.0, at_most=True),
        row_of(f"by the toss of a coin each hour, worst day of {len(coins)} weeks",
               float(max(flapping(one.tolist()) for one in coins)), "messages", None, None, 3.0, at_most=True),
    ]  # fmt: skip
