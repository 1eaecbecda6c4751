"""What 30 verdicts do to a noisy watch: its false alerts and its recall on the days after, with and without them.

Worlds of `bench._noisy`: in one place something makes a watch cry wolf. Of the first 90 live days the first 30 alerts
of the noisy watch are judged by what truly happened; what is proposed of these verdicts is approved as it is, exposure
before cuts, and the next 90 days, with incidents of their own, are replayed as before and as learnt. The seeds here and
2870 to 2877 judge and nothing was chosen on them; 1130 to 1133 were looked at while the rules were built, 2860 to 2863
before the places of doubted exposure were told by the figures. NIGHTPORTER_LEARNING_NOISE chooses the noise.
An incident counts for recall if it is of the watch's kind, and is found if the watch tells it.

NIGHTPORTER_LEARNING_SEEDS chooses seeds (``2850-2857`` or ``2850,2853``). A world's result is kept under the temporary
folder until detectors, scoring or the bench change, so that a run that was stopped goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from bench import _noisy, scenarios
from bench.score import row_of
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import replay, sweep
from python_nodes.scoring.learn import applied, evidence, segments, surplus
from python_nodes.scoring.learn.changes import Exposure
from python_nodes.scoring.learn.evidence import Verdict
from python_nodes.scoring.look import Looked
from python_nodes.scoring.replay import Raised
from python_nodes.scoring.watches import Watch, load_watches
from sandbox.incidents import Incident

SEEDS = "2850-2857"
VERDICTS, GRACE_DAYS = 30, 3
DAYS = _noisy.HALF_DAYS + 1
ROOT = Path(__file__).parent.parent


@dataclass
class Result:
    """Of one world: verdicts given, cuts moved; of the days after false alerts and incidents found, before and then."""

    seed: int
    real: int
    denied: int
    segments: dict[str, float]
    false_now: int
    false_then: int
    seen: int
    found_now: int
    found_then: int


def _looked(
    world: _noisy.Noisy, watches: Sequence[Watch], end: date, days: int
) -> tuple[dict[str, Looked], list[ListingInfo]]:
    return sweep.look_all(replay.scanning(watches, days), world.matrix, world.listings, None, end, world.down)


def _alerts(world: _noisy.Noisy, watches: Sequence[Watch], start: date, end: date) -> list[Raised]:
    """Return what the watches would have raised."""
    looked, known = _looked(world, watches, end, (end - start).days + 1)
    return replay.alerts(replay.of(looked, known, start, end))


def _tells(world: _noisy.Noisy, alert: Raised, item: Incident) -> bool:
    """Whether an alert is on an incident's listing from its start to three days after its end."""
    day = (alert.raised_date - world.start).days
    return item.first_day <= day <= item.last_day + GRACE_DAYS and bool(set(item.listings) & set(alert.listing_ids))


def _verdicts(world: _noisy.Noisy, alerts: Sequence[Raised]) -> list[Verdict]:
    """Judge the first alerts by what truly happened."""
    return [
        Verdict(
            alert_id=at, kind=one.kind, listing_ids=one.listing_ids, start_date=one.raised_date,
            end_date=one.ended_date or world.middle,
            is_real=any(_tells(world, one, item) for item in world.world.placed),
        )
        for at, one in enumerate(alerts[:VERDICTS])
    ]  # fmt: skip


