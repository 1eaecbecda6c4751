"""Grafana's own types of a dashboard read ours, and write all of it back: no key is unknown to them, none is misplaced.

They do not check values' types beyond what they must parse, nor queries: those run on real stores in
tests/integration/panels. What is checked of values here follows the words of Grafana's schema.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as told
from grafana_foundation_sdk.models.timeseries import FieldConfig as TimeseriesField

from python_nodes import panels
from python_nodes.panels import grafana

Json = dict[str, Any]
NAMES = [(name, store) for name in panels.DASHBOARDS for store in ("postgres", "influx")]
register_default_plugins()


def built(name: str, store: str) -> Json:
    found: Json = json.loads(json.dumps(grafana.build(name, "influx" if store == "influx" else "postgres")))
    return found


def read_and_written(one: Json) -> Json:
    found: Json = json.loads(json.dumps(told.Dashboard.from_json(one), cls=JSONEncoder))
    return found


def lost(one: Any, other: Any, path: str = "") -> list[str]:
    """Return where ``one`` says what ``other`` does not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [at for key in one for at in lost(one[key], other.get(key, KeyError), f"{path}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [at for row, (a, b) in enumerate(zip(one, other, strict=True)) for at in lost(a, b, f"{path}[{row}]")]
    return [] if one == other else [path]


@pytest.mark.parametrize(("name", "store"), NAMES)
def test_grafanas_types_know_all_of_it(name: str, store: str) -> None:
    one = built(name, store)
    assert lost(one, read_and_written(one)) == []


def test_what_they_do_not_know_would_be_seen() -> None:
    one = built("portfolio", "postgres")
    drawn = next(panel for panel in one["panels"] if panel["type"] == "timeseries")
    drawn["fieldConfig"]["defaults"]["custom"]["spanNull"] = True
    drawn["descriptoin"] = "misspelt"
    one["refreshh"] = "5m"
    found = lost(one, read_and_written(one))
    assert {path.rsplit(".", 1)[-1] for path in found} == {"spanNull", "descriptoin", "refreshh"}


@pytest.mark.parametrize(("name", "store"), NAMES)
def test_choices_are_of_those_there_are(name: str, store: str) -> None:
    one = built(name, store)
    assert 39 <= one["schemaVersion"] <= 41
    kinds = {"row", "stat", "table", "timeseries", "barchart"}
    for panel in one["panels"]:
        assert panel["type"] in kinds
        custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom", {})
        if panel["type"] == "timeseries":
            TimeseriesField.from_json(custom)
            assert custom["drawStyle"] in {choice.value for choice in common.GraphDrawStyle}
            assert custom["showPoints"] in {choice.value for choice in common.VisibilityMode}
            assert panel["options"]["tooltip"]["mode"] in {choice.value for choice in common.TooltipDisplayMode}
    for variable in one["templating"]["list"]:
        assert variable["type"] in {choice.value for choice in told.VariableType}
        assert variable["hide"] in {choice.value for choice in told.VariableHide}
        assert variable["refresh"] in {choice.value for choice in told.VariableRefresh}
    assert one["graphTooltip"] in {choice.value for choice in told.DashboardCursorSync}
    assert {link["type"] for link in one["links"]} <= {choice.value for choice in told.DashboardLinkType}
