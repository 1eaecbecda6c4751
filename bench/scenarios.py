"""Incidents drawn at random over whole worlds, judged beside the oracle: recall, delay, precision, false alerts.

The seeds here judge, nothing is chosen on them. Each world has 500 listings (a third under one booking a week) and 60
live days, its season by the seed; 40 incidents of the kinds that only watches tell fall on any listing, six outages
that guards tell are there to mislead (their days are left out, as scoring does; an alert on them counts neither way),
and public holidays and local events are controls. An incident is told by an alert on its listing or market from its
start to three days after its end. What the oracle does not find before the end is listed apart.

NIGHTPORTER_SCENARIO_SEEDS chooses seeds (``2000-2019`` or ``2000,2007``). A world's result is kept under the temporary
folder until detectors, scoring or watches change, so that a run that was stopped goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bench import _incidents
from bench.score import BoolArray, funnel, listing_infos, row_of, watched
from python_nodes.domain.metrics import FloatArray, MetricMatrix
from python_nodes.scoring import peers, replay
from python_nodes.scoring.watches import load_watches
from sandbox.calendar import eur_cents_per_minor
from sandbox.incidents import Incident
from sandbox.world import DEFAULT_T0, World, build_world

SEEDS = "2000-2019"
LISTINGS, HISTORY_DAYS, LIVE_DAYS = 500, 400, 60
GRACE_DAYS = 3
ROOT = Path(__file__).parent.parent


@dataclass
class Result:
    """Of one world; ``incidents`` and ``false`` are plain records, alerts are counted by kind, market days in all."""

    seed: int
    incidents: list[dict[str, Any]] = field(default_factory=list)
    false: list[dict[str, Any]] = field(default_factory=list)
    true: dict[str, int] = field(default_factory=dict)
    on_guards: int = 0
    moved: int = 0
    blamed: int = 0
    moved_days: int = 0


def seeds_of(text: str) -> list[int]:
    """Read ``2000-2019`` or ``2000,2007``."""
    parts = [part.split("-") for part in text.split(",")]
    return [seed for part in parts for seed in range(int(part[0]), int(part[-1]) + 1)]


def t0_of(seed: int) -> date:
    """Return a first live day: the seeds go through the year."""
    return DEFAULT_T0 + timedelta(days=91 * (seed % 4) + 7 * (seed // 4 % 13))


def world_of(seed: int) -> World:
    """Build a judging world."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.toml"
        path.write_text(_incidents.scenario(seed, t0_of(seed), LIVE_DAYS), encoding="utf-8")
        return build_world(seed, LISTINGS, HISTORY_DAYS, LIVE_DAYS, t0_of(seed), path)


def peers_of(world: World, values: Mapping[str, FloatArray]) -> peers.Near:
    """Find whose peers tell more than their market, by the days before the first live one, as a weekly refresh does."""
    past = {name: told[:, : world.history_days] for name, told in values.items()}
    listings, book = listing_infos(world), world.portfolio
    worth = [eur_cents_per_minor(book.market(row).currency) for row in range(len(book))]
    found = peers.group(listings, past, book.base_price_minor * np.array(worth))
    chosen = np.flatnonzero(found.chosen).tolist()
    of = {row: list(zip(found.near[row].tolist(), found.weight[row].tolist(), strict=True)) for row in chosen}
    return peers.Near(of, frozenset(chosen))


def replayed(world: World) -> replay.Replay:
    """Let the shipped watches speak on every live day; the days of an outage that a guard tells are left out."""
    days = np.datetime64(world.first, "D") + np.arange(world.history_days + world.live_days)
    values = {**funnel(world), **watched(world)}
    down = np.zeros(world.counts.views.shape, dtype=np.bool_)
    for item in world.placed:
        if item.kind in _incidents.OUTAGES:
            first, last = world.history_days + item.first_day, world.history_days + item.last_day
            down[list(item.listings), first : last + 2] = True
    matrix = MetricMatrix(np.arange(len(world.portfolio), dtype=np.int64), days, values)
    until, near = world.t0 + timedelta(days=world.live_days - 1), peers_of(world, values)
    return replay.run(load_watches(), matrix, listing_infos(world), world.t0, until, unfit=down, near=near)


