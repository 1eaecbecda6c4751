"""The cards of the page Listing: its metrics beside expectation, its funnel, nights, peers, alerts and changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from python_nodes import panels
from python_nodes.console import nights, plot, said
from python_nodes.console.picked import Picked
from python_nodes.console.read import ask
from python_nodes.domain.metrics import METRICS
from python_nodes.errors import NotFoundError
from python_nodes.steps.services import Services
from python_nodes.store import listing_search

DASHBOARD = "listing"
Shown = Mapping[str, Any]
FIRST = ("booking_velocity", "search_impressions", "listing_views", "conversion_rate", "click_through_rate",
         "search_rank", "listed_price", "availability", "occupancy")  # fmt: skip
"""The metrics that are looked at first; the rest are a click away."""


def header(services: Services, conn: Connection, picked: Picked) -> Shown:
    """Show who the listing is and what it is worth; one that the tenant does not have is not there."""
    rows = ask(services, conn, DASHBOARD, "header", picked)[1]
    if not rows:
        raise NotFoundError(f"There is no listing {picked.listing_id} among yours.")
    return {"about": rows[0], "others": listing_search.of_unit(conn, int(rows[0]["listing_id"]))}


def metric(name: str) -> Callable[[Services, Connection, Picked], Shown]:
    """Make the card of one metric, with alerts and changes drawn in."""

    def card(services: Services, conn: Connection, picked: Picked) -> Shown:
        panel, rows = ask(services, conn, DASHBOARD, name, picked)
        # Only money needs the listing's currency.
        about = ask(services, conn, DASHBOARD, "header", picked)[1] if panel.unit == "price" else ()
        marks = plot.marked(
            ask(services, conn, DASHBOARD, "alert_marks", picked)[1],
            ask(services, conn, DASHBOARD, "change_marks", picked)[1],
        )
        currency = str(about[0]["currency"]) if about else ""
        chart = plot.chart(panel, rows, picked.start, picked.end, currency=currency, marks=marks, group="listing")
        return {"panel": panel, "charts": [(chart, said.chart(chart))] if plot.is_told(chart) else [], "picked": picked}

    return card


def funnel(services: Services, conn: Connection, picked: Picked) -> Shown:
    """Show impressions, views and bookings, each beside the range before."""
    panel, rows = ask(services, conn, DASHBOARD, "funnel", picked)
    return {"panel": panel, "rows": [_stage(row) for row in rows], "picked": picked}


def _stage(row: Mapping[str, Any]) -> dict[str, Any]:
    most = max(row["now"] or 0, row["before"] or 0) or 1
    return {
        **row, "width": round(100 * (row["now"] or 0) / most, 1),
        "mark": None if row["before"] is None else round(100 * row["before"] / most, 1),
    }  # fmt: skip


def calendar(services: Services, conn: Connection, picked: Picked) -> Shown:
    """Show the next ninety nights."""
    panel, rows = ask(services, conn, DASHBOARD, "calendar", picked)
    return {"panel": panel, "nights": nights.lay(rows, picked.end), "is_told": bool(rows)}


def peers_series(services: Services, conn: Connection, picked: Picked) -> Shown:
    """Show bookings beside the peers'."""
    panel, rows = ask(services, conn, DASHBOARD, "peers_series", picked)
    chart = plot.chart(panel, rows, picked.start, picked.end, group="listing", band="Middle half of them")
    return {"panel": panel, "charts": [(chart, said.chart(chart))] if plot.is_told(chart) else [], "picked": picked}


def table(name: str) -> Callable[[Services, Connection, Picked], Shown]:
    """Make the card of a panel whose rows are shown as they are."""

    def card(services: Services, conn: Connection, picked: Picked) -> Shown:
        panel, rows = ask(services, conn, DASHBOARD, name, picked)
        return {"panel": panel, "rows": rows, "picked": picked}

    return card


CARDS: Mapping[str, tuple[str, Callable[[Services, Connection, Picked], Shown]]] = {
    "funnel": ("funnel.html", funnel), "calendar": ("calendar.html", calendar),
    "peers_series": ("plot.html", peers_series), "peers": ("peers.html", table("peers")),
    "alerts": ("alerts_of.html", table("alerts")), "changes": ("changes.html", table("changes")),
    **{name: ("plot.html", metric(name)) for name in METRICS},
}  # fmt: skip
"""Each card's template and what fills it, by its name in the address."""


def _titled(names: Sequence[str], place: str) -> list[tuple[str, str, str]]:
    titles = {one.name: one.title for one in panels.load(DASHBOARD)}
    return [(name, place, titles[name]) for name in names]


def layout() -> Mapping[str, list[tuple[str, str, str]]]:
    """Return the cards by where they stand, each with its place in the grid and what it is called until it is there."""
    return {
        "top": _titled(("alerts",), "list"),
        "metrics": _titled(FIRST, "w4 plot"),
        "more": _titled([name for name in METRICS if name not in FIRST], "w4 plot"),
        "rest": [
            *_titled(("funnel",), "w4 list"),
            *_titled(("peers_series",), "w8 plot"),
            *_titled(("calendar",), "list"),
            *_titled(("peers", "changes"), "w6 list"),
        ],
    }
