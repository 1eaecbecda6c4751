"""The panels of the dashboards: one query a file, drawn by Grafana and by the console alike.

Each folder is a dashboard: `dashboard.toml` lays it out, and `<panel>.sql` (PostgreSQL), `.influxql` or `.promql` is
what a panel asks, after a header of `-- name: value` lines. Where a panel has both `.sql` and `.influxql` the metric
store decides which is asked. A query names its parameters `:market, :channel, :listing_id, :start, :end`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from python_nodes.errors import ConfigError
from python_nodes.panels.text import expanded, headed

FOLDER = Path(__file__).parent
DASHBOARDS = ("portfolio", "listing", "alerts", "quality", "system")
Shape = Literal["stat", "series", "band", "bars", "stack", "table", "split", "heat", "marks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel: what people read about it, and what it asks of which store; "" where a store is not asked.

    ``columns`` says what a table's columns hold where that is not plain text or a plain number, ``links`` where they
    lead, ``hidden`` which are for programs only, ``shown`` which alone are drawn; ``legend`` names Prometheus' series.
    ``series`` names the variable that tells whose series the query reads ("" is the one listing), ``back`` how many
    days before its range (a number, or "range" for once its length), ``begin`` "kept" that added-up days need none.
    ``width`` is of 24, ``height`` in units of 30 pixels.
    """

    dashboard: str
    name: str
    title: str
    unit: str
    description: str
    shape: Shape
    sql: str = ""
    influxql: str = ""
    promql: str = ""
    columns: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    hidden: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    legend: str = ""
    series: str = ""
    back: str = "0"
    begin: str = "start"
    width: int = 24
    height: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """Panels as they are laid out; ``marks`` are drawn into every panel with a time axis."""

    name: str
    title: str
    description: str
    variables: tuple[str, ...]
    rows: tuple[Row, ...]
    marks: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What may be chosen above the panels; its query gives `__text` and `__value`."""

    name: str
    title: str
    sql: str


@cache
def variable(name: str) -> Variable:
    """Read one variable."""
    file = FOLDER / "variables" / f"{name}.sql"
    header, query = headed(file.read_text(encoding="utf-8"), file.name)
    return Variable(name=name, title=header["title"], sql=expanded(query, FOLDER / "shared"))


@cache
def dashboard(name: str) -> Dashboard:
    """Read one dashboard; what is wrong in its files is refused by its name."""
    if name not in DASHBOARDS:
        raise ConfigError(f"no dashboard {name!r}; there are: {', '.join(DASHBOARDS)}")
    told = tomllib.loads((FOLDER / name / "dashboard.toml").read_text(encoding="utf-8"))
    words: dict[str, dict[str, str]] = told.get("metrics", {})
    rows = tuple(
        Row(title=row["title"], panels=tuple(_panel(name, words, **cell) for cell in row["panels"]))
        for row in told["rows"]
    )
    return Dashboard(
        name=name, title=told["title"], description=told["description"], variables=tuple(told["variables"]), rows=rows,
        marks=tuple(_panel(name, words, one) for one in told.get("marks", [])),
    )  # fmt: skip


def load(name: str) -> list[Panel]:
    """Return a dashboard's panels in their order, those that are drawn into others last."""
    found = dashboard(name)
    return [*(panel for row in found.rows for panel in row.panels), *found.marks]


def panel(name: str, wanted: str) -> Panel:
    """Return one panel of a dashboard."""
    for one in load(name):
        if one.name == wanted:
            return one
    raise ConfigError(f"dashboard {name} has no panel {wanted!r}")


def _panel(dashboard: str, metrics: dict[str, dict[str, str]], name: str, width: int = 24, height: int = 8) -> Panel:
    """Read a panel's files; a metric's are the one template of all metrics, with its words from the layout."""
    stem = "metric" if name in metrics else name
    about: dict[str, Any] = {}
    queries: dict[str, str] = {}
    for kind in ("sql", "influxql", "promql"):
        file = FOLDER / dashboard / f"{stem}.{kind}"
        if file.exists():
            header, query = headed(file.read_text(encoding="utf-8"), file.name)
            about = header | about
            queries[kind] = expanded(query, FOLDER / "shared", metric=name)
    about |= metrics.get(name, {})
    if not queries:
        raise ConfigError(f"dashboard {dashboard}: {name}: there is no query of that name")
    missing = {"title", "unit", "description", "shape"} - set(about)
    if missing or about["shape"] not in get_args(Shape):
        raise ConfigError(
            f"dashboard {dashboard}: {name}: {', '.join(sorted(missing)) or 'shape'} is missing or unknown"
        )
    return Panel(
        dashboard=dashboard, name=name, title=about["title"], unit=about["unit"], description=about["description"],
        shape=about["shape"], columns=_pairs(about, "columns"), links=_pairs(about, "links"),
        hidden=tuple(_listed(about, "hidden")),
        shown=tuple(_listed(about, "shown")), legend=about.get("legend", ""), width=width, height=height, **queries,
        **{name: about[name] for name in ("series", "back", "begin") if name in about},
    )  # fmt: skip


def _listed(about: dict[str, Any], what: str) -> list[str]:
    return [one.strip() for one in about.get(what, "").split(",") if one.strip()]


def _pairs(about: dict[str, Any], what: str) -> tuple[tuple[str, str], ...]:
    """Read `a=b, c=d`."""
    return tuple((key, value) for key, _, value in (one.partition("=") for one in _listed(about, what)))
