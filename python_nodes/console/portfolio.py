"""The cards of the page Portfolio: what each shows of its panels' rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from python_nodes.console import plot, said
from python_nodes.console.picked import Picked
from python_nodes.console.read import Rows, ask
from python_nodes.console.spark import spark
from python_nodes.console.words import moment_of
from python_nodes.steps.services import Services

DASHBOARD = "portfolio"
Shown = Mapping[str, Any]
SHARES = {"channels": "channel", "markets": "market"}


def now(services: Services, conn: Connection, picked: Picked) -> Shown:
    """Show the money at risk, alerts by severity, and bookings beside expectation."""
    risk = ask(services, conn, DASHBOARD, "at_risk", picked)[1][0]
    severities = ask(services, conn, DASHBOARD, "alerts_by_severity", picked)[1]
    channels = ask(services, conn, DASHBOARD, "channels", picked)[1]
    wanted = sum(row["expected"] or 0 for row in channels)
    comparable = sum((1 + row["against"]) * row["expected"] for row in channels if row["against"] is not None)
    booked = [row["bookings"] for row in channels if row["bookings"] is not None]
    return {
        "risk": risk, "severities": _stack(severities), "bookings": sum(booked) if booked else None,
        "expected": wanted or None, "against": comparable / wanted - 1 if wanted else None,
        "listings": sum(row["listings"] for row in channels),
    }  # fmt: skip


def _stack(severities: Rows) -> list[dict[str, Any]]:
    """Lay the severities beside one another on a bar of a hundred."""
    total = sum(row["alerts"] for row in severities)
    laid, left = [], 0.0
    for row in severities:
        width = 100 * row["alerts"] / total if total else 0.0
        laid.append({**row, "left": round(left, 2), "width": round(width, 2)})
        left += width
    return laid


def series(name: str) -> Callable[[Services, Connection, Picked], Shown]:
    """Make the card of a panel with a time axis: the first of its charts is drawn, one where there is no currency."""

    def card(services: Services, conn: Connection, picked: Picked) -> Shown:
        panel, rows = ask(services, conn, DASHBOARD, name, picked)
        is_stack = panel.shape == "stack"
        marks = [] if is_stack else plot.raised(ask(services, conn, DASHBOARD, "raised_marks", picked)[1])
        charts = [
            plot.chart(panel, part, picked.start, picked.end, currency=currency, marks=marks, group="portfolio")
            for currency, part in plot.by_currency(rows).items()
        ]
        # Only one currency is drawn, the rest is told in words: the tenant's own, where anything is sold in it.
        charts.sort(key=lambda one: one["currency"] != services.currency)
        word = said.stacked if is_stack else said.chart
        return {
            "panel": panel, "charts": [(one, word(one)) for one in charts if plot.is_told(one)], "picked": picked,
        }  # fmt: skip

    return card


def worst(services: Services, conn: Connection, picked: Picked) -> Shown:
    """Show the listings with most at stake."""
    panel, rows = ask(services, conn, DASHBOARD, "worst_listings", picked)
    risk = ask(services, conn, DASHBOARD, "at_risk", picked)[1][0]
    return {
        "panel": panel, "currency": risk["currency"],
        "rows": [{**row, "spark": spark(row["trend"] or ())} for row in rows],
    }  # fmt: skip


def split(name: str) -> Callable[[Services, Connection, Picked], Shown]:
    """Make the card of channels or of markets."""

    def card(services: Services, conn: Connection, picked: Picked) -> Shown:
        panel, rows = ask(services, conn, DASHBOARD, name, picked)
        currency = ask(services, conn, DASHBOARD, "at_risk", picked)[1][0]["currency"]
        return {"panel": panel, "rows": _bars(rows, SHARES[name]), "currency": currency, "by": SHARES[name]}

    return card


def _bars(rows: Rows, by: str) -> list[dict[str, Any]]:
    """Scale bars to the largest of bookings and expectation, and of money."""
    most = max((max(row["bookings"] or 0, row["expected"] or 0) for row in rows), default=0) or 1
    dearest = max((row["at_stake"] for row in rows), default=0) or 1
    return [
        {
            **row, "name": row[by], "share": round(100 * (row["bookings"] or 0) / most, 1),
            "mark": None if row["expected"] is None else round(100 * row["expected"] / most, 1),
            "risk": round(100 * row["at_stake"] / dearest, 1),
        }
        for row in rows
    ]  # fmt: skip


def fresh(services: Services, conn: Connection, picked: Picked) -> Shown:
    """Show each connection's operations, what fails first."""
    panel, rows = ask(services, conn, DASHBOARD, "freshness", picked)
    newest = max((moment_of(row["last_tried_at"]) for row in rows), default=None)
    groups: dict[str, dict[str, Any]] = {}
    for row in rows:
        group = groups.setdefault(
            row["connection"], {"name": row["connection"], "vendor": row["vendor"], "operations": []}
        )
        good_at = row["last_good_at"]
        lag = timedelta() if newest is None or good_at is None else newest - moment_of(good_at)
        group["operations"].append({**row, "lag": lag})
    for group in groups.values():
        group["newest"] = max((one["last_good_at"] for one in group["operations"] if one["last_good_at"]), default=None)
    ordered = sorted(
        groups.values(), key=lambda group: (all(_is_fresh(one) for one in group["operations"]), group["name"])
    )
    failing = [row for row in rows if not _is_fresh(row)]
    return {"panel": panel, "groups": ordered, "failing": failing, "many": len(rows), "newest": newest}


def _is_fresh(row: Mapping[str, Any]) -> bool:
    return bool(row["state"] == "fresh")


CARDS: Mapping[str, tuple[str, Callable[[Services, Connection, Picked], Shown]]] = {
    "now": ("now.html", now), "bookings": ("plot.html", series("bookings")),
    "revenue": ("plot.html", series("revenue")), "occupancy": ("plot.html", series("occupancy")),
    "alerts_raised": ("plot.html", series("alerts_raised")),
    "worst": ("worst.html", worst), "channels": ("split.html", split("channels")),
    "markets": ("split.html", split("markets")), "freshness": ("fresh.html", fresh),
}  # fmt: skip
"""Each card's template and what fills it, by its name in the address."""
LAYOUT: Sequence[tuple[str, str, str]] = (
    ("now", "bare", ""), ("bookings", "w4 plot", "Bookings a day"), ("revenue", "w4 plot", "Booked revenue a day"),
    ("occupancy", "w4 plot", "Occupancy"), ("worst", "list", "Listings with most at stake"),
    ("channels", "w6 list", "By channel"), ("markets", "w6 list", "By market"),
    ("alerts_raised", "w6 plot", "Alerts raised a day"), ("freshness", "w6 list", "Sync freshness"),
)  # fmt: skip
"""The cards in their order, with their place in the grid and what they are called until they are there."""