def judge(seed: int, noise: str) -> Result:
    """Play one world: half of it is judged, the other half shows what was learnt."""
    world, name = _noisy.draw(seed, noise), _noisy.KIND_OF[noise]
    watches = [one for one in load_watches() if one.name == name]
    looked, known = _looked(world, watches, world.middle, DAYS)
    verdicts = _verdicts(world, replay.alerts(replay.of(looked, known, world.start, world.middle)))
    booked = world.matrix.values["booking_velocity"][:, _noisy.HISTORY_DAYS : _noisy.HISTORY_DAYS + _noisy.HALF_DAYS]
    parted = segments.partitions(known, 7.0 * np.nanmean(booked, axis=1))
    doubted = _doubted(world, looked[name], known, verdicts, parted)
    learnt = applied.of(doubted)
    if doubted:
        # What is still too often false is cut; the same verdicts tell it, by what is believed now.
        looked, known = _looked(world, [replace(one, learnt=learnt) for one in watches], world.middle, DAYS)
    told = evidence.of(looked[name], known)
    wanted = [] if told is None else segments.wanted(told, verdicts, parted, {})
    learnt = applied.of([*doubted, *(one.cut for one in wanted)])
    now = _alerts(world, watches, world.middle, world.end)
    then = _alerts(world, [replace(one, learnt=learnt) for one in watches], world.middle, world.end)
    seen = [one for one in world.world.placed if one.kind == name and one.first_day >= _noisy.HALF_DAYS]
    return Result(
        seed, sum(one.is_real for one in verdicts), sum(not one.is_real for one in verdicts),
        {one.cut.segment: float(f"{one.cut.factor:.3g}") for one in wanted}
        | {f"exposure on {one.segment}": one.follows for one in doubted}, _false(world, now), _false(world, then),
        len(seen), _found(world, now, seen), _found(world, then, seen),
    )  # fmt: skip


def _doubted(
    world: _noisy.Noisy, looked: Looked, known: Sequence[ListingInfo], verdicts: Sequence[Verdict],
    parted: Mapping[str, Mapping[str, tuple[int, ...]]],
) -> list[Exposure]:  # fmt: skip
    """Return the exposures that the verdicts make doubtful, as `steps.learn` proposes them before any cut."""
    told, above = evidence.of(looked, known), surplus.ABOVE.get(looked.watch.exposure or "")
    if told is None or above is None:
        return []
    days = np.isin(world.matrix.days, looked.batch.days)
    found = segments.disbelieved(told, looked, world.matrix.values[above][:, days], verdicts, parted)
    return [one.change for one in found]


def _false(world: _noisy.Noisy, alerts: Sequence[Raised]) -> int:
    return sum(not any(_tells(world, one, item) for item in world.world.placed) for one in alerts)


def _found(world: _noisy.Noisy, alerts: Sequence[Raised], seen: Sequence[Incident]) -> int:
    return sum(any(_tells(world, one, item) for one in alerts) for item in seen)


def _kept_in() -> Path:
    """Return where this state of the sources keeps its results."""
    sources = [*sorted((ROOT / "detectors").rglob("*.py")), *sorted((ROOT / "python_nodes/scoring/learn").glob("*.py"))]
    sources += [ROOT / "python_nodes/watches.toml", ROOT / "bench/_noisy.py", ROOT / "bench/learning.py"]
    made_of = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / "nightporter-learning" / made_of


def results(seeds: Sequence[int], noise: str) -> list[Result]:
    """Judge each seed with one kind of noise, or read what was judged before."""
    folder, found = _kept_in(), []
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        path = folder / f"{noise}-{seed}.json"
        if not path.is_file():
            path.write_text(json.dumps(asdict(judge(seed, noise))), encoding="utf-8")
        found.append(Result(**json.loads(path.read_text(encoding="utf-8"))))
    return found


def figures(found: Sequence[Result], noise: str) -> list[dict[str, Any]]:
    """Put the worlds of one kind of noise together."""
    now, then = sum(one.false_now for one in found), sum(one.false_then for one in found)
    seen = sum(one.seen for one in found)
    before, after = (sum(getattr(one, name) for one in found) / max(seen, 1) for name in ("found_now", "found_then"))
    given = sum(one.real + one.denied for one in found)
    return [
        row_of(f"{noise}: false alerts after {given} verdicts in {len(found)} worlds", float(then), "alerts", "before",
               float(now), now / 2.0, at_most=True),
        row_of(f"{noise}: found of {seen} incidents", after, "share", "before", before, before - 0.02),
        row_of(f"{noise}: verdicts a world", given / max(len(found), 1), "verdicts", None, None, None),
        row_of(f"{noise}: worlds with a cut moved", float(sum(bool(one.segments) for one in found)), "worlds", None,
               None, None),
    ]  # fmt: skip


def run() -> list[dict[str, Any]]:
    """Judge the seeds asked for."""
    seeds = scenarios.seeds_of(os.environ.get("NIGHTPORTER_LEARNING_SEEDS", SEEDS))
    noise = os.environ.get("NIGHTPORTER_LEARNING_NOISE", "tracker")
    return figures(results(seeds, noise), noise)
