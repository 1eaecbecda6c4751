"""The picture of a backtest on stored days; no state of matplotlib's is touched."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, GRID = "#1d2939", "#667085", "#eaecf0"
EVENT, TRUE, FALSE, OTHER = "#fdb022", "#175cd3", "#d92d20", "#7f56d9"
COLOURS = {"true": TRUE, "false": FALSE, "unjudged": "#98a2b3"}
MOST_PLACES = 45
DPI = 130


def saved(drawn: Figure, form: str) -> bytes:
    """Return a picture as ``png`` or ``svg``; the same picture has the same bytes."""
    out = io.BytesIO()
    drawn.savefig(out, format=form, dpi=DPI, metadata={"Date": None} if form == "svg" else None)
    return out.getvalue()


def figure(told: Mapping[str, Any]) -> Figure:
    """Draw stored days: when what was told, by kind, by week, and what other settings would change."""
    # Imported where it is used: it takes as long to import as all of the rest.
    from matplotlib.figure import Figure

    places = _places(told)
    tall = max(3.0, 0.19 * len(places) + 1.4)
    rows = 3 if told["other"] else 2
    drawn = Figure(figsize=(11.0, tall + 3.0 * (rows - 1)), layout="constrained", facecolor="white")
    grid = drawn.add_gridspec(rows, 2, height_ratios=[tall, *[3.0] * (rows - 1)])
    _timeline(drawn.add_subplot(grid[0, :]), told, places)
    _by_kind(drawn.add_subplot(grid[1, 0]), told)
    _by_week(drawn.add_subplot(grid[1, 1]), told)
    if told["other"]:
        _changes(drawn.add_subplot(grid[2, :]), told)
    return drawn


def plain(axes: Axes, title: str) -> None:
    """Give a plot its title and the look of all others."""
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=QUIET, labelsize=8.5, length=0)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def _places(told: Mapping[str, Any]) -> dict[str, str]:
    """Return the rows to show, by key, with their words: events, then alerts that tell none, in order of time."""
    events = sorted(told["now"]["events"], key=lambda one: one["start"])
    rows = {f"event {one['name']}": one["title"] for one in events}
    alone = sorted((one for one in told["now"]["alerts"] if not one["tells"]), key=lambda one: one["raised"])
    rows |= {f"alert {one['title']}": one["title"] for one in alone}
    return dict(list(rows.items())[:MOST_PLACES])


def _timeline(axes: Axes, told: Mapping[str, Any], places: Mapping[str, str]) -> None:
    """Draw each row's event and alerts as bars over days."""
    first, last = date.fromisoformat(told["from"]), date.fromisoformat(told["to"])
    row_of = {key: row for row, key in enumerate(places)}

    def bar(key: str, begin: str, end: str | None, colour: str, height: float) -> None:
        start = max((date.fromisoformat(begin) - first).days, 0)
        stop = (date.fromisoformat(end) - first).days if end else (last - first).days + 1
        if key in row_of:
            axes.barh(row_of[key], max(stop - start, 0.6), left=start, height=height, color=colour)

    for one in told["now"]["events"]:
        bar(f"event {one['name']}", one["start"], one["end"], EVENT, 0.7)
        if one["oracle_days"] is not None and f"event {one['name']}" in row_of:
            row = row_of[f"event {one['name']}"]
            seen = (date.fromisoformat(one["start"]) - first).days + one["oracle_days"]
            axes.plot([seen] * 2, [row - 0.42, row + 0.42], color=INK, lw=1.2)
    for one in told["now"]["alerts"]:
        for key in [f"event {name}" for name in one["tells"]] or [f"alert {one['title']}"]:
            bar(key, one["raised"], one["ended"], COLOURS[one["verdict"]], 0.3)
    plain(axes, "Events (yellow; a stroke: the oracle sees it) and alerts")
    axes.set_yticks(range(len(places)), [_short(title) for title in places.values()])
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.set_xlim(0, (last - first).days + 1)
    axes.set_xlabel(f"days from {first}; blue: true, red: false, grey: not judged", fontsize=8.5, color=QUIET)


def _short(title: str) -> str:
    return title if len(title) <= 42 else f"{title[:41]}…"


def _by_kind(axes: Axes, told: Mapping[str, Any]) -> None:
    """Draw events found and missed, and the median delay beside the oracle's."""
    from matplotlib.ticker import MaxNLocator

    kinds = [one for one in told["now"]["kinds"] if one["events"]]
    names = [one["kind"].replace("_", " ") for one in kinds]
    found, events = [one["found"] for one in kinds], [one["events"] for one in kinds]
    rows = np.arange(len(kinds))
    axes.barh(rows, events, color=GRID, height=0.6)
    axes.barh(rows, found, color=TRUE, height=0.6)
    for row, one in enumerate(kinds):
        ours, oracle = one["median_delay_days"], one["oracle_median_days"]
        late = "never" if ours is None else f"{ours:g} d"
        beside = "" if oracle is None else f" (oracle {oracle:g} d)"
        axes.text(one["events"], row, f" {one['found']} of {one['events']}, {late}{beside}", va="center", fontsize=8)
    plain(axes, "Events told, and the median delay")
    axes.set_yticks(rows, names)
    axes.set_ylim(len(kinds) - 0.4, -0.6)
    axes.set_xlim(0, 1.9 * max(events, default=1))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def _by_week(axes: Axes, told: Mapping[str, Any]) -> None:
    """Draw how many alerts of which verdict were raised in each week."""
    first = date.fromisoformat(told["from"])
    weeks = -(-int(told["days"]) // 7)
    below = np.zeros(weeks)
    for verdict, colour in COLOURS.items():
        days = [date.fromisoformat(one["raised"]) for one in told["now"]["alerts"] if one["verdict"] == verdict]
        count = np.bincount([(day - first).days // 7 for day in days], minlength=weeks).astype(np.float64)
        axes.bar(np.arange(weeks) + 0.5, count, bottom=below, color=colour, width=0.8, label=verdict)
        below += count
    plain(axes, "Alerts raised in each week")
    axes.set_xlabel("week", fontsize=8.5, color=QUIET)
    asked = told["now"]["false_alerts_asked"] * 7.0 / told["days"]
    axes.axhline(asked, color=INK, linewidth=1.0, linestyle="--", label="false, by the budget")
    axes.legend(frameon=False, fontsize=8.5)


def _changes(axes: Axes, told: Mapping[str, Any]) -> None:
    """Draw by kind which alerts both settings raise, and which come and go."""
    kinds = told["changes"]["kinds"]
    rows, left = np.arange(len(kinds)), np.zeros(len(kinds))
    for name, colour in (("both", TRUE), ("lost", FALSE), ("gained", OTHER)):
        count = np.array([one[name] for one in kinds], dtype=np.float64)
        axes.barh(rows, count, left=left, color=colour, height=0.6, label=name)
        left += count
    plain(axes, "Alerts by what runs now and by the other settings")
    axes.set_yticks(rows, [one["kind"].replace("_", " ") for one in kinds])
    axes.set_ylim(len(kinds) - 0.4, -0.6)
    axes.legend(frameon=False, fontsize=8.5, ncols=3)
