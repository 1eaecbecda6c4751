"""Draws the pictures of docs/detection/single.md from shipped series: ``.venv/bin/python docs/detection_plots.py``."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

from bench import _drawn, _labelled
from detectors.evaluation import calibration
from detectors.single import offline, online

IMAGES = Path(__file__).parent / "images"
SHOWN = ("app1-05", "outbound-07")
LABELLED, CALLED, BAND = "#c0392b", "#8e44ad", "#9fc5e8"


def series(found: list[_labelled.Labelled]) -> None:
    """Draw values, band and calls above, causal and offline scores below."""
    chosen = [one for one in found if one.name in SHOWN]
    figure, axes = plt.subplots(2 * len(chosen), 1, figsize=(11, 4.2 * len(chosen)), sharex="col")
    for top, bottom, one in zip(axes[::2], axes[1::2], chosen, strict=True):
        causal = online.detect(one.grid.values, one.grid.hints())
        whole = offline.detect(one.grid.values, one.grid.hints())
        days = np.arange(len(one.grid.values)) / 24.0
        labels = np.zeros(len(days), dtype=bool)
        labels[one.grid.slot[one.labels]] = True
        top.fill_between(days, causal.lower, causal.upper, color=BAND, alpha=0.6, label="99 % band")
        top.plot(days, one.grid.values, color="#34495e", linewidth=0.9, label="value")
        top.scatter(days[labels], one.grid.values[labels], s=9, color=LABELLED, label="labelled", zorder=3)
        called = causal.is_anomaly
        top.scatter(days[called], one.grid.values[called], s=40, facecolors="none", edgecolors=CALLED, label="called")
        top.set_title(one.name, loc="left", fontsize=10)
        top.legend(loc="upper left", ncols=4, fontsize=8, frameon=False)
        bottom.plot(days, causal.score / causal.score.max(), color=CALLED, linewidth=0.9, label="causal score")
        bottom.plot(days, whole.score / whole.score.max(), color="#7f8c8d", linewidth=0.7, label="offline score")
        bottom.legend(loc="upper left", ncols=2, fontsize=8, frameon=False)
        bottom.set_xlabel("days")
    _save(figure, "detect-series.png")


def kept_word(found: list[_labelled.Labelled]) -> None:
    """Draw the share called against the limit asked for, on unlabelled rows and where nothing happens."""
    limits = tuple(np.logspace(-3, 0, 25).tolist())
    told, quiet = [], []
    for one in found:
        told.append(online.detect(one.grid.values, one.grid.hints()).p_value[one.grid.slot][one.judged])
        quiet.append(~one.labels[one.judged])
    calm = [online.detect(values, (24, 168)).p_value[336:] for values in _drawn.quiet(100).values()]
    figure, axis = plt.subplots(figsize=(5.5, 4.5))
    axis.plot(limits, limits, color="#bdc3c7", label="kept word")
    pairs = {
        "unlabelled rows, monitoring": (np.concatenate(told), np.concatenate(quiet)),
        "drawn, quiet, after two weeks": (np.concatenate(calm), np.ones(sum(map(len, calm)), dtype=bool)),
    }
    for name, (p_values, rows) in pairs.items():
        table = calibration.table(p_values, rows, limits)
        axis.plot([row.asked for row in table], [row.reached for row in table], marker=".", label=name)
    axis.set(xscale="log", yscale="log", xlabel="p-value at most", ylabel="share of points")
    axis.legend(frameon=False, fontsize=8)
    _save(figure, "detect-calibration.png")


def _save(figure: plt.Figure, name: str) -> None:
    figure.tight_layout()
    figure.savefig(IMAGES / name, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    shipped = _labelled.monitoring(_labelled.SHIPPED)
    series(shipped)
    kept_word(shipped)
