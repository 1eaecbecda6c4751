"""Grafana's dashboards: what stands in the tree is what the panels make, and each panel says what it shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from python_nodes import panels
from python_nodes.cli import app
from python_nodes.errors import ConfigError
from python_nodes.panels import grafana
from python_nodes.panels.grafana_query import sql

ROOT = Path(__file__).resolve().parents[3] / "grafana"
FILES = sorted(path.relative_to(ROOT / "dashboards") for path in (ROOT / "dashboards").rglob("*.json"))
WIDTH = 24
BUILT_IN = {"__url_time_range", "__value.raw", "__from", "__to"}
Told = dict[str, Any]


def read(name: Path) -> Told:
    told: Told = json.loads((ROOT / "dashboards" / name).read_text())
    return told


@pytest.fixture(params=FILES, ids=str)
def told(request: pytest.FixtureRequest) -> Told:
    return read(request.param)


def drawn(told: Told) -> list[Told]:
    return [panel for panel in told["panels"] if panel["type"] != "row"]


def test_what_is_committed_is_what_the_panels_make() -> None:
    assert grafana.differing(ROOT / "dashboards") == []
    assert {path.stem for path in FILES} == set(panels.DASHBOARDS)


def test_check_names_what_was_edited_and_build_mends_it(tmp_path: Path) -> None:
    run = CliRunner()
    assert run.invoke(app, ["dashboards", "build", "--dir", str(tmp_path)]).exit_code == 0
    assert run.invoke(app, ["dashboards", "check", "--dir", str(tmp_path)]).exit_code == 0
    (tmp_path / "all" / "quality.json").write_text("{}")
    (tmp_path / "all" / "mine.json").write_text("{}")
    refused = run.invoke(app, ["dashboards", "check", "--dir", str(tmp_path)])
    assert refused.exit_code == 1
    assert "mine.json" in refused.output
    assert "quality.json" in refused.output
    assert run.invoke(app, ["dashboards", "build", "--dir", str(tmp_path)]).exit_code == 0
    assert grafana.differing(tmp_path) == []


def test_every_panel_says_what_it_shows_and_in_what(told: Told) -> None:
    for panel in drawn(told):
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        units = [panel["fieldConfig"]["defaults"].get("unit")]
        assert units != [None], panel["title"]


def test_panels_neither_overlap_nor_leave_the_grid(told: Told) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in told["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= WIDTH
        assert not cells & taken, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in told["panels"]]
    assert len(numbers) == len(set(numbers))


def test_every_variable_that_is_used_is_there(told: Told) -> None:
    known = {one["name"] for one in told["templating"]["list"]} | BUILT_IN
    used = set(re.findall(r"\$\{([\w.]+)(?::\w+)?\}", json.dumps(told))) | set(
        re.findall(r"\$(tenant_id|listing|market|channel)\b", json.dumps(told))
    )
    assert used - known == set()


def test_no_parameter_of_ours_is_left_to_grafana(told: Told) -> None:
    for panel in drawn(told):
        for target in panel["targets"]:
            query = target.get("rawSql") or target.get("query") or target["expr"]
            assert not re.search(
                r"(?<![:\w]):(market|channel|listing_id|start|end|range|before|peers|tenant_id)\b", query
            )
            assert "{{" not in query
            assert "{{metric}}" not in query


def test_every_source_that_is_asked_is_provisioned(told: Told) -> None:
    sources = yaml.safe_load((ROOT / "provisioning/datasources/nightporter.yaml").read_text())["datasources"]
    kinds = {one["type"] for one in sources}
    asked = {panel["datasource"]["type"] for panel in drawn(told)}
    asked |= {target["datasource"]["type"] for panel in drawn(told) for target in panel["targets"]}
    assert asked <= kinds
    chosen = [one for one in told["templating"]["list"] if one["type"] == "datasource"]
    assert {one["query"] for one in chosen} <= kinds
    for one in chosen:
        pattern = re.compile(one["regex"].strip("/"))
        assert [source for source in sources if source["type"] == one["query"] and pattern.search(source["name"])]


def test_the_same_listing_dashboard_is_there_for_either_store() -> None:
    by_store = [read(Path(store) / "listing.json") for store in ("postgres", "influx")]
    first, second = ([panel["title"] for panel in drawn(one)] for one in by_store)
    assert first == second
    assert {one["uid"] for one in by_store} == {"nightporter-listing"}
    kinds = [{panel["datasource"]["type"] for panel in drawn(one)} for one in by_store]
    assert kinds[0] == {"grafana-postgresql-datasource"}
    assert "influxdb" in kinds[1]


def test_alerts_lead_to_our_page_and_listings_to_their_dashboard() -> None:
    for name in ("all/alerts.json", "all/portfolio.json", "postgres/listing.json"):
        text = json.dumps(read(Path(name)))
        assert "${console}/console/alerts#alert-" in text
        assert "/d/nightporter-listing/listing?var-tenant=${tenant}&var-listing=" in text


def test_provisioning_is_without_alerts_and_reads_what_is_mounted() -> None:
    assert sorted(path.name for path in (ROOT / "provisioning").iterdir()) == ["dashboards", "datasources"]
    told = yaml.safe_load((ROOT / "provisioning/dashboards/nightporter.yaml").read_text())
    paths = [one["options"]["path"] for one in told["providers"]]
    assert paths == ["/var/lib/grafana-dashboards/all", "/var/lib/grafana-dashboards/${NIGHTPORTER_METRIC_STORE}"]
    sources = yaml.safe_load((ROOT / "provisioning/datasources/nightporter.yaml").read_text())["datasources"]
    for one in sources:
        for secret in one.get("secureJsonData", {}).values():
            assert "$__file{/run/secrets/" in secret


def test_lists_are_quoted_by_grafana_and_casts_stay() -> None:
    assert sql("a = ANY(CAST(:market AS text[])) AND b = :listing_id::bigint") == (
        "a = ANY(CAST(ARRAY[${market:sqlstring}] AS text[])) AND b = nullif(${listing:sqlstring}, '')::bigint"
    )


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="no dashboard 'x'; there are: portfolio"):
        panels.load("x")
    with pytest.raises(ConfigError, match="has no panel 'x'"):
        panels.panel("portfolio", "x")
