"""A real Prometheus with compose's own configuration and rules asks real processes, and answers every panel."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import yaml

from python_nodes import panels
from python_nodes.local import processes
from python_nodes.local.state import CHECKOUT
from tests.integration.telemetry.conftest import READY_S, Stack

FOLDER = CHECKOUT / "compose" / "prometheus"
CACHE = Path(os.environ.get("NIGHTPORTER_CACHE") or Path.home() / ".cache" / "nightporter")
PANELS = {one.name: one.promql for name in panels.DASHBOARDS for one in panels.load(name) if one.promql}
SHOWN = {
    "stores", "breakers", "queue_total", "queues", "connections", "series_queue", "requests", "request_times", "stages",
    "jobs", "job_times", "job_waits",
}  # fmt: skip
"""What there is as soon as requests are answered and a job has run; the rest waits for vendors and alerts."""


@dataclass(frozen=True)
class Prometheus:
    """The running server."""

    url: str

    def get(self, path: str, **told: str) -> Any:
        """Ask its API; what it cannot do is an error."""
        answer = httpx2.get(f"{self.url}/api/v1/{path}", params=told, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def shows(self, query: str) -> bool:
        """Whether a panel with that query has anything to draw."""
        asked = query.replace("$__rate_interval", "5m").replace("$__range", "6h")
        # A quantile of nothing is no number.
        return any(one["value"][1] != "NaN" for one in self.get("query", query=asked)["result"])


def until(lacks: Callable[[], object]) -> None:
    """Wait until nothing lacks any more; what does so for too long is told."""
    deadline = time.monotonic() + READY_S
    while lacking := lacks():
        assert time.monotonic() < deadline, lacking
        time.sleep(0.2)


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Debian's, with our configuration as it stands but for who is where, and how often it asks."""
    binary = shutil.which("prometheus", path=f"{CACHE / 'prometheus/usr/bin'}:{os.environ['PATH']}")
    if binary is None:
        pytest.skip("no Prometheus on this machine: `make promtool` says why")
    folder, port = tmp_path_factory.mktemp("prometheus"), processes.free_port()
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(FOLDER / Path(one).name) for one in config["rule_files"]]
    where = {"nightporter-worker": stack.metrics_url, "nightporter-jobs": stack.jobs_metrics_url}
    config["scrape_configs"] = [
        {"job_name": one["job_name"], "static_configs": [{"targets": [urlsplit(where[one["job_name"]]).netloc]}]}
        for one in config["scrape_configs"]
        if one.pop("dns_sd_configs", None)
    ]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        binary, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    child = processes.start("prometheus", command, env=processes.clean_environment({}), log=folder / "log", cwd=folder)
    url = f"http://127.0.0.1:{port}"
    try:
        processes.wait_until(child, lambda: processes.answers(f"{url}/-/ready"), within_s=READY_S)
        yield Prometheus(url)
    finally:
        processes.stop([child])


def test_every_panel_of_the_system_is_answered(stack: Stack, prometheus: Prometheus) -> None:
    assert PANELS.keys() >= SHOWN
    # A rate is what came between two readings: the same is done before the first, and after it.
    for times in ("> 0", "> 1"):
        assert stack.client.get("/v1/portfolio").status_code == 200
        assert stack.client.post("/v1/forecasts/refresh", json={}).status_code == 202
        seen = f'sum(nightporter_jobs_total{{state="success"}}) {times}'
        until(lambda seen=seen: None if prometheus.shows(seen) else prometheus.get("targets"))
    until(lambda: [name for name in sorted(SHOWN) if not prometheus.shows(PANELS[name])])
    for name in PANELS.keys() - SHOWN:
        # Nothing to show yet is an answer; a query that cannot be asked is none.
        prometheus.shows(PANELS[name])


def test_its_rules_are_read_and_none_is_raised_by_a_stack_that_is_well(prometheus: Prometheus) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]

    until(lambda: [one["name"] for one in rules() if one["health"] == "unknown"])
    assert len(rules()) == 22
    assert [(one["name"], one["lastError"]) for one in rules() if one["health"] != "ok"] == []
    assert [one["name"] for one in rules() if one["state"] == "firing"] == []
