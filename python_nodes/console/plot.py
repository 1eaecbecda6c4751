"""From a panel's rows to what a chart draws: whole ranges of days, in which a day that nobody told stays a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from python_nodes.console.words import day_of
from python_nodes.panels import Panel

Row = Mapping[str, Any]
NAMES = {
    "observed": "Observed", "expected": "Expected", "year_before": "52 weeks before", "peers": "Median of its peers",
    "critical": "Critical", "high": "High", "medium": "Medium", "low": "Low",
}  # fmt: skip
"""What lines are called, by the column that they are drawn from, in the order in which they are drawn."""
COUNTED = frozenset({"alerts", "bookings a day", "page views", "views in search results", "nights of 90"})
"""Units of which there is no half."""
LEVELS = frozenset({"price", "of 10", "position", "nights of 90", "days", "nights a stay"})
"""Units of which zero is no useful foot of a scale."""
USUAL = "Usual range"
"""What a band is called that a day outside of it is worth a look."""
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What happened: an ``alert`` while it stood, the day on which one was ``raised``, or a ``change`` on its day."""

    kind: str
    label: str
    tone: str
    since: date
    until: date | None = None


def chart(
    panel: Panel, rows: Sequence[Row], start: date, end: date, *, currency: str = "", marks: Sequence[Mark] = (),
    group: str = "", band: str = USUAL,
) -> dict[str, Any]:  # fmt: skip
    """Lay the rows on every day from ``start`` to ``end``; figures are rounded to six digits, which nobody can see."""
    many = (end - start).days + 1
    columns: dict[str, list[float | None]] = {
        name: [None] * many for name in (*NAMES, "lower", "upper") if any(name in row for row in rows)
    }
    for row in rows:
        at = (day_of(row["time"]) - start).days
        if 0 <= at < many:
            for name, values in columns.items():
                values[at] = _figure(row.get(name))
    named = [name for name in NAMES if name in columns and (name == "observed" or _any(columns[name]))]
    spec: dict[str, Any] = {
        "name": panel.name, "shape": panel.shape, "unit": panel.unit, "start": start.isoformat(), "currency": currency,
        "lines": [{"key": name, "name": NAMES[name], "values": columns[name]} for name in named],
        "marks": [_placed(mark, start) for mark in marks], "group": group, "scale": panel.unit in LEVELS,
        "inverse": panel.unit == "position", "whole": panel.unit in COUNTED,
    }  # fmt: skip
    if "lower" in columns and _any(columns["lower"]):
        spec |= {"lower": columns["lower"], "upper": columns["upper"], "band": band}
    return spec


def is_told(spec: Mapping[str, Any]) -> bool:
    """Return whether any day has a figure or an expectation; of counts on one another, whether one is over zero."""
    if spec["shape"] == "stack":
        return any(value for line in spec["lines"] for value in line["values"])
    return any(_any(line["values"]) for line in spec["lines"])


def raised(alerts: Sequence[Row]) -> list[Mark]:
    """Mark the days on which alerts were raised; among many listings they stand nearly always."""
    return [replace(mark, kind="raised", until=mark.since) for mark in marked(alerts, ())]


def marked(alerts: Sequence[Row], changes: Sequence[Row]) -> list[Mark]:
    """Read the two marking panels' rows."""
    stood = [
        Mark(
            kind="alert", label=f"Alert #{row['alert_id']}: {row['title']}", tone=str(row["tags"]),
            since=day_of(row["time"]), until=None if row["timeend"] is None else day_of(row["timeend"]),
        )
        for row in alerts
    ]  # fmt: skip
    changed = [
        Mark(kind="change", label=f"Changed: {row['title']}, {row['text']}", tone="change", since=day_of(row["time"]))
        for row in changes
    ]
    return [*stood, *changed]


def by_currency(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Part rows by their currency, the one with the largest sum first; rows without one stay together."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(str(row.get("currency") or ""), []).append(row)
    sums = {name: sum(float(row.get("observed") or 0) for row in part) for name, part in parts.items()}
    return dict(sorted(parts.items(), key=lambda item: (-sums[item[0]], item[0])))


def _placed(mark: Mark, start: date) -> dict[str, Any]:
    until = None if mark.until is None else (mark.until - start).days
    return {"kind": mark.kind, "label": mark.label, "tone": mark.tone, "from": (mark.since - start).days, "to": until}


def _figure(told: Any) -> float | None:
    return None if told is None else float(f"{float(told):.{_DIGITS}g}")


def _any(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)


def days_back(end: date, days: int) -> date:
    """Return the first of ``days`` days that end with ``end``."""
    return end - timedelta(days=days - 1)
