"""A judged series as a picture: the band and what was called above, the score below; PNG, SVG or a page of HTML."""

from __future__ import annotations

import io
from html import escape

import numpy as np
import polars as pl
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from python_nodes.errors import PermanentError
from python_nodes.scoring import single

FORMATS = (".png", ".svg", ".html")
LISTED = 50
_INK, _QUIET, _BAND, _CALLED = "#1d2939", "#667085", "#b2ccff", "#d92d20"
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>:root{{color-scheme:light dark;--ink:#1d2939;--page:#fff;--row:#f9fafb}}
@media (prefers-color-scheme:dark){{:root{{--ink:#e4e7ec;--page:#141414;--row:#1f2228}}
svg{{filter:invert(.9216) hue-rotate(180deg)}}}}
body{{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);
max-width:1100px;margin:2rem auto;padding:0 1rem}}
h1{{font-size:1.4rem;overflow-wrap:anywhere}}h2{{font-size:1.1rem}}div{{overflow-x:auto}}
svg{{display:block;width:100%;min-width:46rem;height:auto}}table{{border-collapse:collapse;white-space:nowrap}}
td,th{{padding:.2rem .8rem;text-align:right}}
td:first-child,th:first-child{{text-align:left}}tr:nth-child(even){{background:var(--row)}}</style>
<h1>{title}</h1><div>{picture}</div><h2>{heading}</h2><div>{rows}</div></html>
"""


def render(scored: pl.DataFrame, time: str, value: str, title: str, kind: str) -> bytes:
    """Draw what `single.score_table` found.

    Parameters
    ----------
    scored : polars.DataFrame
        Of `single.score_table`.
    time, value : str
        The columns it was made of.
    title : str
    kind : str
        One of `FORMATS`.

    Returns
    -------
    bytes
        The file's content; HTML needs no other file and lists the strangest rows called.

    Raises
    ------
    PermanentError
        If ``kind`` is another.
    """
    if kind not in FORMATS:
        raise PermanentError(f"a picture ends in {', '.join(FORMATS)}; {kind or 'no ending'} is none of these")
    buffer = io.BytesIO()
    with rc_context({"date.converter": "concise"}):
        _figure(scored, time, value, title).savefig(buffer, format="png" if kind == ".png" else "svg", dpi=130)
    if kind != ".html":
        return buffer.getvalue()
    picture = buffer.getvalue().decode().partition("<svg")
    return _page(scored, time, value, title, picture[1] + picture[2]).encode()


def _figure(scored: pl.DataFrame, time: str, value: str, title: str) -> Figure:
    order = np.argsort(single.seconds(scored[time]), kind="stable")
    at = (single.seconds(scored[time])[order] * 1e3).astype("datetime64[ms]")
    shown = {name: scored[name].to_numpy()[order] for name in ("expected", "lower", "upper", "score", "is_anomaly")}
    values = single.numbers(scored[value])[order]
    # Figure without pyplot, which keeps global state.
    figure = Figure(figsize=(12.0, 6.0), layout="constrained", facecolor="white")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    called = shown["is_anomaly"]
    top.fill_between(at, shown["lower"], shown["upper"], color=_BAND, alpha=0.6, linewidth=0, label="99 % band")
    top.plot(at, shown["expected"], color=_QUIET, linewidth=0.8, linestyle="--", label="expected")
    top.plot(at, values, color=_INK, linewidth=0.9, label=value)
    top.scatter(at[called], values[called], s=26, color=_CALLED, zorder=3, label=f"strange ({int(called.sum()):,})")
    if "is_event" in scored.columns:
        _mark_events(top, at, scored["is_event"].to_numpy()[order])
    top.legend(loc="upper left", ncols=5, fontsize=9, frameon=False)
    top.set_title(title, loc="left", fontsize=12, fontweight="bold", color=_INK)
    bottom.plot(at, shown["score"], color=_CALLED, linewidth=0.8)
    bottom.set_ylabel("score", color=_QUIET)
    for axes in (top, bottom):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _mark_events(axes: Axes, at: np.ndarray, is_event: np.ndarray) -> None:
    for number, moment in enumerate(np.unique(at[is_event].astype("datetime64[D]"))):
        axes.axvspan(
            moment, moment + np.timedelta64(1, "D"), color="#fef0c7", zorder=0, label="" if number else "holiday, event"
        )


def _page(scored: pl.DataFrame, time: str, value: str, title: str, picture: str) -> str:
    called = scored.filter(pl.col("is_anomaly")).sort("score", descending=True)
    names = (time, value, "expected", "lower", "upper", "p_value", "score")
    lines = ["<tr>" + "".join(f"<th>{escape(name)}</th>" for name in names) + "</tr>"]
    for row in called.head(LISTED).select(names).iter_rows():
        cells = (f"{cell:,.5g}" if isinstance(cell, float) else escape(str(cell)) for cell in row)
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    of_all = f"the {LISTED} strangest of {len(called):,}" if len(called) > LISTED else f"{len(called):,}"
    heading = f"Rows called strange: {of_all}, of {len(scored):,}"
    return _PAGE.format(title=escape(title), picture=picture, heading=heading, rows=f"<table>{''.join(lines)}</table>")
