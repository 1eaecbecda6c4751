"""Detectors of single series against plain medians on labelled data: how well they rank, how soon they tell.

Monitoring series (hourly, Microsoft; half of them are shipped in tests/data) are judged after their first seven days by
VUS-PR as TSB-AD computes it. The Numenta benchmark is measured where NIGHTPORTER_DATA (or ``--data`` of
``python -m bench.detect``) has it, by its published formula, at the shipped cut, an alert a day at most. A third judge
are families drawn in `_drawn`: settings were chosen on seeds 7000 to 7002, and are judged on others. A fourth are
hourly families like the monitoring series (`_like`), judged by how much of the best plain median's distance
to 1 is closed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import _drawn, _labelled, _like
from bench._labelled import BoolArray, FloatArray, Labelled
from bench.score import row_of
from detectors.evaluation import calibration, events, nab, ranking
from detectors.single import offline, online
from detectors.single.contract import Scores
from detectors.single.past import Params

KEEPS = (0.0, 0.1, 0.25, 0.5)
QUIET_SEEDS, QUIET_LIMITS = range(8), (0.1, 0.01, 0.005, 0.001)
DRAWN_SEEDS = range(8000, 8003)
LIKE_SEEDS = range(32000, 32003)
CAUSAL = {
    "expanding median": _labelled.expanding_median, "same-hour median": _labelled.same_place_median(24),
    "same hour of the week": _labelled.same_place_median(168),
}  # fmt: skip
OFFLINE = {"global median": _labelled.global_median, "same-hour median of all": _labelled.same_place_of_all(24)}
Detect = Callable[[FloatArray, tuple[int, ...]], Scores]


def _rows(one: Labelled, on_grid: FloatArray) -> FloatArray:
    """Return what is known of the judged rows."""
    return on_grid[one.grid.slot][one.judged]


def _volumes(series: Sequence[Labelled], scores: Sequence[FloatArray]) -> FloatArray:
    return np.array(
        [
            ranking.vus_pr(one.labels[one.judged], _rows(one, score), one.width)
            for one, score in zip(series, scores, strict=True)
        ]
    )


def _areas(series: Sequence[Labelled], scores: Sequence[FloatArray]) -> float:
    pairs = zip(series, scores, strict=True)
    return float(np.mean([ranking.auc_pr(one.labels[one.judged], _rows(one, score)) for one, score in pairs]))


def by_share(labels: BoolArray, scores: FloatArray) -> float:
    """Return the cut at which as many points are called as are labelled."""
    return float(np.sort(scores)[::-1][max(int(labels.sum()) - 1, 0)])


def by_false(labels: BoolArray, scores: FloatArray) -> float:
    """Return the cut at which one in a hundred points without a label is called."""
    unlabelled = np.sort(scores[~labels])[::-1]
    return float(np.nextafter(unlabelled[len(unlabelled) // 100], np.inf))


def _told(series: Sequence[Labelled], scores: Sequence[FloatArray], cut: Any) -> events.EventTally:
    """Return which events are told, each series at its own cut."""
    total = events.NOTHING
    for one, score in zip(series, scores, strict=True):
        labels, rows = one.labels[one.judged], _rows(one, score)
        total += events.tally(labels, rows >= cut(labels, rows))
    return total


def _left_out(series: Sequence[Labelled], by_keep: dict[float, list[FloatArray]], most_delay: float) -> float:
    """Return the mean VUS-PR if each family is scored with the memory that is best on the other families."""
    volumes = {keep: _volumes(series, scores) for keep, scores in by_keep.items()}
    families = np.array([one.family for one in series])
    found = np.zeros(len(series))
    for family in np.unique(families):
        others = [at for at in range(len(series)) if families[at] != family]
        late = {
            keep: _told([series[at] for at in others], [scores[at] for at in others], by_share).median_delay
            for keep, scores in by_keep.items()
        }
        allowed = [keep for keep in by_keep if late[keep] <= most_delay] or [0.0]
        best = max(allowed, key=lambda keep: volumes[keep][others].mean())
        found[families == family] = volumes[best][families == family]
    return float(found.mean())


def _monitoring(series: Sequence[Labelled]) -> list[dict[str, Any]]:
    peers = {name: [rule(one.filled()) for one in series] for name, rule in (CAUSAL | OFFLINE).items()}
    by_keep = {
        keep: [online.detect(one.grid.values, one.grid.hints(), params=Params(keep=keep)).score for one in series]
        for keep in KEEPS
    }
    ours = [online.detect(one.grid.values, one.grid.hints()) for one in series]
    causal = [one.score for one in ours]
    whole = [offline.detect(one.grid.values, one.grid.hints()).score for one in series]
    volume = {name: float(_volumes(series, scores).mean()) for name, scores in peers.items()}
    reference = peers["same-hour median"]
    rows = [
        row_of(f"causal VUS-PR, {len(series)} series", float(_volumes(series, causal).mean()), "VUS-PR", name,
               volume[name], 0.76)
        for name in ("expanding median", "same-hour median", "same hour of the week")
    ]  # fmt: skip
    rows += [
        row_of("causal, no memory at all", float(_volumes(series, by_keep[0.0]).mean()), "VUS-PR", "expanding median",
               volume["expanding median"], None),
        row_of("causal, memory chosen on the other families",
               _left_out(series, by_keep, _told(series, reference, by_share).median_delay), "VUS-PR",
               "expanding median", volume["expanding median"], 0.76),
        row_of("offline VUS-PR", float(_volumes(series, whole).mean()), "VUS-PR", "global median",
               volume["global median"], 0.82),
        row_of("causal AUC-PR", _areas(series, causal), "AUC-PR", "expanding median",
               _areas(series, peers["expanding median"]), None),
        row_of("offline AUC-PR", _areas(series, whole), "AUC-PR", "global median",
               _areas(series, peers["global median"]), None),
    ]  # fmt: skip
    rows += _by_family(series, causal, peers["expanding median"])
    return rows + _at_cuts(series, causal, reference) + _called(series, ours)


def _by_family(
    series: Sequence[Labelled], ours: Sequence[FloatArray], reference: Sequence[FloatArray]
) -> list[dict[str, Any]]:
    rows = []
    for family in sorted({one.family for one in series}):
        chosen = [at for at, one in enumerate(series) if one.family == family]
        mine, theirs = (_volumes(series, each)[chosen].mean() for each in (ours, reference))
        rows.append(row_of(f"causal, {family}", float(mine), "VUS-PR", "expanding median", float(theirs), None))
    return rows


def _at_cuts(
    series: Sequence[Labelled], ours: Sequence[FloatArray], reference: Sequence[FloatArray]
) -> list[dict[str, Any]]:
    """How soon and how much is told where as many rows are called as the reference calls."""
    rows = []
    for name, cut in (("as many called as labelled", by_share), ("1 % of unlabelled called", by_false)):
        mine, theirs = _told(series, ours, cut), _told(series, reference, cut)
        rows.append(
            row_of(f"median delay, {name}", mine.median_delay, "hours", "same-hour median", theirs.median_delay,
                   theirs.median_delay, at_most=True)
        )  # fmt: skip
        rows.append(row_of(f"events told, {name}", mine.recall, "share", "same-hour median", theirs.recall, None))
    return rows


def _called(series: Sequence[Labelled], scores: Sequence[Scores]) -> list[dict[str, Any]]:
    """Say what the shipped cut calls, and what its p-values are worth on points without a label."""
    total, p_values, quiet = events.NOTHING, [], []
    for one, score in zip(series, scores, strict=True):
        labels = one.labels[one.judged]
        total += events.tally(labels, score.is_anomaly[one.grid.slot][one.judged])
        p_values.append(score.p_value[one.grid.slot][one.judged])
        quiet.append(~labels)
    rows = [
        row_of("shipped cut: events told", total.recall, "share", None, None, None),
        row_of("shipped cut: alerts that touch an event", total.precision, "share", None, None, None),
        row_of("shipped cut: false alerts per 1,000 series-days", total.false_per_thousand_days(24.0), "alerts", None,
               None, None),
    ]  # fmt: skip
    told, calm = np.concatenate(p_values), np.concatenate(quiet)
    return rows + [
        row_of(f"unlabelled points under p = {row.asked:g}", row.reached, "share", "asked", row.asked, None)
        for row in calibration.table(told, calm)
    ]


def _quiet() -> list[dict[str, Any]]:
    """Say what p-values are worth where nothing happens: in the second week, later, and by kind of noise."""
    told: dict[str, list[FloatArray]] = {}
    for seed in QUIET_SEEDS:
        for kind, values in _drawn.quiet(seed).items():
            p_values = online.detect(values, (24, 168)).p_value
            told.setdefault("of all kinds, second week", []).append(p_values[24 * 7 : 24 * 14])
            told.setdefault("of all kinds, later", []).append(p_values[24 * 14 :])
            told.setdefault(kind, []).append(p_values[24 * 14 :])
    rows = []
    for name, parts in told.items():
        together = np.concatenate(parts)
        rows += [
            row_of(f"quiet points {name}, p <= {row.asked:g}", row.reached, "share", "asked", row.asked, None)
            for row in calibration.table(together, np.ones(len(together), dtype=np.bool_), QUIET_LIMITS)
        ]
    return rows


def _alerts(files: Sequence[_labelled.Windowed]) -> list[BoolArray]:
    """Return the rows on which an alert is raised at the shipped cut, once a day at most."""
    raised = []
    for one in files:
        hints = one.grid.hints()
        called = online.detect(one.grid.values, hints).is_anomaly
        raised.append(events.onsets(called, gap=min(hints, default=24))[one.grid.slot])
    return raised


def _benchmark(name: str, files: Sequence[_labelled.Windowed], goal: float | None) -> list[dict[str, Any]]:
    """Score files by NAB's formula in its three profiles."""
    raised = _alerts(files)
    profiles = {"standard": nab.STANDARD, "few false": nab.FEW_FALSE, "few missed": nab.FEW_MISSED}
    rows = []
    for profile_name, profile in profiles.items():
        outcomes = [nab.score(alarms, one.windows, profile) for one, alarms in zip(files, raised, strict=True)]
        wanted = goal if profile is nab.STANDARD else None
        reached = nab.normalised(outcomes, profile)
        rows.append(row_of(f"{name}, {profile_name}, {len(files)} files", reached, "of 100", None, None, wanted))
        if profile is nab.STANDARD:
            told, windows = sum(one.told for one in outcomes), sum(one.windows for one in outcomes)
            rows.append(row_of(f"{name}: windows told of {windows}", told, "windows", None, None, None))
            rows.append(row_of(f"{name}: false alerts", sum(one.false for one in outcomes), "alerts", None, None, None))
    return rows


