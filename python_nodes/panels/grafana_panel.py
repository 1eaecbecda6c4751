"""A panel as Grafana draws it: its kind, its units, its colours and where its columns lead."""

from __future__ import annotations

import re
from typing import Any

from python_nodes.panels import Panel
from python_nodes.panels.grafana_query import INFLUX, TIMED, Json, Store, source, targets

_KINDS = {"stat": "stat", "table": "table", "split": "table", "heat": "barchart"}
_UNITS = {
    "money": "locale", "price": "locale", "share": "percentunit", "count": "locale", "hours": "h", "days": "d",
    "seconds": "s", "nights": "locale", "moment": "dateTimeAsIso", "position": "none", "up": "bool_yes_no",
}  # fmt: skip
_TWO_DIGITS = frozenset({"share", "price"})
_TINTS = {
    "critical": "dark-red", "high": "orange", "medium": "blue", "low": "gray", "failed": "red", "sent": "green",
    "observed": "blue", "expected": "orange", "lower": "orange", "upper": "orange", "year_before": "gray",
    "peers": "orange", "rejected": "red", "good": "green", "held_back": "gray", "waiting": "red", "false_alarms": "red",
    "real": "green",
}  # fmt: skip
_STATES = {"open": "green", "sold out": "blue", "closed": "red", "fresh": "green", "failing": "red", "never": "orange"}
_LEADS = {
    "alert": ("Open the alert", "${console}/console/alerts#alert-${__value.raw}"),
    "listing": (
        "Open the listing",
        "/d/nightporter-listing/listing?var-tenant=${tenant}&var-listing=${__value.raw}&${__url_time_range}",
    ),
}


def made(panel: Panel, store: Store, number: int, x: int, y: int) -> Json:
    """Return the panel's JSON at its place on the grid."""
    told: Json = {
        "id": number, "type": _KINDS.get(panel.shape, "timeseries"), "title": _title(panel),
        "description": panel.description, "datasource": source(panel, store), "targets": targets(panel, store),
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)}, "options": _options(panel),
    }  # fmt: skip
    if panel.dashboard == "listing" and panel.shape in TIMED:
        told["links"] = [{"title": "Alerts", "url": "${console}/console/alerts", "targetBlank": True}]
    if panel.shown:
        names = {"include": {"names": list(panel.shown)}}
        told["transformations"] = [{"id": "filterFieldsByName", "options": names}]
    if source(panel, store) is INFLUX and panel.shape not in TIMED:
        # Each query is a table of its own, else, of which one is shown.
        told["transformations"] = [{"id": "merge", "options": {}}]
    return told


def _title(panel: Panel) -> str:
    return f"{panel.title} (${{currency}})" if panel.unit == "money" else panel.title


def _unit(word: str) -> Json:
    """Return Grafana's name of a unit; what it has no name for stands behind the number as it is."""
    return {"unit": _UNITS.get(word, f"suffix: {word}")} | ({"decimals": 1} if word in _TWO_DIGITS else {})


def _defaults(panel: Panel) -> Json:
    told: Json = {"noValue": "–"}
    told |= {} if panel.shape in ("table", "split") else _unit(panel.unit)
    if panel.shape in ("stat", "table", "split"):
        told["unit"] = "locale" if not panel.promql else told["unit"]
    if panel.shape in TIMED:
        bars = panel.shape == "stack"
        told["custom"] = {
            "drawStyle": "bars" if bars else "line", "lineWidth": 1, "fillOpacity": 80 if bars else 0,
            "showPoints": "never", "spanNulls": False,
            **({"stacking": {"mode": "normal", "group": "A"}} if bars else {}),
        }  # fmt: skip
    if panel.shape == "heat":
        told["custom"] = {"fillOpacity": 80}
    return told


def _override(name: str, *properties: tuple[str, Any]) -> Json:
    # With a label beside it, a series is called by both.
    matcher = {"id": "byRegexp", "options": f"/^{name}( .*)?$/"}
    return {"matcher": matcher, "properties": [{"id": one, "value": value} for one, value in properties]}


def _overrides(panel: Panel) -> list[Json]:
    found = [_override(name, *_unit(word).items()) for name, word in panel.columns]
    found += [
        _override(name, ("links", [{"title": _LEADS[to][0], "url": _LEADS[to][1], "targetBlank": to == "alert"}]))
        for name, to in panel.links
        if panel.shape != "marks"
    ]
    if panel.shape in ("table", "split", "heat"):
        found += [_override(name, ("custom.hidden", True)) for name in panel.hidden]
        words = _STATES | {word: tint for word, tint in _TINTS.items() if word in ("critical", "high", "medium", "low")}
        mapped = {word: {"color": tint, "index": row} for row, (word, tint) in enumerate(words.items())}
        cell = [] if panel.shape == "heat" else [("custom.cellOptions", {"type": "color-text"})]
        found += [
            _override(name, ("mappings", [{"type": "value", "options": mapped}]), *cell)
            for name in ("state", "severity", "category")
        ]
        return found
    if panel.shape in TIMED:
        found += [_tinted(name, tint) for name, tint in _TINTS.items() if re.search(rf"\bAS {name}\b", panel.sql)]
        found += [_band(name) for name in ("lower", "upper")] + [_dashed(name) for name in ("expected", "year_before")]
        aside = {"viz": True, "legend": True, "tooltip": False}
        found += [_override(name, ("custom.hideFrom", aside)) for name in ("listings", "alerts")]
    return found


def _tinted(name: str, tint: str) -> Json:
    return _override(name, ("color", {"mode": "fixed", "fixedColor": tint}))


def _band(name: str) -> Json:
    """Draw what lies between the ends of a band, and not its ends."""
    hide = {"viz": False, "legend": True, "tooltip": False}
    fill = [("custom.fillBelowTo", "lower"), ("custom.fillOpacity", 15)] if name == "upper" else []
    return _override(name, ("custom.lineWidth", 0), ("custom.hideFrom", hide), *fill)


def _dashed(name: str) -> Json:
    return _override(name, ("custom.lineStyle", {"fill": "dash", "dash": [6, 4]}))


def _options(panel: Panel) -> Json:
    if panel.shape == "stat":
        return {
            "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": "" if panel.promql else "/.*/"},
            "textMode": "value_and_name", "colorMode": "none", "graphMode": "none", "justifyMode": "auto",
            "orientation": "auto",
        }  # fmt: skip
    if panel.shape in ("table", "split"):
        return {"showHeader": True, "cellHeight": "sm"}
    legend = {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
    tooltip = {"mode": "multi", "sort": "none"}
    if panel.shape == "heat":
        return {
            "xField": "night", "colorByField": "state", "orientation": "vertical", "showValue": "never",
            "stacking": "none", "barWidth": 0.9, "groupWidth": 0.7, "fullHighlight": False, "xTickLabelRotation": -45,
            "xTickLabelSpacing": 100, "legend": legend | {"showLegend": False}, "tooltip": tooltip,
        }  # fmt: skip
    return {"legend": legend, "tooltip": tooltip}
