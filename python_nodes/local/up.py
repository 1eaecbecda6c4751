"""`nightporter up`: everything on this machine, from an empty folder to alerts."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx2
import psutil
from rich.console import Console
from rich.progress import Progress

from python_nodes.auth import login_token
from python_nodes.errors import ConfigError
from python_nodes.local import flows, n8n, postgres, prepare, processes, report, servers, valkey
from python_nodes.local.servers import WorldArguments
from python_nodes.local.state import CHECKOUT, Saved, StateDir
from python_nodes.local.worker_client import WorkerClient

STATUS_POLL_S = 0.5
WORKFLOWS = CHECKOUT / "workflows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for."""

    world: WorldArguments
    once: bool
    json_file: Path | None


@dataclass(slots=True)
class Stopwatch:
    """Seconds of each stage; the total begins where `make` began."""

    began_at: float = field(default_factory=lambda: float(os.environ.get("MAKE_STARTED_AT") or _own_start()))
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seconds["install"] = max(0.0, _own_start() - self.began_at)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        start_s = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start_s

    def mark(self, name: str) -> None:
        """Note once how long after the beginning something happened."""
        self.seconds.setdefault(name, time.time() - self.began_at)


def _own_start() -> float:
    return psutil.Process().create_time()


@dataclass(slots=True)
class Running:
    """What runs by now, to be stopped in the end."""

    folder: StateDir
    saved: Saved
    options: Options
    console: Console
    stopwatch: Stopwatch
    children: list[processes.Child] = field(default_factory=list)
    published: int = 0


def run(options: Options, folder: StateDir, console: Console) -> int:
    """Start, backfill, play the live days, report; 0 only if no step failed."""
    with ExitStack() as stack:
        stack.enter_context(_only_one(folder))
        running = Running(folder, folder.load_or_create(), options, console, Stopwatch())
        since_at = datetime.now(UTC)
        engine = _start(running, stack)
        _print_addresses(running)
        status = _play(running)
        outcome = _finish(running, engine, status, since_at)
        if not options.once:
            console.print("Everything goes on running; Ctrl-C stops all of it.")
            _until_interrupted(running)
        return outcome


@contextmanager
def _only_one(folder: StateDir) -> Iterator[None]:
    folder.root.mkdir(parents=True, exist_ok=True)
    with (folder.root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another `nightporter up` uses {folder.root}: stop it, or name another --state-dir"
            ) from None
        yield


def _start(running: Running, stack: ExitStack) -> n8n.N8n:
    """Start everything; n8n gets ready while the worker backfills."""
    saved, folder, world = running.saved, running.folder, running.options.world
    with running.stopwatch.stage("start"), running.console.status("Starting PostgreSQL, Valkey, sandbox and worker …"):
        server = stack.enter_context(postgres.run(folder.root / "postgres"))
        cache = stack.enter_context(valkey.run(folder.root / "valkey"))
        # Registered after both stores, so that everything that uses them stops before they do.
        stack.callback(lambda: processes.stop(running.children))
        sandbox = servers.start_sandbox(folder, saved, world)
        running.children.append(sandbox)
        mark = prepare.fingerprint(world, saved)
        running.saved, addresses, reused = prepare.open_database(server, saved, mark)
        folder.save(running.saved)
        if not reused:
            shutil.rmtree(folder.root / "raw", ignore_errors=True)
        engine = folder.n8n(running.saved, server)
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        deployed = pool.submit(_deploy, running, engine, server)
        servers.wait_sandbox(sandbox, running.saved)
        truth = control(running.saved, "GET", "/truth")
        addresses = replace(addresses, redis_url=cache.url)
        worker = servers.start_worker(folder, running.saved, addresses, truth["currency"])
        running.children.extend(worker)
        servers.wait_worker(worker[0], running.saved)
    with running.stopwatch.stage("backfill"):
        if reused:
            running.console.print("The history of an earlier run with the same arguments is used again.")
        else:
            _backfill(running, date.fromisoformat(truth["t0"]))
            running.saved = prepare.keep_template(server, folder, running.saved, mark)
    _await_n8n(running, deployed)
    return engine


def _deploy(running: Running, engine: n8n.N8n, server: postgres.Postgres) -> processes.Child:
    saved = running.saved
    if not postgres.exists(server, n8n.DATABASE):
        postgres.create(server, n8n.DATABASE)
    marker = running.folder.root / "credentials.sha256"
    told = flows.digest({"key": saved.n8n_api_key, "secret": saved.webhook_secret})
    if not marker.exists() or marker.read_text() != told:
        flows.import_credentials(engine, api_key=saved.n8n_api_key, webhook_secret=saved.webhook_secret)
        marker.write_text(told)
    done = flows.import_flows(
        engine, WORKFLOWS, running.folder.flow_hashes, worker_url=saved.worker_url, rest_schedules=True, force=False
    )
    for name in done.edited:
        running.console.print(f"[yellow]Flow {name} was edited in n8n and is kept; `make flows-export` saves it.[/]")
    child = engine.start(running.folder.log("n8n"))
    running.children.append(child)
    engine.wait_ready(child)
    flows.publish(engine, WORKFLOWS, done.written)
    running.published = flows.count_published(engine, WORKFLOWS)
    return child


