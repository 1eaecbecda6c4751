"""The picture in an alert: a series against what was expected, or a strip of nights; PNG at the width Slack shows."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import FancyBboxPatch, Patch
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D
from numpy.typing import ArrayLike, NDArray

from python_nodes.domain import written
from python_nodes.domain.said import say

INK, QUIET, GRID = "#1d2939", "#667085", "#eaecf0"
OBSERVED, EXPECTED, _TROUBLE = "#175cd3", "#667085", "#d92d20"
AHEAD = "#7a5af8"
_OPEN, _BLOCKED, _UNKNOWN, _SOLD = "#a6d8b9", "#d92d20", "#eaecf0", "#98a2b3"
_SIZE_INCHES, _DPI = (8.0, 3.6), 150
_CALENDAR_MARGINS = {"left": 0.075, "right": 0.985, "top": 0.885, "bottom": 0.15}
"""Of the figure's width and height; room for two rows of meanings below, and for a weekday's short name at the left."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A forecast made of the time before the trouble, with the model that speaks."""

    days: Sequence[date]
    mean: ArrayLike
    lower: ArrayLike
    upper: ArrayLike
    model: str


def figure_of(title: str, margins: Mapping[str, float] | None = None) -> tuple[Figure, Axes]:
    """Begin a picture as wide as Slack shows; known ``margins`` save the layout, half as long as all drawing."""
    # Figure without pyplot: pyplot keeps global state, which leaks in a server.
    layout = ConstrainedLayoutEngine(w_pad=0.14, h_pad=0.12) if margins is None else None
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout=layout, facecolor="white")
    if margins is not None:
        figure.subplots_adjust(**margins)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=10)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(colors=QUIET, labelsize=9.5, length=0, pad=7)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def date_axis(axes: Axes, days: Sequence[date]) -> None:
    """Name some of the days."""
    step = max(1, -(-len(days) // 8))
    shown = days[::step]
    axes.set_xticks(list(numbers(shown)), [written.short_day(day) for day in shown])


def _value_axis(axes: Axes, x: NDArray[np.float64], days: Sequence[date], unit: str) -> None:
    axes.set_xlim(float(x[0]) - 0.5, float(x[-1]) + 0.5)
    axes.set_ylabel(unit, color=QUIET, fontsize=10)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    date_axis(axes, days)


def _usual(axes: Axes, x: NDArray[np.float64], middle: NDArray[np.float64], label: str) -> None:
    axes.plot(x, middle, color=EXPECTED, linewidth=1.4, linestyle=(0, (4, 3)), label=label)


def legend(figure: Figure, handles: Sequence[Patch] | None = None) -> None:
    """Lay the legend out below: beside the plot it would take width from the days."""
    named = {"handles": list(handles)} if handles is not None else {}
    # Four meanings of a night are too wide for one row, six short names of lines are not.
    columns = 2 if handles is not None and len(handles) > 3 else 6
    # Only a layout makes room outside.
    is_laid_out = figure.get_layout_engine() is not None
    figure.legend(
        loc="outside lower center" if is_laid_out else "lower center", frameon=False, fontsize=9.5, ncols=columns,
        labelcolor=INK, **named,
    )  # fmt: skip


def png(figure: Figure) -> bytes:
    """Write a figure as PNG, the same each time."""
    out = io.BytesIO()
    # A picture is looked at once and waited for: a tenth more bytes for a third of the time.
    figure.savefig(out, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 2})
    return out.getvalue()


def numbers(days: Sequence[date]) -> NDArray[np.float64]:
    """Return days as numbers on an axis."""
    return np.asarray(days, dtype="datetime64[D]").astype(np.float64)


def chart_png(
    days: Sequence[date],
    observed: ArrayLike,
    expected: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    onset: date,
    *,
    title: str = "",
    unit: str = "",
    ahead: Ahead | None = None,
) -> bytes:
    """Draw observed days against the expected band, the trouble shaded from ``onset`` on; ``ahead`` dashed."""
    x = numbers(days)
    seen, middle, low, high = (np.asarray(item, dtype=np.float64) for item in (observed, expected, lower, upper))
    figure, axes = figure_of(title)
    axes.fill_between(x, low, high, color=OBSERVED, alpha=0.10, linewidth=0, label=say("Usual range"))
    _usual(axes, x, middle, say("Expected"))
    axes.plot(x, seen, color=OBSERVED, linewidth=1.9, marker="o", markersize=3.2, label=say("Observed"))
    _trouble(axes, x, seen, float(numbers([onset])[0]))
    shown = days
    if ahead is not None:
        _forecast(axes, ahead, say("Without it ({model})", model=ahead.model))
        shown = [*days, *(day for day in ahead.days if day > days[-1])]
    axes.set_ylim(bottom=min(0.0, float(np.nanmin(np.concatenate([seen, low]), initial=0.0))))
    _value_axis(axes, numbers(shown), shown, unit)
    legend(figure)
    return png(figure)


def forecast_png(days: Sequence[date], observed: ArrayLike, ahead: Ahead, *, title: str = "", unit: str = "") -> bytes:
    """Draw the days that were, and after them a forecast with its band."""
    x, seen = numbers(days), np.asarray(observed, dtype=np.float64)
    figure, axes = figure_of(title)
    axes.plot(x, seen, color=OBSERVED, linewidth=1.4, label=say("Observed"))
    axes.fill_between(numbers(ahead.days), ahead.lower, ahead.upper, color=AHEAD, alpha=0.12, linewidth=0)
    _forecast(axes, ahead, ahead.model)
    axes.set_ylim(bottom=min(0.0, float(np.nanmin(np.concatenate([seen, np.asarray(ahead.lower)]), initial=0.0))))
    shown = [*days, *ahead.days]
    _value_axis(axes, numbers(shown), shown, unit)
    legend(figure)
    return png(figure)


def _forecast(axes: Axes, ahead: Ahead, label: str) -> None:
    x = numbers(ahead.days)
    middle, low, high = (np.asarray(item, dtype=np.float64) for item in (ahead.mean, ahead.lower, ahead.upper))
    for end in (low, high):
        axes.plot(x, end, color=AHEAD, linewidth=1.0, linestyle=(0, (2, 2)))
    axes.plot(x, middle, color=AHEAD, linewidth=1.6, linestyle=(0, (4, 2)), label=label)


def _trouble(axes: Axes, x: NDArray[np.float64], seen: NDArray[np.float64], start: float) -> None:
    since = x >= start
    if not since.any():
        return
    axes.axvspan(start - 0.5, float(x[-1]) + 0.5, color=_TROUBLE, alpha=0.08, linewidth=0)
    axes.plot(
        x[since], seen[since], color=_TROUBLE, linewidth=2.2, marker="o", markersize=4.5, label=say("Since onset")
    )  # fmt: skip


def calendar_png(
    nights: Sequence[date],
    is_open: ArrayLike,
    expected_open: ArrayLike,
    *,
    known: ArrayLike = True,
    title: str = "",
    channel: str = "channel",
    is_suspended: bool = False,
) -> bytes:
    """Draw nights as a calendar, a column a week: red where the channel is closed but the operator is open.

    Of a listing that the channel took down, ``is_suspended``, no single night was closed: the red ones are called so.
    """
    figure, axes = figure_of(title, _CALENDAR_MARGINS)
    told = np.broadcast_to(np.asarray(known, dtype=np.bool_), len(nights))
    colours = _night_colours(np.asarray(is_open, dtype=np.bool_), np.asarray(expected_open, dtype=np.bool_), told)
    weeks = _weeks(nights)
    _cells(axes, nights, weeks, colours)
    for week, text in month_labels(nights).items():
        axes.text(week + 0.06, -0.35, text, ha="left", va="bottom", fontsize=9.5, color=QUIET, in_layout=False)
    axes.set_xlim(-0.05, max(weeks) + 1)
    axes.set_ylim(7, -0.9)
    axes.set_yticks([row + 0.46 for row in range(7)], written.weekdays())
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    meanings = {
        _OPEN: say("Open on {channel}", channel=channel),
        _BLOCKED: say("Closed on {channel}, open at the operator", channel=channel),
        _SOLD: say("Not for sale"),
        _UNKNOWN: say("Not told by {channel}", channel=channel),
    }
    if is_suspended:
        meanings[_BLOCKED] = say("Suspended by {channel}", channel=channel)
    legend(figure, [Patch(color=colour, label=text) for colour, text in meanings.items() if colour in colours])
    return png(figure)


def month_labels(nights: Sequence[date]) -> dict[int, str]:
    """Name each month over one column, a week: its first night's, or the next one where that column has a name."""
    labels: dict[int, str] = {}
    for night, week in zip(nights, _weeks(nights), strict=True):
        if night == nights[0] or night.day == 1:
            labels[week + (week in labels)] = written.month(night)
    return labels


def _weeks(nights: Sequence[date]) -> list[int]:
    first_monday = nights[0] - timedelta(days=nights[0].weekday())
    return [(night - first_monday).days // 7 for night in nights]


def _night_colours(is_open: NDArray[np.bool_], expected_open: NDArray[np.bool_], known: NDArray[np.bool_]) -> list[str]:
    colours = np.where(is_open, _OPEN, np.where(expected_open, _BLOCKED, _SOLD))
    return [str(colour) for colour in np.where(known, colours, _UNKNOWN)]


def _cells(axes: Axes, nights: Sequence[date], weeks: Sequence[int], colours: Sequence[str]) -> None:
    """Draw each night's square and number, the squares in one piece and the numbers in another."""
    boxes = [
        FancyBboxPatch((week + 0.06, night.weekday() + 0.06), 0.80, 0.80, boxstyle="round,pad=0,rounding_size=0.12")
        for night, week in zip(nights, weeks, strict=True)
    ]
    axes.add_collection(PatchCollection(boxes, facecolors=list(colours), linewidths=0), autolim=False)
    numerals = PathCollection(
        [_numeral(night.day) for night in nights],
        offsets=[(week + 0.46, night.weekday() + 0.46) for night, week in zip(nights, weeks, strict=True)],
        offset_transform=axes.transData,
        facecolors=["white" if colour == _BLOCKED else INK for colour in colours],
        linewidths=0,
    )
    numerals.set_transform(Affine2D().scale(_DPI / 72))
    axes.add_collection(numerals, autolim=False)


@cache
def _numeral(day: int) -> Path:
    """Return a day of the month as an outline about its middle, in points."""
    outline = TextPath((0, 0), str(day), size=8.5)
    box = outline.get_extents()
    return outline.transformed(Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2))


def price_png(
    nights: Sequence[date],
    price: ArrayLike,
    median: ArrayLike,
    floor: float | None,
    *,
    title: str = "",
    currency: str = "",
) -> bytes:
    """Draw each night's price against its trailing median and floor; nights out of range, or without price, in red."""
    x = numbers(nights)
    now, usual = np.asarray(price, dtype=np.float64), np.asarray(median, dtype=np.float64)
    figure, axes = figure_of(title)
    axes.fill_between(x, usual * 0.5, usual * 2.0, color=OBSERVED, alpha=0.08, linewidth=0, label=say("Half to double"))
    _usual(axes, x, usual, say("Trailing median"))
    _prices(axes, x, now, out_of_range(now, usual, floor))
    if floor is not None:
        axes.axhline(floor, color=_TROUBLE, linewidth=1.0, linestyle=":", label=say("Floor"))
    axes.set_ylim(bottom=0)
    _value_axis(axes, x, nights, currency)
    legend(figure)
    return png(figure)


def out_of_range(now: NDArray[np.float64], usual: NDArray[np.float64], floor: float | None) -> NDArray[np.bool_]:
    """Tell which prices stand outside half to double the usual, or below the floor; a missing price is neither."""
    with np.errstate(invalid="ignore"):
        return (now > usual * 2.0) | (now < usual * 0.5) | (now < (floor or 0.0))


def _prices(axes: Axes, x: NDArray[np.float64], now: NDArray[np.float64], wrong: NDArray[np.bool_]) -> None:
    axes.plot(x, np.where(wrong, np.nan, now), "o", color=OBSERVED, markersize=4, label=say("Price"))
    if wrong.any():
        axes.plot(x[wrong], now[wrong], "o", color=_TROUBLE, markersize=6, label=say("Out of range"))
    missing = np.isnan(now)
    if missing.any():
        none = np.zeros(int(missing.sum()))
        axes.plot(x[missing], none, "x", color=_TROUBLE, markersize=6, label=say("No price"), clip_on=False)
