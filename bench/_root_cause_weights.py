"""Learn the weights of root cause and write them: ``python -m bench._root_cause_weights [SEED ...]`` (6100 to 6119).

Patterns, penalties and features were chosen by folds of these seeds; ``bench/rootcause.py`` judges on others.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import numpy as np

from bench import _causes
from bench._causes import Told
from python_nodes.domain.metrics import FloatArray
from python_nodes.scoring.rootcause import case, match, model, patterns
from python_nodes.scoring.rootcause.case import Panel
from python_nodes.scoring.rootcause.evidence import Evidence, weigh
from python_nodes.scoring.rootcause.patterns import Pattern

SEEDS = range(6100, 6120)
RIDGE = (0.3, 1.0, 0.3)
NAMES = ("named", "kind", "kind_also", "found_too")


def evidence(told: Sequence[Told]) -> Evidence:
    """Weigh drawn alerts as the product does; each has days of its own, so they are taken as if told together."""
    parts = [
        {name: np.stack([one.series[part][name] for one in told]) for name in case.METRICS}
        for part in ("own", "siblings", "market")
    ]
    last = np.datetime64(told[0].as_of_day, "D") - 1
    days = last - np.arange(case.SPAN_DAYS - 1, -1, -1)
    return weigh([one.asked for one in told], Panel(days=days, own=parts[0], siblings=parts[1], market=parts[2]),
                 [one.changes for one in told])  # fmt: skip


def fits(told: Sequence[Told], known: Mapping[str, Pattern]) -> FloatArray:
    """Return features, alerts of one day at a time."""
    found = np.zeros((len(told), len(known), len(match.FEATURES)))
    keys = np.array([f"{one.seed} {one.as_of_day}" for one in told])
    for key in np.unique(keys):
        rows = np.flatnonzero(keys == key)
        found[rows] = match.features(evidence([told[row] for row in rows]), known)
    return found


def learn(seeds: Sequence[int]) -> model.Model:
    """Learn on worlds; causes that none of them has keep the shared weights."""
    told = [one for seed in seeds for one in _causes.kept(seed).told]
    truths = {one.truth for one in told}
    known = {cause: one for cause, one in patterns.load().items() if cause in truths}
    place = {cause: at for at, cause in enumerate(known)}
    truth = np.array([place[one.truth] for one in told])
    group, fit = np.array([one.seed for one in told]), fits(told, known)
    # Each alert once more without its name: figures and log must be able to stand alone, as under a kind not known yet.
    doubled = np.concatenate([fit, nameless(fit)])
    return model.learn(doubled, list(known), np.tile(truth, 2), np.tile(group, 2), RIDGE)


def nameless(fit: FloatArray) -> FloatArray:
    """Return features without what the finders' names tell."""
    hidden = fit.copy()
    hidden[:, :, [match.FEATURES.index(name) for name in NAMES]] = 0.0
    return hidden


def main(seeds: list[int]) -> None:
    """Learn and write."""
    model.DEFAULT_PATH.write_text(model.to_json(learn(seeds)), encoding="utf-8")


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or list(SEEDS))