def _await_n8n(running: Running, deployed: Future[processes.Child]) -> None:
    with running.console.status("Waiting for n8n …"):
        deployed.result()


def _backfill(running: Running, t0: date) -> None:
    saved = running.saved
    with (
        WorkerClient(saved.worker_url, saved.operator_api_key) as worker,
        Progress(console=running.console) as progress,
    ):
        task = progress.add_task(f"Backfilling {running.options.world.days} days", total=None)
        prepare.backfill(
            worker, saved, running.folder.root / "sandbox", t0, running.options.world.days,
            lambda done, total: progress.update(task, completed=done, total=total or None),
        )  # fmt: skip


def _play(running: Running) -> dict[str, Any]:
    """Let the sandbox's driver play the live days through n8n, and follow it."""
    saved, days = running.saved, running.options.world.live_days
    hooks = f"http://127.0.0.1:{saved.ports.n8n}/webhook"
    order = {
        "poll_url": f"{hooks}/poll-listings", "score_url": f"{hooks}/score-metrics",
        "webhook_secret": saved.webhook_secret, "days": days,
    }  # fmt: skip
    control(saved, "POST", "/control/drive", order)
    with (
        WorkerClient(saved.worker_url, saved.operator_api_key) as worker,
        Progress(console=running.console) as progress,
    ):
        task = progress.add_task(f"Playing {days} live days", total=days)
        while True:
            status = control(saved, "GET", "/control/status")
            progress.update(task, completed=status["days_done"])
            sent = worker.get("/v1/summary")["deliveries"]
            if sent["slack"] + sent["email"] > 0:
                running.stopwatch.mark("first_alert")
            if status["state"] in ("done", "failed"):
                return dict(status)
            time.sleep(STATUS_POLL_S)


def _finish(running: Running, engine: n8n.N8n, status: dict[str, Any], since_at: datetime) -> int:
    saved = running.saved
    with WorkerClient(saved.worker_url, saved.operator_api_key) as worker:
        alerts, summary = worker.get("/v1/alerts")["alerts"], worker.get("/v1/summary")
    with n8n.Rest(engine) as rest:
        executions = n8n.execution_counts(rest.executions(since=since_at))
    running.stopwatch.mark("total")
    truth = control(saved, "GET", "/truth")
    document = report.build(
        n8n_version=n8n.pinned_version(),
        workflows_published=running.published,
        executions=executions,
        steps_failed=status["steps_failed"],
        truth=truth,
        alerts=alerts,
        summary=summary,
        seconds={name: running.stopwatch.seconds.get(name, 0.0) for name in report.SECONDS_FIELDS},
    )
    if running.options.json_file is not None:
        running.options.json_file.write_text(json.dumps(document, indent=2) + "\n")
    running.console.print(report.alerts_table(alerts, truth["currency"]))
    for error in status["errors"]:
        running.console.print(f"[red]A step failed:[/] {error}")
    ok = status["state"] == "done" and status["steps_failed"] == 0 and executions["error"] == 0
    return 0 if ok else 1


def control(saved: Saved, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One call of the sandbox's control port."""
    headers = {"Authorization": f"Bearer {saved.control_token}"}
    response = httpx2.request(method, f"{saved.control_url}{path}", headers=headers, json=body, timeout=60.0)
    response.raise_for_status()
    return response.json()


def _print_addresses(running: Running) -> None:
    saved, say = running.saved, running.console.print
    login = f"{saved.worker_url}/login?token={login_token(saved.secret_key, saved.tenant_id)}"
    say(
        f"n8n editor     http://127.0.0.1:{saved.ports.n8n}  {n8n.OWNER_EMAIL} / {saved.n8n_owner_password}",
        soft_wrap=True,
    )
    say(f"worker docs    {login}", soft_wrap=True)
    say(f"messages       {saved.sandbox_url}/messages?token={saved.page_token}", soft_wrap=True)


def _until_interrupted(running: Running) -> None:
    while True:
        for child in running.children:
            if child.process.poll() is not None:
                raise ConfigError(f"{child.name} ended:\n{processes.log_tail(child.log)}")
        time.sleep(1)
