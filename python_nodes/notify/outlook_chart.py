"""The picture in an alert about days to come: a month's books, the coming nights, or demand beside two prices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from python_nodes.domain import written
from python_nodes.domain.said import say
from python_nodes.notify.chart import AHEAD, EXPECTED, OBSERVED, QUIET, date_axis, figure_of, legend, numbers, png


def outlook_png(shown: Mapping[str, Any], *, title: str, currency: str, minor_per_unit: float) -> bytes:
    """Draw what a foreseen finding kept of what it saw; ``shows`` says which of the three it is."""
    figure, axes = figure_of(title)
    if shown["shows"] == "books":
        days = _books(axes, shown, currency, minor_per_unit)
    elif shown["shows"] == "nights":
        days = _nights(axes, shown)
    else:
        days = _demand(axes, shown)
    date_axis(axes, days)
    axes.set_ylim(bottom=0)
    legend(figure)
    return png(figure)


def _dates(told: Any) -> list[date]:
    return [date.fromisoformat(one) for one in told]


def _books(axes: Any, shown: Mapping[str, Any], currency: str, per_unit: float) -> list[date]:
    """Draw how a month's books filled, last year's beside them, and where it will end with its band."""
    days, ends = _dates(shown["days"]), shown["ends"]
    last = date.fromisoformat(ends["day"])
    now, then = (np.array(shown[name], dtype=np.float64) / per_unit for name in ("observed", "last_year"))
    x = numbers(days)
    axes.plot(x, then, color=EXPECTED, linewidth=1.4, linestyle=(0, (4, 3)), label=say("Last year, as long before"))
    axes.plot(x, now, color=OBSERVED, linewidth=2.0, label=say("On the books"))
    mean, lower, upper, wanted = (ends[name] / per_unit for name in ("mean", "lower", "upper", "wanted"))
    end = float(numbers([last])[0])
    axes.plot([x[-1], end], [now[-1], mean], color=AHEAD, linewidth=1.6, linestyle=(0, (4, 2)), label=say("Will end"))
    axes.fill_between([x[-1], end], [now[-1], lower], [now[-1], upper], color=AHEAD, alpha=0.12, linewidth=0)
    axes.plot([end], [wanted], "D", color=EXPECTED, markersize=6, label=say("Wanted"))
    axes.set_ylabel(currency, color=QUIET, fontsize=10)
    return [*days, last]


def _nights(axes: Any, shown: Mapping[str, Any]) -> list[date]:
    """Draw what is booked of each coming night beside what there usually is in the end."""
    days = _dates(shown["days"])
    x = numbers(days)
    axes.bar(x, np.array(shown["observed"], dtype=np.float64), width=0.7, color=OBSERVED, label=say("Booked by now"))
    usual = np.array(shown["usual"], dtype=np.float64)
    axes.plot(x, usual, color=EXPECTED, linewidth=1.6, linestyle=(0, (4, 3)), label=say("Usual in the end"))
    axes.set_ylabel(say("nights sold"), color=QUIET, fontsize=10)
    return days


def _demand(axes: Any, shown: Mapping[str, Any]) -> list[date]:
    """Draw how many see the listing, and name both prices below."""
    days = _dates(shown["days"])
    seen = np.array(shown["observed"], dtype=np.float64)
    axes.plot(numbers(days), seen, color=OBSERVED, linewidth=1.8, label=say("Seen in the search results"))
    prices = say(
        "{own} a night, comparable places {peers}", own=written.number(shown["own_price"]),
        peers=written.number(shown["peers_price"]),
    )  # fmt: skip
    axes.plot([], [], " ", label=prices)
    axes.set_ylabel(say("impressions a day"), color=QUIET, fontsize=10)
    return days
