"""Prometheus' own tool reads the rules and the configuration, and the rules' tests pass."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from python_nodes import panels
from python_nodes.domain.gauges import GAUGES
from python_nodes.local.state import CHECKOUT
from python_nodes.telemetry import meters
from tests.unit.compose import stack

FOLDER = CHECKOUT / "compose" / "prometheus"
CACHE = Path(os.environ.get("NIGHTPORTER_CACHE") or Path.home() / ".cache" / "nightporter")


@pytest.fixture(scope="module")
def promtool() -> str:
    """The tool, from the cache or the machine."""
    found = shutil.which("promtool", path=f"{CACHE / 'prometheus/usr/bin'}:{os.environ['PATH']}")
    if found is None:
        pytest.skip("no promtool on this machine: `make promtool` says why")
    return found


def run(*command: str, cwd: Path = FOLDER) -> None:
    """Run it; what it says is why the test fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_valid_and_do_what_their_tests_say(promtool: str) -> None:
    """Each alert comes when it should; what is usual raises none."""
    run(promtool, "check", "rules", "rules.yml")
    run(promtool, "test", "rules", "rules_test.yml")


def test_the_configuration_is_valid(promtool: str, tmp_path: Path) -> None:
    """As it stands in the container, where the rules are at the address that it names."""
    text = (FOLDER / "prometheus.yml").read_text()
    assert "/etc/prometheus/rules.yml" in text
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus/", ""))
    shutil.copy(FOLDER / "rules.yml", tmp_path)
    run(promtool, "check", "config", "prometheus.yml", cwd=tmp_path)


def test_whoever_counts_is_asked_on_larger_machines_too() -> None:
    """Who shares Prometheus' network answers there, and is found by its name."""
    every = stack.services()
    added = {
        name: every[one["extends"]["service"]]
        for name, one in stack.read(stack.COMPOSE / "scale.yaml")["services"].items()
        if "extends" in one
    }
    port = {
        name: one["environment"]["NIGHTPORTER_METRICS_BIND"].rpartition(":")[2]
        for name, one in (every | added).items()
        if "metrics" in one["networks"] and "NIGHTPORTER_METRICS_BIND" in one.get("environment", {})
    }
    assert port.keys() > {"worker", "jobs"}
    asked = [
        (name, str(found["port"]))
        for job in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
        for found in job.get("dns_sd_configs", [])
        for name in found["names"]
    ]
    assert sorted(asked) == sorted(port.items())


def test_every_expression_of_a_panel_can_be_read_and_asks_for_what_there_is(promtool: str, tmp_path: Path) -> None:
    """As rules, which the tool reads; Grafana puts a time in the place of its interval."""
    told = {one.name: one.promql for name in panels.DASHBOARDS for one in panels.load(name) if one.promql}
    assert told
    written = [{"record": f"panel:{name}", "expr": _timed(query)} for name, query in told.items()]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": written}]}))
    run(promtool, "check", "rules", str(path))
    path.write_text(path.read_text().replace("(", "((", 1))
    with pytest.raises(AssertionError, match="could not parse expression"):
        run(promtool, "check", "rules", str(path))
    own = {name for meter in kept() for name in names_of(meter)} | set(GAUGES)
    for name, query in told.items():
        asked = set(re.findall(r"\b(?:nightporter|channel|circuit|rate_limit|webhook)_[a-z_]+(?=[{\[)\s]|$)", query))
        assert asked - {"channel_type"} <= own, name


def _timed(query: str) -> str:
    return query.replace("$__rate_interval", "5m").replace("$__range", "6h")


def rules() -> list[dict[str, object]]:
    """Every alert."""
    return [rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]]


def test_rules_ask_for_metrics_that_there_are() -> None:
    """A name that nothing tells would never alert anybody."""
    own = {name for meter in kept() for name in names_of(meter)}
    asked = {
        name
        for rule in rules()
        for name in re.findall(r"\b(?:nightporter|channel|circuit|rate_limit|webhook)_[a-z_]+", str(rule["expr"]))
    }
    # The one label that looks like a name.
    asked -= {"channel_type"}
    assert asked
    assert asked <= own | set(GAUGES)


def kept() -> list[MetricWrapperBase]:
    """Every meter of a process."""
    return [meter for meter in vars(meters).values() if isinstance(meter, MetricWrapperBase)]


def names_of(meter: MetricWrapperBase) -> set[str]:
    """The names under which a meter's samples are told."""
    (family,) = meter.describe()
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}[family.type]
    return {family.name + ending for ending in endings}


def test_every_alert_is_tested_and_says_what_to_do() -> None:
    """The tests name each; the description is longer than a word."""
    tests = (FOLDER / "rules_test.yml").read_text()
    for rule in rules():
        annotations = rule["annotations"]
        assert isinstance(annotations, dict)
        assert len(annotations["description"]) > 30
        assert str(rule["alert"]) in tests, rule["alert"]


def test_every_metric_is_documented() -> None:
    """docs/observability.md names what is told, and nothing else."""
    page = (CHECKOUT / "docs" / "observability.md").read_text()
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))
    families = {
        family for meter in vars(meters).values() if isinstance(meter, MetricWrapperBase) for family in bare(meter)
    }
    assert documented == families | set(GAUGES)


def bare(meter: MetricWrapperBase) -> set[str]:
    """A meter's name as it is documented."""
    (family,) = meter.describe()
    return {family.name + ("_total" if family.type == "counter" else "")}
