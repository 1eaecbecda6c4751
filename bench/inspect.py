"""How well each close-up detector and their combination rank what truly changed, and how often its kind is told right.

Worlds: `main_job.toml` on seeds of no tuning, 500 listings × 400 days, 30 live days, with figures that stop, stand
still or turn restless on listings that have no other trouble (`_faults`). Weights and settings were learnt on seeds
1200 to 1203. A series' day is labelled from the change's first day to its last; days of other incidents, and a week
after any, count for nothing. An alert is new where the figure passes the cut and did not the day before; a change is
found if it passes on any of its days. Labelled series: those of ``bench.detect``, causal, judged after 7 days.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench import _faults, _labelled
from bench.main_job import LISTINGS, LIVE_DAYS
from bench.score import BoolArray, raised_on, row_of
from detectors import inspect
from detectors.evaluation import ranking
from detectors.inspect import kinds, subjects, surprise
from detectors.inspect.contract import Judged, Subjects
from detectors.single import online
from python_nodes.domain.metrics import FloatArray
from python_nodes.scoring import inspect as close_up

SEEDS = (2200, 2201, 2202)
FALSE_PER_1000 = 1.0
"""New false alerts allowed on 1,000 days of a series, for everything that is compared."""
WARM_DAYS, GAP_DAYS = 98, 28
HOURS = 24
TOLD_AFTER = (3, 7, 30)
INCIDENTS = ("level_shift", "slow_decline")


@dataclass(frozen=True)
class Judgement:
    """One watch's series in one world: surprises by detector on live days, labels, days that count for nothing."""

    watch: str
    p_value: Mapping[str, FloatArray]
    labels: BoolArray
    ignored: BoolArray
    changes: Sequence[_faults.Change]
    subjects: Subjects


def judgements(played: _faults.Played, names: Sequence[str]) -> tuple[list[Judgement], dict[str, float]]:
    """Judge every series of a world; also the CPU seconds that each detector took."""
    detectors, spent, result = inspect.discover(), dict.fromkeys(names, 0.0), []
    for watch in _faults.SERIES:
        given = close_up.subjects_of(played.looked[watch], played.groups)
        judged = {}
        for name in names:
            began = time.process_time()
            judged[name] = detectors[name](given)
            spent[name] += time.process_time() - began
        until = given.values.shape[1] - LIVE_DAYS
        usual = surprise.learn(judged, WARM_DAYS, until)
        own = [one for one in played.changes if one.watch == watch]
        labels, is_fault = np.zeros((2, LISTINGS, LIVE_DAYS), dtype=np.bool_)
        for one in own:
            labels[one.row, one.first_day : one.last_day + 1] = one.is_seen
            is_fault[one.row, one.first_day : one.last_day + 1 + _faults.GRACE_DAYS] = True
        clouded = played.clouded.copy()
        for one in played.changes:
            # A fault in one figure is no trouble of the others; after it a week counts for nothing.
            clouded[one.row, one.first_day : one.last_day + 1 + _faults.GRACE_DAYS] = True
        p_value = surprise.p_values(judged, usual, slice(until, None))
        slow = close_up.SLOW.get(watch, watch)
        seen = close_up.subjects_of(played.looked[slow], played.groups) if slow != watch else given
        result.append(Judgement(watch, p_value, labels, clouded & ~labels, own, seen))
    return result, spent


def figures(of: Sequence[Judgement], names: Sequence[str]) -> dict[str, list[FloatArray]]:
    """Return what is compared: each detector's surprise, and ways to put them together."""
    single = {name: [-np.log(one.p_value[name]) for one in of] for name in names}
    together = {
        "sum of all": [sum(-np.log(one.p_value[name]) for name in names) for one in of],
        "largest": [np.max([-np.log(one.p_value[name]) for name in names], axis=0) for one in of],
        "shipped weights": [surprise.combined(one.p_value, surprise.WEIGHTS) for one in of],
    }
    return single | together