def _drawn_families() -> list[dict[str, Any]]:
    """Judge what was drawn: ranked beside the median of the same place in the day, and by NAB's formula."""
    series = _drawn.series(DRAWN_SEEDS)
    ours = _volumes(series, [online.detect(one.grid.values, one.grid.hints()).score for one in series])
    plain = _volumes(series, [_labelled.same_place_median(min(one.grid.hints()))(one.filled()) for one in series])
    families = np.array([one.family for one in series])
    told = [(f"drawn, {family}", families == family) for family in dict.fromkeys(families)]
    told.insert(0, (f"causal VUS-PR, {len(series)} series drawn", np.ones(len(series), dtype=np.bool_)))
    rows = [
        row_of(name, float(ours[chosen].mean()), "VUS-PR", "same-time median", float(plain[chosen].mean()), None)
        for name, chosen in told
    ]
    return rows + _benchmark("drawn, by NAB's formula", _drawn.windowed(series), None)


def _like_monitoring() -> list[dict[str, Any]]:
    """Say how much of the best plain median's distance to 1 is closed on series like those of monitoring."""
    series = _drawn.series(LIKE_SEEDS, _like.FAMILIES)
    families = np.array([one.family for one in series])
    rows = []
    for name, module, plain, goal in (("causal", online, CAUSAL, 0.25), ("offline", offline, OFFLINE, 0.40)):
        ours = _volumes(series, [module.detect(one.grid.values, one.grid.hints()).score for one in series])
        theirs = {peer: _volumes(series, [rule(one.filled()) for one in series]) for peer, rule in plain.items()}
        best = max(theirs, key=lambda peer: theirs[peer].mean())
        mine, other = float(ours.mean()), float(theirs[best].mean())
        rows.append(row_of(f"{name}, {len(series)} like series drawn", mine, "VUS-PR", best, other, None))
        rows.append(row_of("of its distance to 1 closed", (mine - other) / (1.0 - other), "share", None, None, goal))
        rows += [
            row_of(f"{name}, like: {family}", float(ours[families == family].mean()), "VUS-PR", best,
                   float(theirs[best][families == family].mean()), None)
            for family in dict.fromkeys(families)
        ]  # fmt: skip
    return rows


def run(data: str | None = None) -> list[dict[str, Any]]:
    """Measure on what is there."""
    root = _labelled.folder(data)
    series = _labelled.monitoring(root)
    files = _labelled.numenta(root)
    rows = _monitoring(series) + _quiet() + _drawn_families() + _like_monitoring()
    return rows + (_benchmark("NAB score", files, 58.0) if files else [])


def main(arguments: list[str]) -> int:
    """Print the table for data elsewhere; keeps no figures."""
    parser = argparse.ArgumentParser(prog="bench.detect", description=__doc__)
    parser.add_argument("--data", help="folder with monitoring/ and nab/")
    table = Table("name", "value", "peer", "peer's value", "goal", "holds")
    rows = run(parser.parse_args(arguments).data)
    for row in rows:
        shown = [row["name"], row["value"], row["peer"], row["peer_value"], row["goal"], row["holds"]]
        table.add_row(
            *("–" if cell is None else f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in shown)
        )
    Console(width=150).print(table)
    return 1 if any(row["holds"] is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
