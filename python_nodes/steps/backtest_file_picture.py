"""The picture of a labelled file: the series with its band, calls and labels; precision by recall; calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray
from python_nodes.scoring import backtest_file
from python_nodes.scoring.backtest_file import Backtest, Rows
from python_nodes.steps.backtest_picture import EVENT, FALSE, INK, QUIET, TRUE, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS = 4_000
DAY_S = 86_400.0


def figure(name: str, judged: Rows, reached: Backtest) -> Figure:
    """Draw what was judged."""
    # Imported where it is used: it takes as long to import as all of the rest.
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(11.0, 7.0), layout="constrained", facecolor="white")
    grid = drawn.add_gridspec(2, 2, height_ratios=[3.6, 3.0])
    _series(drawn.add_subplot(grid[0, :]), name, judged)
    _curve(drawn.add_subplot(grid[1, 0]), judged, reached)
    _calibration(drawn.add_subplot(grid[1, 1]), reached)
    return drawn


def _series(axes: Axes, name: str, judged: Rows) -> None:
    """Draw values and band, thinned where there are many, and every labelled stretch and every call."""
    days = (judged.time_s - judged.time_s[0]) / DAY_S
    step = -(-len(days) // MOST_ROWS)
    seen = np.arange(0, len(days), step)
    for begin, end in _stretches(judged.labels, days):
        axes.axvspan(begin, end, color=EVENT, alpha=0.45, linewidth=0)
    axes.fill_between(days[seen], judged.lower[seen], judged.upper[seen], color=TRUE, alpha=0.18, linewidth=0)
    axes.plot(days[seen], judged.values[seen], color=INK, linewidth=0.9)
    axes.scatter(days[judged.called], judged.values[judged.called], s=26, color=FALSE, zorder=3)
    plain(axes, f"{name}: labels yellow, band blue, calls red")
    axes.set_xlabel("days after the first that is judged" + (f"; every {step}th row" if step > 1 else ""), color=QUIET)


def _stretches(labels: BoolArray, days: FloatArray) -> list[tuple[float, float]]:
    edges = np.diff(np.concatenate([[0], labels.astype(np.int8), [0]]))
    last = len(days) - 1
    pairs = zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)
    return [(float(days[first]), float(days[min(int(end), last)])) for first, end in pairs]


def _curve(axes: Axes, judged: Rows, reached: Backtest) -> None:
    """Draw precision by recall over all cuts."""
    recall, precision = backtest_file.curve(judged)
    plain(axes, "Precision by recall of rows")
    if not len(recall):
        axes.text(0.5, 0.5, "no row is labelled", ha="center", color=QUIET)
        return
    axes.step(recall, precision, where="post", color=TRUE)
    axes.axhline(float(judged.labels.mean()), color=QUIET, linewidth=0.8, linestyle="--")
    axes.set_title(f"AUC-PR {reached.auc_pr:.3f}, VUS-PR {reached.vus_pr:.3f}", loc="right", fontsize=9, color=QUIET)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("recall; dashed: by chance", color=QUIET)


def _calibration(axes: Axes, reached: Backtest) -> None:
    """Draw the share of unlabelled rows called at each limit."""
    asked = np.array([one for one, _ in reached.calibration])
    told = np.array([share for _, share in reached.calibration])
    axes.plot(asked, asked, color=QUIET, linewidth=0.8, linestyle="--")
    axes.plot(asked, told, color=TRUE, marker="o")
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=float(asked.min()) / 3.0)
    axes.set_ylim(bottom=0.0)
    plain(axes, "Unlabelled rows called, by the limit asked")
    axes.set_xlabel("p asked; dashed: kept word", color=QUIET)
