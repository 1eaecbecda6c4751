"""A panel's query as Grafana asks it: our parameters become its variables and macros."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from python_nodes.panels import Panel

Store = Literal["postgres", "influx"]
Json = dict[str, Any]
TIMED = frozenset({"series", "band", "stack"})
_PARAMETER = re.compile(r"(?<![:\w]):(market|channel|listing_id|start|end|tenant_id|range|before|peers)\b")
_SQL = {
    "market": "ARRAY[${market:sqlstring}]",
    "channel": "ARRAY[${channel:sqlstring}]",
    "listing_id": "nullif(${listing:sqlstring}, '')",
    "start": "$__timeFrom()",
    "end": "$__timeTo()",
}
_INFLUXQL = {
    "listing_id": "'$listing'",
    "tenant_id": "'$tenant_id'",
    "range": "$timeFilter",
    # Once the range's own length before it.
    "before": "time >= ${__from}ms - (${__to}ms - ${__from}ms) AND time < ${__from}ms",
    "peers": "/^(${listing_and_peers:pipe})$/",
}
POSTGRES = {"type": "grafana-postgresql-datasource", "uid": "${tenant}"}
INFLUX = {"type": "influxdb", "uid": "${series}"}
PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}


def sql(query: str) -> str:
    """Put Grafana's variables and macros in the place of our parameters."""
    return _PARAMETER.sub(lambda found: _SQL[found[1]], query)


def influxql(panel: Panel, told: Mapping[str, str] = _INFLUXQL) -> list[str]:
    """Return a panel's statements with what is told in the place of our parameters: Grafana's variables, or values."""
    return [_PARAMETER.sub(lambda found: told[found[1]], one.strip()) for one in panel.influxql.split(";")]


def source(panel: Panel, store: Store) -> Json:
    """Return which of Grafana's data sources a panel asks."""
    if panel.promql:
        return PROMETHEUS
    return INFLUX if store == "influx" and panel.influxql else POSTGRES


def targets(panel: Panel, store: Store) -> list[Json]:
    """Return what a panel asks; a series of InfluxDB is named by its column."""
    asked = source(panel, store)
    if asked is PROMETHEUS:
        return [{
            "refId": "A", "datasource": asked, "expr": panel.promql, "legendFormat": panel.legend or panel.title,
            "editorMode": "code", "instant": panel.shape == "stat", "range": panel.shape != "stat",
        }]  # fmt: skip
    if asked is INFLUX:
        return [
            {
                "refId": chr(ord("A") + row), "datasource": asked, "rawQuery": True, "query": one, "alias": "$col",
                "resultFormat": "time_series" if panel.shape in TIMED else "table",
            }
            for row, one in enumerate(influxql(panel))
        ]  # fmt: skip
    return [_postgres(sql(panel.sql), "time_series" if panel.shape in TIMED else "table")]


def marks(panel: Panel) -> Json:
    """Return what a panel of marks asks: its text says what it is, and leads to the alert if it is one."""
    link = " || ' <a href=\"${console}/console/alerts#alert-' || alert_id || '\">Open the alert</a>'"
    ends = "timeend, " if re.search(r"\bAS timeend\b", panel.sql) else ""
    wrapped = (
        f"SELECT time, {ends}title || E'\\n' || text{link if panel.links else ''} AS text, tags FROM (\n"
        f"{sql(panel.sql)}\n) AS marks"
    )
    return _postgres(wrapped, "table", "Anno")


def _postgres(query: str, shape: str, ref: str = "A") -> Json:
    return {
        "refId": ref, "datasource": POSTGRES, "editorMode": "code", "format": shape, "rawQuery": True, "rawSql": query,
    }  # fmt: skip
