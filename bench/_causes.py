"""Alerts of drawn worlds with the cause that truly lies behind each: what root cause learns on and is judged by.

Each world has 500 listings and 60 live days, its season by the seed; 90 incidents of every kind the sandbox knows, two
market falls, and holidays and local events that are nobody's fault. Alerts are the product's own: its watches replayed
over the live days, its guards asked on an incident's days (``bench/_guarded.py``), a guard's word before a watch's on
the same listing. An incident counts once, by its first alert; what no incident explains has the cause ``unknown``.
Three in ten incidents leave no line in the change log, in which harmless lines are ten times as frequent as causal.
"""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from bench import _guarded, _incidents, scenarios
from bench._incidents import THIRDS, _market, _start, _table
from bench.score import funnel, watched
from python_nodes.domain.metrics import FloatArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.rootcause import case
from python_nodes.scoring.rootcause.case import Asked, LoggedChange
from sandbox.calendar import MARKETS
from sandbox.incidents import Incident
from sandbox.world import World, build_world

LISTINGS, HISTORY_DAYS, LIVE_DAYS = scenarios.LISTINGS, scenarios.HISTORY_DAYS, scenarios.LIVE_DAYS
OF_LISTINGS, OF_MARKETS, EVENTS, GUARD_DAYS = 90, 2, 2, 4
WATCHED_SHARE = 0.55
"""So many incidents are of kinds that only watches tell."""
DIRECT: dict[str, tuple[str, ...]] = {
    "listing_down": (), "calendar_closed": (), "rate_missing": (), "fee_missing": (), "amenity_missing": ("severity",),
    "rate_plan_gap": ("severity",), "min_stay_raised": ("min_stay_nights",), "review_drop": ("points",),
    "currency_switched": (), "feed_stale": (), "feed_duplicate": (), "price_error": ("factor",),
}  # fmt: skip
RANGES = {"severity": (0.15, 0.5), "min_stay_nights": (3, 10), "points": (0.5, 2.0)}
CAUSES = {"market_demand_drop": "market_demand"}
"""The glossary's word for an incident's kind, where it is not the kind's own."""
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Told:
    """One alert: what is asked, its series (n_days,) by group and metric, the log's lines near it, and the truth."""

    seed: int
    as_of_day: date
    asked: Asked
    series: dict[str, dict[str, FloatArray]]
    changes: tuple[LoggedChange, ...]
    truth: str
    kind: str
    has_trace: bool
    scope: str
    third: str


@dataclass(frozen=True, slots=True)
class World500:
    """What one world told, and how many incidents nobody told of."""

    told: tuple[Told, ...]
    incidents: int
    traced: int
    harmless: int
    causal: int


def scenario(seed: int, t0: date) -> str:
    """Return a scenario file with every kind of incident; the same arguments draw the same."""
    rng = np.random.default_rng([seed, 505])
    falling = rng.permutation(len(MARKETS))
    days = scenarios.LIVE_DAYS
    fall = _incidents.MARKET_DAYS, _incidents.MARKET_FALL
    tables = [_market(rng, "market_demand_drop", at, MARKETS[at].name, *fall, days) for at in falling[:OF_MARKETS]]
    for number in range(OF_LISTINGS):
        where = f'select = {{ third = "{THIRDS[int(rng.integers(3))]}" }}'
        if rng.random() < WATCHED_SHARE:
            kind = str(rng.choice(sorted(_incidents.KINDS)))
            (field, low, high), length = _incidents.KINDS[kind]
            more = [f"{field} = {rng.uniform(low, high):.2f}"]
            lasts = int(rng.integers(length[0], length[1] + 1))
        else:
            kind = str(rng.choice(sorted(DIRECT)))
            more, lasts = [_number(name, rng) for name in DIRECT[kind]], int(rng.integers(4, 15))
        if not kind.startswith("feed_"):
            more.append(f'scope = "{"unit" if kind != "currency_switched" and rng.random() < 0.15 else "listing"}"')
        tables.append(_table(f"{kind}-{number}", kind, where, _start(rng, lasts, days), lasts, *more))
    for at in falling[OF_MARKETS : OF_MARKETS + EVENTS]:
        tables.append(_market(rng, "local_event", at, MARKETS[at].name, (2, 5), (0.3, 1.0), days))
    return "\n".join([*tables, *_incidents._holidays(t0, days, rng)])