def quality(of: Sequence[Judgement], figure: Sequence[FloatArray]) -> tuple[float, float, dict[str, float]]:
    """Return AUC-PR over all days, and recall of changes at the allowed false alerts, in all and by kind."""
    kept = [~one.ignored for one in of]
    labels = np.concatenate([one.labels[keep] for one, keep in zip(of, kept, strict=True)])
    auc = ranking.auc_pr(labels, np.concatenate([one[keep] for one, keep in zip(figure, kept, strict=True)]))
    cut = _cut(of, figure)
    found: dict[str, list[bool]] = {}
    for one, told in zip(of, figure, strict=True):
        for change in one.changes:
            if change.is_seen:
                hit = told[change.row, change.first_day : change.last_day + 1] > cut
                found.setdefault(change.kind, []).append(bool(hit.any()))
    whole = [hit for hits in found.values() for hit in hits]
    return auc, float(np.mean(whole)), {kind: float(np.mean(hits)) for kind, hits in found.items()}


def _cut(of: Sequence[Judgement], figure: Sequence[FloatArray]) -> float:
    """Return the lowest cut that keeps to the allowed false alerts."""
    well = [~(one.labels | one.ignored) for one in of]
    allowed = FALSE_PER_1000 * sum(int(one.sum()) for one in well) / 1000.0
    quiet = np.concatenate([told[keep] for told, keep in zip(figure, well, strict=True)])
    low, high = 0.0, float(quiet.max())
    for _ in range(40):
        middle = (low + high) / 2.0
        false = sum(int((raised_on(told > middle) & keep).sum()) for told, keep in zip(figure, well, strict=True))
        low, high = (middle, high) if false > allowed else (low, middle)
    return high


def learnt_weights(of: Sequence[Judgement], names: Sequence[str]) -> dict[str, float]:
    """Return logistic weights of the surprises, none below zero, the largest 1: of `surprise.WEIGHTS`."""
    from scipy import optimize

    rows = [~one.ignored for one in of]
    told = np.stack(
        [np.concatenate([-np.log(one.p_value[n])[keep] for one, keep in zip(of, rows, strict=True)]) for n in names], 1
    )
    labels = np.concatenate([one.labels[keep] for one, keep in zip(of, rows, strict=True)]).astype(np.float64)
    told = np.minimum(told, 12.0)

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        score = told @ at[1:] + at[0]
        chance = 1.0 / (1.0 + np.exp(-score))
        off = chance - labels
        value = float(np.sum(np.logaddexp(0.0, score) - labels * score)) + float(np.sum(at[1:] ** 2))
        return value, np.concatenate([[off.sum()], off @ told + 2.0 * at[1:]])

    bounds = [(None, None)] + [(0.0, None)] * len(names)
    best = optimize.minimize(loss, np.full(len(names) + 1, 0.1), jac=True, bounds=bounds, method="L-BFGS-B").x[1:]
    return {name: round(float(weight / best.max()), 2) for name, weight in zip(names, best, strict=True)}


def told_kinds(
    of: Sequence[Judgement], after_days: Sequence[int], params: kinds.Params | None = None, only: Sequence[str] = ()
) -> dict[int, Counter[tuple[str, str]]]:
    """Return how often which true change was told as which, so many days after it began or on its last day.

    ``only`` names the true kinds that are looked at; none is all.
    """
    result: dict[int, Counter[tuple[str, str]]] = {days: Counter() for days in after_days}
    for one in of:
        whole = one.subjects
        until = whole.values.shape[1] - LIVE_DAYS
        for days in after_days:
            for day in range(LIVE_DAYS):
                here = [c for c in one.changes if c.is_seen and min(c.first_day + days - 1, c.last_day) == day
                        and (not only or c.kind in only)]  # fmt: skip
                if here:
                    rows, end = [c.row for c in here], until + day + 1
                    part = Subjects(
                        whole.values[rows, :end], whole.residual[rows, :end], whole.gain[rows, :end], whole.season
                    )
                    named = kinds.tell(part, params)
                    for change, kind in zip(here, named.kind.tolist(), strict=True):
                        result[days][change.kind, kinds.KINDS[kind]] += 1
    return result


