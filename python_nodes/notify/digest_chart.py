"""The picture in a digest: open alerts by what they lose a day, and what was lost on each of the last days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from python_nodes.domain import written
from python_nodes.domain.said import retold, say
from python_nodes.notify.chart import GRID, INK, QUIET, png

BARS, WIDEST = 6, 46
COLOURS = {"critical": "#b42318", "high": "#c4570a", "medium": "#a37200", "low": "#667085"}
LOST, RAISED, ENDED = "#175cd3", "#d92d20", "#107a48"
_SIZE_INCHES, _DPI = (8.0, 4.6), 150


def digest_png(told: Mapping[str, Any]) -> bytes:
    """Draw a digest's facts."""
    figure = Figure(
        figsize=_SIZE_INCHES, dpi=_DPI, layout=ConstrainedLayoutEngine(w_pad=0.14, h_pad=0.12), facecolor="white"
    )
    above, below = figure.subplots(2, 1, height_ratios=(3, 2))
    currency = str(told["currency"])
    _worst(above, told["worst"][:BARS], currency)
    _days(below, told["days"], currency)
    return png(figure)


def _plain(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, pad=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(colors=QUIET, labelsize=9, length=0, pad=6)
    axes.set_axisbelow(True)


def _worst(axes: Axes, rows: Sequence[Mapping[str, Any]], currency: str) -> None:
    """Draw a bar an alert, the dearest on top, its loss a day beside it."""
    _plain(axes, say("Open, by loss a day"))
    ordered = sorted(rows, key=lambda one: one["loss_per_day_minor"])
    losses = [float(one["loss_per_day_minor"]) for one in ordered]
    place = np.arange(len(ordered))
    axes.barh(place, losses, height=0.62, color=[COLOURS[one["category"]] for one in ordered])
    for at, one in enumerate(ordered):
        axes.text(
            losses[at],
            at,
            f"  {written.money(one['loss_per_day_minor'], currency)}",
            va="center",
            fontsize=9,
            color=INK,
        )
    axes.set_yticks(place, [_short(retold(one, "title", str(one["title"]))) for one in ordered])
    axes.set_xticks([])
    # Room on the right for the widest sum.
    axes.set_xlim(0, max([*losses, 1.0]) * 1.2)
    axes.spines["bottom"].set_visible(False)
    if not ordered:
        axes.text(0.0, 0.0, say("Nothing is open."), fontsize=10, color=QUIET)


def _days(axes: Axes, days: Sequence[Mapping[str, Any]], currency: str) -> None:
    """Draw a bar a day, and above it how many alerts began and ended."""
    _plain(axes, say("Lost by day; alerts raised and ended"))
    place = np.arange(len(days))
    lost = [float(one["lost_minor"]) for one in days]
    axes.bar(place, lost, width=0.62, color=LOST, alpha=0.85)
    top = max([*lost, 1.0])
    for at, one in enumerate(days):
        for count, sign, place_of, colour in (
            (one["raised"], "+", "right", RAISED), (one["ended"], "\N{MINUS SIGN}", "left", ENDED),
        ):  # fmt: skip
            if count:
                beside = at - 0.04 if place_of == "right" else at + 0.04
                axes.text(beside, lost[at] + 0.05 * top, f"{sign}{count}", ha=place_of, fontsize=8.5, color=colour)
    axes.set_ylim(0, top * 1.25)
    axes.set_xticks(place, [written.short_day(date.fromisoformat(one["day"])) for one in days])
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written.money(round(value), currency)))
    axes.grid(axis="y", color=GRID, linewidth=0.8)


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