def judge(world: World) -> Result:
    """Match one world's alerts with what happened in it."""
    told, result = replayed(world), Result(world.seed)
    new = {kind: told.new(kind) for kind in told.states}
    true = {kind: np.zeros_like(one) for kind, one in new.items()}
    neither = np.zeros((LISTINGS, LIVE_DAYS), dtype=np.bool_)
    for item, outcome in zip(world.placed, world.outcomes, strict=True):
        window = np.ix_(item.listings, range(item.first_day, min(item.last_day + GRACE_DAYS + 1, LIVE_DAYS)))
        if item.is_direct and not item.is_control:
            neither[window] = True
        elif not item.is_control:
            fitting = {kind: one for kind, one in new.items() if told.wide.get(kind, "listing") == _scope(item)}
            result.incidents.append(_told(item, outcome.oracle_day, fitting, true, window, world))
    for kind, raised in new.items():
        _count(result, world, kind, [rows.tolist() for _, rows in told.groups(kind)], raised, true[kind], neither)
    _moves(result, world, {kind: one for kind, one in new.items() if kind not in told.wide})
    return result


def _told(
    item: Incident, oracle_day: int | None, new: Mapping[str, BoolArray], true: Mapping[str, BoolArray], window: Any,
    world: World,
) -> dict[str, Any]:  # fmt: skip
    """Say when an incident was told, and mark the alerts that tell it."""
    days = []
    for kind, raised in new.items():
        true[kind][window] = True
        days += [(item.first_day + int(day), kind) for day in np.flatnonzero(raised[window].any(axis=0))]
    first = min((day for day, _ in days), default=None)
    return {
        "id": item.incident_id, "kind": item.kind, "third": world.portfolio.third[item.listings[0]],
        "weekly": round(float(world.portfolio.weekly_bookings[item.listings[0]]), 2),
        "size": round(item.factor if item.kind == "competitor_undercut" else item.severity, 2),
        "days": item.last_day - item.first_day + 1, "scope": item.scope,
        "oracle": None if oracle_day is None or oracle_day > item.last_day else oracle_day - item.first_day,
        "ours": None if first is None else first - item.first_day,
        "named": any(kind == item.kind for _, kind in days),
    }  # fmt: skip


def _scope(item: Incident) -> str:
    """Return the scope of the alerts that tell an incident: those of single listings, or its market's."""
    return "market" if item.scope == "market" else "listing"


def _count(
    result: Result, world: World, kind: str, groups: Sequence[Sequence[int]], raised: BoolArray, true: BoolArray,
    neither: BoolArray,
) -> None:  # fmt: skip
    """Count alerts of a kind as true, false, or on what a guard tells; a whole market's or channel's is one."""
    for group in groups:
        for day in np.flatnonzero(raised[group].any(axis=0)).tolist():
            if true[group, day].any():
                result.true[kind] = result.true.get(kind, 0) + 1
            elif neither[group, day].any() and len(group) == 1:
                result.on_guards += 1
            else:
                result.false.append(_false(world, kind, group[0], day))


def _false(world: World, kind: str, row: int, day: int) -> dict[str, Any]:
    """Say what is known of a false alert: how busy the listing is, and what was near."""
    book, market = world.portfolio, world.portfolio.market(row).name
    own = [item for item in world.placed if row in item.listings and item.scope != "market"]
    unit = [item for item in world.placed if item.scope != "market" and row not in item.listings
            and int(book.unit_index[item.listings[0]]) == int(book.unit_index[row])]  # fmt: skip
    moves = [item for item in world.placed if item.scope == "market" and item.market == market]
    near = {
        "own": [f"{item.kind} {item.first_day}-{item.last_day}" for item in own],
        "unit": [f"{item.kind} {item.first_day}-{item.last_day}" for item in unit],
        "market": [f"{item.kind} {item.first_day}-{item.last_day}" for item in moves
                   if item.first_day <= day <= item.last_day + 14],
    }  # fmt: skip
    weekly = round(float(book.weekly_bookings[row]), 2)
    return {"kind": kind, "day": day, "third": book.third[row], "weekly": weekly, "market": market, **near}


def _moves(result: Result, world: World, new: Mapping[str, BoolArray]) -> None:
    """Count listings of moved markets with nothing of their own, and those blamed while it lasted."""
    raised = np.logical_or.reduce(list(new.values()))
    troubled = {row for item in world.placed if item.scope != "market" for row in item.listings}
    for item in (item for item in world.placed if item.scope == "market"):
        well = [row for row in item.listings if row not in troubled]
        last = min(item.last_day + GRACE_DAYS + 1, LIVE_DAYS)
        result.moved += len(well)
        result.moved_days += len(well) * (last - item.first_day)
        result.blamed += int(raised[well, item.first_day : last].any(axis=1).sum())