def monitoring(names: Sequence[str]) -> tuple[dict[str, tuple[float, float]], dict[str, float], int]:
    """Return mean VUS-PR and AUC-PR on the labelled hourly series, causal; CPU seconds by detector; how many series."""
    found = _labelled.monitoring(_labelled.folder(None))
    detectors, spent = inspect.discover(), dict.fromkeys(names, 0.0)
    scores: dict[str, list[tuple[float, float]]] = {}
    for series in found:
        values = series.grid.values[None, :]
        expected = online.detect(series.grid.values, series.grid.hints()).expected[None, :]
        given = subjects.of_values(values, expected, HOURS)
        judged = {}
        for name in names:
            began = time.process_time()
            judged[name] = detectors[name](given)
            spent[name] += time.process_time() - began
        p_value = _causal(judged, values.shape[1])
        told = {name: -np.log(one) for name, one in p_value.items()}
        told["sum of all"] = sum(told[name] for name in names)
        told["largest"] = np.max([told[name] for name in names], axis=0)
        told["shipped weights"] = surprise.combined(p_value, surprise.WEIGHTS)
        for name, one in told.items():
            row = one[0][series.grid.slot][series.judged]
            labels = series.labels[series.judged]
            scores.setdefault(name, []).append((ranking.vus_pr(labels, row, series.width), ranking.auc_pr(labels, row)))
    means = {name: (float(np.mean([a for a, _ in each])), float(np.mean([b for _, b in each])))
             for name, each in scores.items()}  # fmt: skip
    return means, spent, len(found)


def _causal(judged: Mapping[str, Judged], size: int) -> dict[str, FloatArray]:
    """Return p-values of each day by the strengths of the days before it."""
    parts: dict[str, list[FloatArray]] = {name: [np.ones((1, HOURS))] for name in judged}
    for start in range(HOURS, size, HOURS):
        usual = surprise.learn(judged, 0, start)
        for name, one in surprise.p_values(judged, usual, slice(start, min(start + HOURS, size))).items():
            parts[name].append(one)
    return {name: np.concatenate(each, axis=1)[:, :size] for name, each in parts.items()}


def run() -> list[dict[str, Any]]:
    """Judge, and tell what each detector and each combination is worth and costs."""
    names = list(inspect.discover())
    of, spent = [], dict.fromkeys(names, 0.0)
    for seed in SEEDS:
        each, cost = judgements(_faults.play(seed), names)
        of += each
        spent = {name: spent[name] + cost[name] for name in names}
    rows, series = [], len(of) * LISTINGS
    for name, figure in figures(of, names).items():
        auc, recall, by_kind = quality(of, figure)
        rows.append(row_of(f"worlds, {name}: AUC-PR", auc, "share", None, None, None))
        told = ", ".join(f"{kind} {share:.2f}" for kind, share in sorted(by_kind.items()))
        rows.append(row_of(f"worlds, {name}: found at {FALSE_PER_1000:g} false per 1,000 series-days ({told})", recall,
                           "share", None, None, None))  # fmt: skip
    rows += [row_of(f"CPU of {name}, 182 days", 1000.0 * spent[name] / series, "ms a series", None, None, None)
             for name in names]  # fmt: skip
    rows += _confused(told_kinds(of, TOLD_AFTER), "all changes")
    rows += _confused(told_kinds(of, TOLD_AFTER, close_up.FLAGGED, INCIDENTS), "incidents, as flagged series are told")
    means, _, count = monitoring(names)
    rows += [row_of(f"{count} hourly series, {name}: VUS-PR", vus, "share", None, None, None)
             for name, (vus, _) in means.items()]  # fmt: skip
    return rows


def _confused(told: Mapping[int, Counter[tuple[str, str]]], what: str) -> list[dict[str, Any]]:
    """Return how often the kind was told right, and what was told as what."""
    rows = []
    for days, counts in told.items():
        right = sum(n for (true, named), n in counts.items() if true == named)
        name = f"{what}: kind told right after {days} days, or on the last"
        rows.append(row_of(name, right / counts.total(), "share", None, None, None))
        rows += [row_of(f"  {days} days: {true} told as {named}", float(n), "changes", None, None, None)
                 for (true, named), n in sorted(counts.items())]  # fmt: skip
    return rows