def _number(field: str, rng: np.random.Generator) -> str:
    if field == "factor":
        return f"factor = {rng.choice([rng.uniform(0.1, 0.45), rng.uniform(2.2, 8.0)]):.2f}"
    if field == "min_stay_nights":
        return f"min_stay_nights = {int(rng.integers(3, 11))}"
    return f"{field} = {rng.uniform(*RANGES[field]):.2f}"


def world_of(seed: int) -> World:
    """Build a world."""
    t0 = scenarios.t0_of(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "causes.toml"
        path.write_text(scenario(seed, t0), encoding="utf-8")
        return build_world(seed, LISTINGS, HISTORY_DAYS, LIVE_DAYS, t0, path)


def alerts(world: World, listings: Sequence[ListingInfo]) -> list[tuple[int, Asked]]:
    """Return the live day and the question of every alert, a guard's first on each day."""
    by_guard: dict[tuple[int, str], tuple[int, str, date]] = {}
    for item in world.placed:
        if not item.is_direct or item.is_control:
            continue
        for live in range(item.first_day, min(item.first_day + GUARD_DAYS, item.last_day + 1)):
            found = _guarded.findings(world, listings, item, world.t0 + timedelta(days=live))
            for one in found:
                by_guard.setdefault((one.listing_id, one.kind), (live, one.cause, one.onset_date))
            if found:
                break
    raised: dict[tuple[int, str, str, bool], list[tuple[int, date]]] = defaultdict(list)
    for (row, kind), (live, cause, onset) in by_guard.items():
        raised[live, kind, cause, True].append((row, onset))
    played = scenarios.replayed(world)
    causes = {one.kind: one.cause for one in scenarios.load_watches()}
    for kind in played.states:
        new = played.new(kind)
        for _, rows in played.groups(kind):
            for live in np.flatnonzero(new[rows].any(axis=0)).tolist():
                day = world.t0 + timedelta(days=live)
                told = rows if kind in played.wide else rows[new[rows, live]]
                raised[live, kind, causes[kind], False] += [(int(row), day) for row in told]
    order = sorted(raised.items(), key=lambda one: (one[0][0], not one[0][3], one[0][1]))
    kinds_at: dict[int, list[tuple[int, str, bool]]] = defaultdict(list)
    for (live, kind, _, seen), members in order:
        for row, _ in members:
            kinds_at[row].append((live, kind, seen))
    found_alerts: list[tuple[int, Asked]] = []
    for (live, kind, cause, seen), members in order:
        wide = played.wide.get(kind)
        for scope, rows, onset in _grouped(members, listings, wide):
            near = {(k, s) for row in rows[:8] for at, k, s in kinds_at[row] if live - 14 <= at <= live and k != kind}
            if not seen and wide is None and any(s for _, s in near):
                continue
            also = frozenset(k for k, _ in near)
            found_alerts.append((live, Asked(kind=kind, cause=cause, scope=scope, onset_date=onset, is_seen=seen,
                                             listing_ids=tuple(rows), also=also)))  # fmt: skip
    return found_alerts


def _grouped(
    members: Sequence[tuple[int, date]], listings: Sequence[ListingInfo], wide: str | None
) -> Iterable[tuple[str, list[int], date]]:
    """Put findings of one kind and day together: of a market or channel, a property with several units, or a unit."""
    groups: dict[object, list[tuple[int, date]]] = defaultdict(list)
    for row, onset in members:
        key = getattr(listings[row], wide) if wide else listings[row].property_id
        groups[key].append((row, onset))
    for together in groups.values():
        rows, onset = sorted(row for row, _ in together), min(day for _, day in together)
        units = {listings[row].unit_id for row in rows}
        if wide:
            yield "market", rows, onset
        elif len(units) > 1 and 2 * len(rows) >= sum(
            one.property_id == listings[rows[0]].property_id for one in listings
        ):
            yield "property", rows, onset
        else:
            for unit in sorted(units):
                own = [row for row in rows if listings[row].unit_id == unit]
                yield ("unit" if len(own) > 1 else "listing"), own, onset


def told(seed: int) -> World500:
    """Draw a world and return its alerts with the truth."""
    world = world_of(seed)
    listings = _guarded.infos(world)
    found = alerts(world, listings)
    days = np.datetime64(world.first, "D") + np.arange(world.history_days + world.live_days)
    values = {**funnel(world), **watched(world)}
    whole = MetricMatrix(np.arange(len(listings), dtype=np.int64), days, values)
    log, result, done = _log(world, listings), [], set()
    for live, asked in found:
        item = _behind(world, asked, live)
        if item is not None and (item.incident_id in done or (item.scope == "market") != (asked.scope == "market")):
            continue
        if item is not None:
            done.add(item.incident_id)
        result.append(_one(world, whole, listings, log, live, asked, item))
    real = [item for item in world.placed if not item.is_control]
    caused = sum(one.cause is not None for one in world.changes)
    live_lines = sum(one.day >= world.t0 for one in world.changes)
    return World500(tuple(result), len(real), sum(item.leaves_trace for item in real), live_lines - caused, caused)


def _behind(world: World, asked: Asked, live: int) -> Incident | None:
    """Name the incident that an alert tells: one that covers its listings, then or a few days before."""
    fits = [
        item for item in world.placed
        if not item.is_control and item.first_day <= live <= item.last_day + scenarios.GRACE_DAYS
        and (set(item.listings) & set(asked.listing_ids))
        and (item.scope != "market" or asked.scope == "market" or not _own(world, asked, live))
    ]  # fmt: skip
    own = [item for item in fits if (item.scope == "market") == (asked.scope == "market")]
    return next(iter(own or fits), None)


def _own(world: World, asked: Asked, live: int) -> bool:
    return any(
        item.scope != "market" and item.first_day <= live <= item.last_day + scenarios.GRACE_DAYS
        and set(item.listings) & set(asked.listing_ids)
        for item in world.placed
    )  # fmt: skip


def _log(world: World, listings: Sequence[ListingInfo]) -> list[LoggedChange]:
    """Return the change log as it is stored."""
    row = {(one.channel, one.external_id): one for one in listings}
    home = {(one.channel, one.channel_property_id): one.property_id for one in listings}
    found = []
    for line in (one.row for one in world.changes):
        listing = row[line.channel, line.room_id] if line.room_id else None
        found.append(
            LoggedChange(
                changed_at=line.changed_at, channel=line.channel, listing_id=listing.listing_id if listing else None,
                property_id=home[line.channel, line.property_id], field=line.field, old=line.old, new=line.new,
                actor=line.actor,
            )
        )  # fmt: skip
    return found


def _one(
    world: World, whole: MetricMatrix, listings: Sequence[ListingInfo], log: Sequence[LoggedChange], live: int,
    asked: Asked, item: Incident | None,
) -> Told:  # fmt: skip
    """Cut an alert's surroundings out of the world: what is known at noon of its day."""
    last = world.history_days + live
    cut = slice(last - case.SPAN_DAYS, last)
    matrix = MetricMatrix(whole.listing_ids, whole.days[cut], {name: one[:, cut] for name, one in whole.values.items()})
    made = case.panel(case.places([asked], listings), matrix)
    series = {part: {name: getattr(made, part)[name][0] for name in case.METRICS}
              for part in ("own", "siblings", "market")}  # fmt: skip
    day = world.t0 + timedelta(days=live)
    held = set(asked.listing_ids)
    homes = {(listings[row].property_id, listings[row].channel) for row in held}
    since = day - timedelta(days=case.SCAN_DAYS + 3)
    near = tuple(
        one for one in log
        if since <= one.changed_at.date() and (one.changed_at.date(), one.changed_at.hour) <= (day, 11)
        and (one.listing_id in held or (one.listing_id is None and (one.property_id, one.channel) in homes))
    )  # fmt: skip
    kind = item.kind if item else "none"
    return Told(
        world.seed, day, asked, series, near, CAUSES.get(kind, kind) if item else UNKNOWN, kind,
        bool(item and item.leaves_trace), item.scope if item else asked.scope,
        world.portfolio.third[(item.listings if item else asked.listing_ids)[0]],
    )  # fmt: skip


def kept(seed: int) -> World500:
    """Return a seed's alerts, drawn once for each state of what makes them."""
    root = scenarios.ROOT
    sources = [*sorted((root / "sandbox").glob("*.py")), root / "python_nodes/watches.toml", Path(__file__),
               root / "python_nodes/scoring/rootcause/case.py", root / "bench/_guarded.py"]  # fmt: skip
    made_of = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / "nightporter-causes" / made_of / f"{seed}.pickle"
    if path.is_file():
        return pickle.loads(path.read_bytes())
    made = told(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(pickle.dumps(made))
    part.replace(path)
    return made
