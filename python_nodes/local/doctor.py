"""`nightporter doctor`: what is wrong here, and how to mend it; a line for each."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import psutil

from python_nodes.errors import NightporterError
from python_nodes.local import doctor_metrics, flows, loopback, n8n, processes
from python_nodes.local.finding import Finding
from python_nodes.local.n8n_rest import Rest
from python_nodes.local.state import CHECKOUT, Saved, StateDir

NEEDED_PYTHON = (3, 11)
NEEDED_DISK_BYTES = 3_000_000_000
RECENT = timedelta(days=1)


def examine(folder: StateDir) -> list[Finding]:
    """Every check that makes sense in the present state: of the machine always, of the servers once there are any."""
    found = list(_machine(folder))
    if not folder.file.exists():
        return [*found, Finding("state", f"{folder.root} is empty: nothing was started yet", "`make run`")]
    saved = folder.load()
    return [*found, *_servers(folder, saved), *_flows(folder, saved)]


def _machine(folder: StateDir) -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    python_ok = sys.version_info[:2] >= NEEDED_PYTHON
    yield Finding("python", version, "" if python_ok else "install Python 3.11 and run `make install`")
    node = n8n.node_dir() / "node"
    yield Finding("node", str(node), "" if os.access(node, os.X_OK) else "`make install`")
    try:
        yield Finding("n8n", n8n.command_line()[1])
    except NightporterError as error:
        yield Finding("n8n", str(error), "`make install`")
    place = next(path for path in (folder.root, *folder.root.parents) if path.exists())
    free = shutil.disk_usage(place).free
    enough = free >= NEEDED_DISK_BYTES
    yield Finding("disk", f"{free / 1e9:.1f} GB free at {place}", "" if enough else "free 3 GB, or use --state-dir")


def _servers(folder: StateDir, saved: Saved) -> Iterator[Finding]:
    postmaster = folder.root / "postgres" / "postmaster.pid"
    yield _running("postgresql", _alive(postmaster), str(postmaster.parent), folder)
    for name in processes.ended(folder.processes):
        mend = f"see {folder.log(name)} for why, then stop `make run` and start it again"
        yield Finding(f"process {name}", "ended by itself", mend)
    probes = {
        "worker": f"{saved.worker_url}/readyz",
        "n8n server": f"http://127.0.0.1:{saved.ports.n8n}/healthz",
        "sandbox": f"{saved.control_url}/healthz",
    }
    ports = {"worker": saved.ports.worker, "n8n server": saved.ports.n8n, "sandbox": saved.ports.control}
    for name, url in probes.items():
        healthy = processes.answers(url)
        if not healthy and not processes.is_free(ports[name]):
            mend = f"look at {folder.log(name.split()[0])}, or who else has port {ports[name]} (`ss -ltnp`)"
            yield Finding(name, f"{url} does not answer with 200, yet its port is taken", mend)
        else:
            yield _running(name, healthy, url, folder)
    if processes.answers(probes["worker"]):
        stores = loopback.client().get(probes["worker"], timeout=5.0).text
        yield Finding("stores", stores.strip()[:200])
        yield from _metrics(saved)


def _metrics(saved: Saved) -> Iterator[Finding]:
    headers = {"Authorization": f"Bearer {saved.operator_api_key}"}
    try:
        answer = loopback.client().get(f"{saved.worker_url}/metrics", headers=headers, timeout=10.0)
        answer.raise_for_status()
    except httpx2.HTTPError as error:
        yield Finding("metrics", f"GET /metrics: {str(error)[:150]}", "stop `make run` and start it again")
        return
    yield from doctor_metrics.findings(answer.text, datetime.now(UTC).timestamp())


def _running(name: str, healthy: bool, where: str, folder: StateDir) -> Finding:
    if healthy:
        return Finding(name, where)
    return Finding(name, f"not running ({where})", f"`make run`; if it ended by itself, see {folder.root / 'logs'}")


def _alive(pid_file: Path) -> bool:
    if not pid_file.exists():
        return False
    first = pid_file.read_text().splitlines()[0]
    return psutil.pid_exists(int(first))


def _flows(folder: StateDir, saved: Saved) -> Iterator[Finding]:
    url = f"http://127.0.0.1:{saved.ports.n8n}"
    if not processes.answers(f"{url}/healthz"):
        return
    try:
        with Rest(saved.ports.n8n, saved.n8n_owner_password) as rest:
            names = flows.load_folder(CHECKOUT / "workflows")
            running = {flow["id"] for flow in rest.workflows() if flow.get("activeVersionId")}
            waiting = [name for name in names if name not in running]
            failed = [
                item
                for item in rest.executions(since=datetime.now(UTC) - RECENT)
                if item["status"] in ("error", "crashed")
            ]
    except (NightporterError, httpx2.HTTPError) as error:
        yield Finding("flows", str(error)[:200], "`make flows-import`")
        return
    told = f"not published: {', '.join(waiting)}" if waiting else f"{len(names)} published"
    yield Finding("flows", told, "`make flows-import`" if waiting else "")
    told = f"{len(failed)} failed in the last day"
    if failed:
        latest = failed[0]
        told += f", last {latest['workflowId']} ({url}/workflow/{latest['workflowId']}/executions/{latest['id']})"
    yield Finding("executions", told, "open the execution in n8n; its red node says why" if failed else "")