def kept_in() -> Path:
    """Return where this state of the sources keeps its results."""
    sources = [*sorted((ROOT / "detectors").rglob("*.py")), *sorted((ROOT / "python_nodes/scoring").glob("*.py"))]
    sources += [ROOT / "python_nodes/watches.toml", *sorted((ROOT / "sandbox").glob("*.py")), Path(__file__)]
    made_of = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / "nightporter-scenarios" / made_of


def results(seeds: Sequence[int]) -> list[Result]:
    """Judge each seed, or read what was judged before."""
    folder, found = kept_in(), []
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        path = folder / f"{seed}.json"
        if not path.is_file():
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(asdict(judge(world_of(seed)))), encoding="utf-8")
            part.replace(path)
        found.append(Result(**json.loads(path.read_text(encoding="utf-8"))))
        Console(stderr=True).print(f"scenarios: seed {seed} done, {len(found)} of {len(seeds)}")
    return found


def median_delay(delays: Sequence[int | None]) -> float:
    """Return the middle delay, a miss being infinitely late; NaN of none."""
    ordered = sorted(float("inf") if one is None else float(one) for one in delays)
    return ordered[(len(ordered) - 1) // 2] if ordered else float("nan")


def _by_kind(seen: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for name in ("kind", "third"):
        for value in sorted({item[name] for item in seen}):
            own = [item for item in seen if item[name] == value]
            ours, oracle = (median_delay([item[who] for item in own]) for who in ("ours", "oracle"))
            share = float(np.mean([item["ours"] is not None for item in own]))
            words = f"{value}: found of {len(own)}, median delay {ours:g} days (oracle {oracle:g})"
            rows.append(row_of(words, share, "share", None, None, None))
    return rows


def figures(found: Sequence[Result]) -> list[dict[str, Any]]:
    """Put the worlds together."""
    every = [item for one in found for item in one.incidents]
    seen = [item for item in every if item["oracle"] is not None]
    unseen = [item for item in every if item["oracle"] is None]
    true, false = sum(sum(one.true.values()) for one in found), sum(len(one.false) for one in found)
    days = len(found) * LISTINGS * LIVE_DAYS / 1000.0
    ours, oracle = (median_delay([item[who] for item in seen]) for who in ("ours", "oracle"))
    moved, blamed = sum(one.moved for one in found), sum(one.blamed for one in found)
    by_chance = 1.0 - np.exp(-false / days / 1000.0 * sum(one.moved_days for one in found) / max(moved, 1))
    told = [item["ours"] is not None for item in seen]
    before_end = [item["ours"] is not None and item["ours"] < item["days"] for item in seen]
    rows = [
        row_of(f"found of {len(seen)} that the oracle finds before their end", float(np.mean(told)), "share",
               None, None, 0.9),
        row_of("of them told before their end", float(np.mean(before_end)), "share", None, None, None),
        row_of("median delay, a miss being never", ours, "days", "oracle", oracle, 1.5 * oracle + 1.0, at_most=True),
        row_of("precision of alerts", true / max(true + false, 1), "share", None, None, 0.9),
        row_of("false alerts per 1,000 listing-days", false / days, "alerts", None, None, 0.13, at_most=True),
        row_of(f"listings of moved markets ({moved}) blamed", blamed / max(moved, 1), "share", "by chance",
               float(by_chance), 0.02, at_most=True),
        row_of(f"found of {len(unseen)} that the oracle misses",
               float(np.mean([item["ours"] is not None for item in unseen])), "share", None, None, None),
        row_of("of the found, also called by their kind",
               float(np.mean([item["named"] for item in seen if item["ours"] is not None])), "share", None, None, None),
        row_of("alerts on what guards tell, not counted", float(sum(one.on_guards for one in found)), "alerts",
               None, None, None),
    ]  # fmt: skip
    kinds = sorted({item["kind"] for one in found for item in one.false})
    rows += _by_kind(seen)
    for kind in kinds:
        count = sum(item["kind"] == kind for one in found for item in one.false)
        rows.append(row_of(f"false {kind} per 1,000 listing-days", count / days, "alerts", None, None, None))
    return rows


def run() -> list[dict[str, Any]]:
    """Play the judging seeds and tell what was reached."""
    return figures(results(seeds_of(os.environ.get("NIGHTPORTER_SCENARIO_SEEDS", SEEDS))))
