"""Draws docs/images/budget.png from what ``python -m bench --only budget`` kept: ``python docs/budget_plot.py``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

ROOT = Path(__file__).parents[1]
POINT = re.compile(r"(?P<watch>\w+): p ≤ (?P<level>[\d.e-]+) of quiet points")


def alerts(axis: Axes, rows: list[dict[str, Any]]) -> None:
    """Draw alerts asked for against alerts that came, with their intervals."""
    told = [row for row in rows if "low" in row]
    ends = [min(row["peer_value"] for row in told) * 0.6, max(row["peer_value"] for row in told) * 1.6]
    axis.plot(ends, ends, color="#bdc3c7", label="as asked")
    axis.fill_between(ends, [0.75 * one for one in ends], [1.25 * one for one in ends], color="#ecf0f1", label="± 25 %")
    for row in told:
        own = "learnt by the tenant" in row["name"]
        asked = row["peer_value"]
        spread = [[row["value"] - row["low"] * asked], [row["high"] * asked - row["value"]]]
        axis.errorbar(
            asked * (1.07 if own else 1.0), row["value"], yerr=spread, fmt="s" if own else "o",
            color="#8e44ad" if own else "#2c3e50", capsize=3, markersize=5,
            label="cuts learnt by the tenant" if own else ("shipped cuts" if row is told[0] else None),
        )  # fmt: skip
    axis.set(xscale="log", yscale="log", xlabel="false alerts asked for", ylabel="false alerts that came")
    axis.legend(frameon=False, fontsize=8)


def words(axis: Axes, rows: list[dict[str, Any]]) -> None:
    """Draw each watch's share of quiet points under a limit against the limit."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if found := POINT.fullmatch(row["name"]):
            lines.setdefault(found["watch"], []).append((float(found["level"]), row["value"]))
    axis.plot([5e-5, 0.2], [5e-5, 0.2], color="#bdc3c7", linewidth=3, label="kept word")
    for at, (watch, points) in enumerate(sorted(lines.items())):
        shown = [point for point in points if point[1] > 0]
        style = "-" if at < 7 else "--"
        axis.plot(*zip(*shown, strict=True), style, marker="o", markersize=3, linewidth=1, label=watch)
    axis.set(xscale="log", yscale="log", xlabel="p-value", ylabel="share of quiet points at or under it")
    axis.legend(frameon=False, fontsize=7)


def main() -> None:
    """Draw both."""
    rows = json.loads((ROOT / "bench" / "results" / "budget.json").read_text(encoding="utf-8"))
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8))
    alerts(left, rows)
    words(right, rows)
    figure.tight_layout()
    figure.savefig(ROOT / "docs" / "images" / "budget.png", dpi=110)


if __name__ == "__main__":
    main()
