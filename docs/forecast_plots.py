"""Draws the picture of docs/detection/forecast.md: ``PYTHONPATH=. .venv/bin/python docs/forecast_plots.py``."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from bench import forecast as bench
from detectors.forecast import chooser
from python_nodes.scoring import pickup

IMAGES = Path(__file__).parent / "images"
SHOWN_DAYS = 70
SEEN, CAME, SAID = "#175cd3", "#1d2939", "#7a5af8"


def ahead(axes: Axes, one: bench.Series, title: str) -> None:
    """Draw what was known, what was said, and what came."""
    chosen = chooser.choose(one.history, one.days[: -bench.HORIZON], bench.HORIZON, one.holidays)
    told, size = chosen.predicted, len(one.history)
    past, coming = slice(size - SHOWN_DAYS, size), slice(size, None)
    for row, shade in ((1, 0.12), (0, 0.22)):
        band = f"{told.levels[row]:.0%} band"
        axes.fill_between(one.days[coming], told.lower[row], told.upper[row], color=SAID, alpha=shade, lw=0, label=band)
    axes.plot(one.days[coming], told.mean, color=SAID, linestyle="--", label=f"said by {told.model}")
    axes.plot(one.days[past], one.values[past], color=SEEN, linewidth=1.1, label="known")
    axes.plot(one.days[coming], one.truth, color=CAME, linewidth=1.1, marker=".", label="what came")
    axes.set_title(title, loc="left", fontsize=10)
    axes.legend(loc="upper left", ncols=5, fontsize=8, frameon=False)
    axes.set_ylim(0, 1.35 * max(float(one.values[past].max()), float(told.upper.max())))


def finals(axes: Axes) -> None:
    """Draw each listing's expected nights of the next 30 against what they came to, and last year's against them."""
    world = bench.quiet_world(bench.PACE_SEEDS[0], 800, 100, 0, listings=200)
    found, final, last_year = bench.pace_of(world)
    truth = np.maximum(final[:, 1], 0.5)
    axes.loglog(truth, np.maximum(last_year[:, 1], 0.5), ".", color="#98a2b3", label="what last year came to")
    axes.loglog(truth, np.maximum(found.nights_expected[:, 1], 0.5), ".", color=SAID, label=f"said by {found.method}")
    ends = [0.5, truth.max()]
    axes.plot(ends, ends, color=CAME, linewidth=0.8)
    axes.set_title(f"nights of the next {pickup.WINDOWS[1]}, each listing: said and come", loc="left", fontsize=10)
    axes.set_xlabel("nights in the end")
    axes.legend(loc="upper left", fontsize=8, frameon=False)


def main() -> None:
    """Draw all."""
    simulated = list(bench.simulated(bench.SEEDS[:1]))
    figure, axes = plt.subplots(3, 1, figsize=(11, 11))
    ahead(axes[0], simulated[0], "bookings a day, the busiest listing of a simulated quiet world")
    ahead(axes[1], bench.hotels()[0], "bookings a day, City Hotel, largest market segment")
    finals(axes[2])
    figure.tight_layout()
    figure.savefig(IMAGES / "forecast.png", dpi=90)


if __name__ == "__main__":
    main()
