"""Root cause on drawn worlds: how often the true cause is first, and among the first three; whether 80 % means 80 %.

The seeds here judge, nothing is chosen on them; weights were learnt, and patterns and features chosen, on seeds 6100 to
6119 (``bench/_root_cause_weights.py``). What is drawn stands in ``bench/_causes.py``. An incident counts with its first
alert, with what was known at noon of that day. *Traced*: the change log has the line that did it. *Signature*: a step
of the funnel moved by two standard errors, or a guard saw it. What no incident explains is ``unknown``.
The row *by figures and log alone* is the same without the finding's name and cause, which give most of it away.

NIGHTPORTER_CAUSE_SEEDS chooses seeds (``7100-7125``); drawn alerts are kept under the temporary folder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench import _causes
from bench._causes import Told
from bench._root_cause_weights import evidence, fits, nameless
from bench.scenarios import seeds_of
from bench.score import row_of
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring.rootcause import model, patterns

SEEDS = "7100-7125"
BINS, SURE_Z = 10, 2.0


def places(told: FloatArray, truth: IntArray) -> IntArray:
    """Return at which place, from 0, the true cause stands, (n,)."""
    own = told[np.arange(truth.size), truth]
    return np.asarray((told > own[:, None]).sum(axis=1), dtype=np.int64)


def calibration_error(sure: FloatArray, right: FloatArray) -> float:
    """Return the mean distance of what is said from what comes, over bins of what is said, weighted by their size."""
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    parts = [(place == at) for at in range(BINS)]
    return float(sum(abs(sure[part].mean() - right[part].mean()) * part.mean() for part in parts if part.any()))


def has_signature(told: Sequence[Told]) -> FloatArray:
    """Return whether a guard saw it or a step of the funnel moved clearly, (n,) of bool."""
    keys = np.array([f"{one.seed} {one.as_of_day}" for one in told])
    found = np.array([one.asked.is_seen for one in told])
    for key in np.unique(keys):
        rows = np.flatnonzero(keys == key)
        found[rows] |= (np.abs(evidence([told[row] for row in rows]).own.z) >= SURE_Z).any(axis=1)
    return np.asarray(found)


def run() -> list[dict[str, Any]]:
    """Judge the seeds."""
    worlds = [_causes.kept(seed) for seed in seeds_of(os.environ.get("NIGHTPORTER_CAUSE_SEEDS", SEEDS))]
    told = [one for world in worlds for one in world.told]
    known, weights = patterns.load(), model.read()
    causes = list(known)
    truth = np.array([causes.index(one.truth) for one in told])
    fit = fits(told, known)
    said = weights.probabilities(fit, causes)
    real = np.array([one.kind != "none" for one in told])
    traced = np.array([one.has_trace for one in told])
    place, clear = places(said, truth), (traced | has_signature(told)) & real
    blind = nameless(fit)
    rows = [
        row_of("incidents", float(real.sum()), "incidents", None, None, 2000.0),
        row_of("of them not told by any alert", float(sum(one.incidents for one in worlds) - real.sum()), "incidents",
               None, None, None),
        row_of("share without a line in the change log", 1.0 - sum(one.traced for one in worlds)
               / sum(one.incidents for one in worlds), "share", None, None, None),
        row_of("harmless lines for each causal one", sum(one.harmless for one in worlds)
               / sum(one.causal for one in worlds), "lines", None, None, None),
        row_of(f"first place, a trace or signature ({clear.sum()})", float((place[clear] == 0).mean()), "share", None,
               None, 0.8),
        row_of("first three, a trace or signature", float((place[clear] < 3).mean()), "share", None, None, 0.95),
        row_of("first place, all incidents", float((place[real] == 0).mean()), "share", None, None, None),
        row_of("first place, incidents without a trace", float((place[real & ~traced] == 0).mean()), "share", None,
               None, None),
        row_of("expected calibration error of the first place", calibration_error(said.max(axis=1), place == 0),
               "share", None, None, 0.05, at_most=True),
        row_of("expected calibration error of all causes", calibration_error(said.ravel(), (
            truth[:, None] == np.arange(len(causes))).ravel()), "share", None, None, None),
        *_without_names(blind, weights, causes, truth, real, traced),
    ]  # fmt: skip
    return rows + _by_kind(told, place, said, real)


def _without_names(
    blind: FloatArray, weights: model.Model, causes: Sequence[str], truth: IntArray, real: FloatArray,
    traced: FloatArray,
) -> list[dict[str, Any]]:  # fmt: skip
    place = places(weights.probabilities(blind, causes), truth)
    return [
        row_of(f"by figures and log alone, {name}: first place", float((place[part] == 0).mean()), "share", None, None,
               None)
        for name, part in (("traced", real & traced), ("untraced", real & ~traced))
    ] + [row_of("by figures and log alone, traced: first three", float((place[real & traced] < 3).mean()), "share",
                None, None, None)]  # fmt: skip


def _by_kind(told: Sequence[Told], place: IntArray, said: FloatArray, real: FloatArray) -> list[dict[str, Any]]:
    kinds = np.array([one.kind for one in told])
    rows = []
    for name in sorted(set(kinds.tolist())):
        part = kinds == name
        truth = _causes.UNKNOWN if name == "none" else _causes.CAUSES.get(name, name)
        words = f"{'no incident' if name == 'none' else name} (truth: {truth})"
        first, three = float((place[part] == 0).mean()), float((place[part] < 3).mean())
        ece = calibration_error(said.max(axis=1)[part], place[part] == 0)
        words += f", {part.sum()}: first place (first three {three:.2f}, calibration error {ece:.2f})"
        rows.append(row_of(words, first, "share", None, None, None))
    return rows


if __name__ == "__main__":
    for one in run():
        print(f"{one['name']}: {one['value']:.3f} {one['holds']}")
