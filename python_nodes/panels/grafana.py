"""Grafana's dashboards, made of the panels' files; nobody edits them by hand."""

from __future__ import annotations

import json
from pathlib import Path

from python_nodes.panels import DASHBOARDS, Dashboard, Panel, dashboard, variable
from python_nodes.panels.grafana_panel import made
from python_nodes.panels.grafana_query import POSTGRES, Json, Store, marks, sql

SCHEMA_VERSION = 41
FOLDER = Path("grafana/dashboards")
BY_STORE: tuple[str, ...] = ("listing",)
"""Dashboards that ask the store of series: one file for each store. The others are the same for both."""
_HIDDEN = 2
_MARK_TINTS = {"alert_marks": "red", "raised_marks": "red", "change_marks": "purple"}


def uid(name: str) -> str:
    """Return a dashboard's name in addresses."""
    return f"nightporter-{name}"


def files() -> dict[Path, str]:
    """Return every file under ``grafana/dashboards`` with what it must hold."""
    found = {Path("all") / f"{name}.json": build(name, "postgres") for name in DASHBOARDS if name not in BY_STORE}
    stores: tuple[Store, ...] = ("postgres", "influx")
    found |= {Path(store) / f"{name}.json": build(name, store) for store in stores for name in BY_STORE}
    return {path: json.dumps(told, indent=1, ensure_ascii=False) + "\n" for path, told in found.items()}


def differing(folder: Path) -> list[str]:
    """Return which files are not what they must be, with those that should not be there."""
    wanted = files()
    there = {path.relative_to(folder) for path in folder.rglob("*.json")}
    stale = [
        path
        for path, text in wanted.items()
        if path not in there or (folder / path).read_text(encoding="utf-8") != text
    ]
    return sorted(map(str, {*stale, *(there - set(wanted))}))


def write(folder: Path) -> list[str]:
    """Write what differs, take away what should not be there, and return which files these were."""
    changed, wanted = differing(folder), files()
    for name in changed:
        path = folder / name
        if Path(name) in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[Path(name)], encoding="utf-8")
        else:
            path.unlink()
    return changed


def build(name: str, store: Store) -> Json:
    """Return one dashboard for one store of series."""
    told = dashboard(name)
    return {
        "uid": uid(name), "title": told.title, "description": told.description, "tags": ["nightporter"],
        "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": False, "graphTooltip": 1, "timezone": "utc",
        "time": {"from": "now-6h" if name == "system" else "now-90d", "to": "now"},
        "refresh": "1m" if name == "system" else "15m",
        "links": [{
            "type": "dashboards", "title": "Nightporter", "tags": ["nightporter"], "asDropdown": False, "icon": "",
            "includeVars": True, "keepTime": name != "system", "targetBlank": False, "tooltip": "", "url": "",
        }],
        "templating": {"list": _variables(told, store)}, "annotations": {"list": [_mark(one) for one in told.marks]},
        "panels": _panels(told, store),
    }  # fmt: skip


def _panels(told: Dashboard, store: Store) -> list[Json]:
    """Lay rows out under one another, and in a row panels side by side as far as they fit."""
    found: list[Json] = []
    y = 0
    for row in told.rows:
        found.append({
            "id": len(found) + 1, "type": "row", "title": row.title, "collapsed": False, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        })  # fmt: skip
        y, x, tallest = y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > 24:
                y, x, tallest = y + tallest, 0, 0
            found.append(made(panel, store, len(found) + 1, x, y))
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest
    return found


def _variables(told: Dashboard, store: Store) -> list[Json]:
    if told.name == "system":
        return [_sources("prometheus", "Prometheus", "prometheus")]
    found = [_sources("tenant", "Tenant", str(POSTGRES["type"]), regex="/^Nightporter/")]
    found += [_asked(name, many=name != "listing") for name in told.variables]
    found += [_asked(name, many=False, hidden=True) for name in ("currency", "console")]
    if store == "influx":
        found += [_sources("series", "Series", "influxdb"), _asked("tenant_id", many=False, hidden=True)]
        found += [_asked("listing_and_peers", many=True, hidden=True)]
    return found


def _sources(name: str, label: str, kind: str, regex: str = "") -> Json:
    return {
        "type": "datasource", "name": name, "label": label, "query": kind, "regex": regex, "hide": 0, "multi": False,
        "includeAll": False, "refresh": 1, "options": [], "current": {},
    }  # fmt: skip


def _asked(name: str, *, many: bool, hidden: bool = False) -> Json:
    told = variable(name)
    return {
        "type": "query", "name": name, "label": told.title, "datasource": POSTGRES, "query": sql(told.sql),
        "definition": told.title, "hide": _HIDDEN if hidden else 0, "multi": many, "includeAll": many, "refresh": 1,
        "regex": "", "sort": 0, "options": [],
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]} if many else {},
    }  # fmt: skip


def _mark(panel: Panel) -> Json:
    return {
        "name": panel.title, "datasource": POSTGRES, "enable": True, "hide": False,
        "iconColor": _MARK_TINTS.get(panel.name, "blue"), "target": marks(panel),
    }  # fmt: skip
