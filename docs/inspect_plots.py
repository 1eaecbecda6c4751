"""Draws docs/images/inspect-kinds.png, a series of each kind of change: ``.venv/bin/python docs/inspect_plots.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

from bench import _faults
from bench.main_job import LIVE_DAYS
from detectors.inspect.kinds import KINDS
from detectors.series import Forecast, SeriesBatch
from python_nodes.scoring import inspect
from python_nodes.scoring.look import Looked

IMAGE = Path(__file__).parent / "images" / "inspect-kinds.png"
SEED, SHOWN_DAYS = 2203, 75
ON = {"level_shift": "rank_drop", "slow_decline": "rank_drop", "variance": "ctr_drop", "flat_line": "ctr_drop"}


def until(found: Looked, days: int) -> Looked:
    """Return a watch's state as it was before the last ``days`` days."""
    end = found.batch.days.size - days
    batch, told = found.batch, found.forecast
    exposure = None if batch.exposure is None else batch.exposure[:, :end]
    cut = Forecast(*(getattr(told, part.name)[:, :end] for part in fields(Forecast)))
    return replace(found, batch=SeriesBatch(batch.values[:, :end], batch.days[:end], exposure), forecast=cut)


def example(played: _faults.Played, kind: str) -> tuple[Looked, _faults.Change, inspect.CloseUp]:
    """Return the first change of a kind that is told as such on its last day."""
    for change in played.changes:
        if change.kind == kind and change.is_seen and change.watch == ON.get(kind, "demand_drop"):
            looked: Mapping[str, Looked] = {
                name: until(one, LIVE_DAYS - 1 - change.last_day) for name, one in played.looked.items()
            }
            told = inspect.look_closely(looked, played.listings, {change.watch: np.array([change.row])})
            close_up = told.get((change.watch, change.row))
            if close_up is not None and close_up.kind == kind:
                return looked[change.watch], change, close_up
    raise LookupError(f"no {kind} on seed {SEED} is told as such")


def main() -> None:
    """Draw values and expectation, shade the true change, and title each picture by what was told."""
    played = _faults.play(SEED)
    figure, axes = plt.subplots(len(KINDS), 1, figsize=(9, 2.3 * len(KINDS)))
    for axis, kind in zip(axes, KINDS, strict=True):
        found, change, close_up = example(played, kind)
        part = slice(-SHOWN_DAYS, None)
        days = found.batch.days[part]
        begun = days[-(change.last_day - change.first_day + 1)]
        axis.axvspan(begun, days[-1], color="#f5cba7", alpha=0.6, label="true change")
        axis.axvline(np.datetime64(close_up.since_date), color="#c0392b", linewidth=1, label="told since")
        axis.plot(days, found.batch.values[change.row, part], color="#34495e", linewidth=1, label="told by the channel")
        expected = found.forecast.expected[change.row, part]
        known = np.where(expected > 0, expected, np.nan)
        axis.plot(days, known, color="#7f8c8d", linewidth=0.8, label="expected")
        axis.set_title(f"{found.watch.metric.replace('_', ' ')}: {inspect.sentence(close_up)}", loc="left", fontsize=9)
        axis.tick_params(labelsize=7)
    axes[0].legend(loc="upper left", fontsize=7, frameon=False, ncols=2)
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=90)


if __name__ == "__main__":
    main()
