"""Starts everything: what depends on nothing at once, the rest as soon as what it needs is there."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

import psutil
from rich.console import Console
from rich.progress import Progress

from python_nodes.errors import ConfigError
from python_nodes.local import flows, influx, loopback, n8n, postgres, processes, servers, valkey
from python_nodes.local.n8n_rest import Rest
from python_nodes.local.servers import WorldArguments
from python_nodes.local.state import CHECKOUT, Saved, StateDir
from python_nodes.local.worker_client import WorkerClient

WORKFLOWS = CHECKOUT / "workflows"
INFLUX_TEMPLATE = "influx-template"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for."""

    world: WorldArguments
    once: bool
    json_file: Path | None
    store: Literal["postgres", "influx"] = "postgres"


@dataclass(slots=True)
class Stopwatch:
    """Seconds of each stage; the total begins where `make` began."""

    log: Path
    began_at: float = field(default_factory=lambda: float(os.environ.get("MAKE_STARTED_AT") or _own_start()))
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seconds["install"] = max(0.0, _own_start() - self.began_at)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        self.note("installed, imported")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        start_s = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start_s
        self.note(f"end of stage {name}")

    def mark(self, name: str) -> None:
        """Note once how long after the beginning something happened."""
        if name not in self.seconds:
            self.seconds[name] = time.time() - self.began_at
            self.note(name)

    def note(self, what: str) -> None:
        """Write to the log how long after the beginning something was done."""
        with self.log.open("a") as log:
            log.write(f"{time.time() - self.began_at:7.1f} s  {what}\n")


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
    stores: list[processes.Server] = field(default_factory=list)
    published: int = 0
    ending: threading.Event = field(default_factory=threading.Event)

    def add(self, *children: processes.Child) -> None:
        """Note what was started, for the end and for `nightporter doctor`."""
        self.children.extend(children)
        processes.note(self.children, self.stores, self.folder.processes)

    def check(self) -> None:
        """Raise with the end of its log if anything ended by itself; nobody would answer what waits for it."""
        for child in self.children:
            if child.process.poll() is not None:
                raise ConfigError(f"{child.name} ended:\n{processes.log_tail(child.log)}")
        for store in self.stores:
            if not store.runs:
                raise ConfigError(
                    f"{store.name} ended by itself; its log is under {self.folder.root / store.name}. Nothing that was"
                    " accepted is lost: start again with the same command"
                )

    def stop(self) -> None:
        """Stop all of it; afterwards nothing is said to run."""
        processes.stop(self.children)
        self.folder.processes.unlink(missing_ok=True)


def start(running: Running, stack: ExitStack) -> n8n.N8n:
    """Start everything and backfill; n8n gets ready meanwhile."""
    folder, world, watch = running.folder, running.options.world, running.stopwatch
    # n8n starts last; that it is not installed shall not come out only then.
    n8n.command_line()
    with watch.stage("start"), running.console.status("Starting PostgreSQL, Valkey, sandbox and worker …"):
        # The sandbox takes longest and needs nobody.
        sandbox = _started(running, stack, [servers.start_sandbox(folder, running.saved, world)])[0]
        server, cache = _stores(running, stack)
        engine = folder.n8n(running.saved, server)
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        # Runs before the pool's own end: whoever stops us must not wait until n8n is ready.
        stack.callback(_hurry, running)
        # Imported while others start: the migration tool is the heaviest import of all.
        from python_nodes.local import prepare

        mark = prepare.fingerprint(world, running.saved, running.options.store)
        running.saved, addresses, reused = prepare.open_database(server, running.saved, mark)
        folder.save(running.saved)
        watch.note("nightporter's database is migrated")
        deployed = pool.submit(_deploy, running, engine)
        if not reused:
            shutil.rmtree(folder.root / "raw", ignore_errors=True)
        series = _series_store(running, stack, reused=reused)
        addresses = replace(addresses, redis_url=cache.url, metric_store=series.settings if series else {})
        serving = servers.start_worker(folder, running.saved, addresses, prepare.CURRENCY, world.listings)
        worker = _started(running, stack, serving)
        servers.wait_sandbox(sandbox, running.saved)
        watch.note("the sandbox answers")
        truth = control(running.saved, "GET", "/truth")
        check_currency(truth["currency"], prepare.CURRENCY)
        servers.wait_worker(worker[0], running.saved)
    with watch.stage("backfill"):
        if reused:
            running.console.print("The history of an earlier run with the same arguments is used again.")
        else:
            _backfill(running, server, date.fromisoformat(truth["t0"]))
            if series:
                series.keep(folder.root / INFLUX_TEMPLATE)
            running.saved = prepare.keep_template(server, folder, running.saved, mark)
    with running.console.status("Waiting for n8n …"):
        deployed.result()
    return engine


def _started(running: Running, stack: ExitStack, children: list[processes.Child]) -> list[processes.Child]:
    """Note what was started; it stops before everything that was there when it started."""
    running.add(*children)
    stack.callback(running.stop)
    return children


def _hurry(running: Running) -> None:
    running.ending.set()
    running.stop()


def _stores(running: Running, stack: ExitStack) -> tuple[postgres.Postgres, valkey.Valkey]:
    root = running.folder.root
    cache = stack.enter_context(valkey.run(root / "valkey"))
    server = stack.enter_context(postgres.run(root / "postgres"))
    running.stores += [processes.Server.of("valkey", cache.pid), processes.Server.of("postgres", server.pid)]
    running.stopwatch.note("PostgreSQL and Valkey answer")
    # n8n is started by a thread; whatever it has started by the end stops before the stores do.
    stack.callback(running.stop)
    return server, cache


def _series_store(running: Running, stack: ExitStack, *, reused: bool) -> influx.Influx | None:
    """Start InfluxDB where the run keeps its metrics there, from the prepared history or from nothing."""
    if running.options.store != "influx":
        return None
    from python_nodes.store.metrics.influx_http import InfluxHttp

    root = running.folder.root / "influx"
    shutil.rmtree(root, ignore_errors=True)
    if reused:
        shutil.copytree(running.folder.root / INFLUX_TEMPLATE, root)
    server = stack.enter_context(influx.run(root, influx.newest()))
    # Whatever uses it stops before it does.
    stack.callback(running.stop)
    InfluxHttp(server.address()).create_database()
    running.stopwatch.note(f"InfluxDB {server.build.version} answers")
    return server


def _deploy(running: Running, engine: n8n.N8n) -> processes.Child:
    saved, watch = running.saved, running.stopwatch
    engine.create_database()
    watch.note("n8n's database is there")
    if running.ending.is_set():
        raise ConfigError("stopped before n8n was started")
    child = engine.start(running.folder.log("n8n"))
    running.add(child)
    engine.wait_ready(child)
    watch.note("n8n answers")
    with Rest(saved.ports.n8n, saved.n8n_owner_password) as rest:
        _bring_flows(running, rest)
    watch.note("the flows are published")
    return child


def _bring_flows(running: Running, rest: Rest) -> None:
    saved = running.saved
    flows.write_credentials(rest, api_key=saved.n8n_api_key, webhook_secret=saved.webhook_secret)
    done = flows.import_flows(
        rest, WORKFLOWS, running.folder.flow_hashes, worker_url=saved.worker_url, rest_schedules=True, force=False
    )
    for name in done.edited:
        running.console.print(f"[yellow]Flow {name} was edited in n8n and is kept; `make flows-export` saves it.[/]")
    flows.publish(rest, WORKFLOWS, done.written)
    running.published = flows.count_published(rest, WORKFLOWS)


def _backfill(running: Running, server: postgres.Postgres, t0: date) -> None:
    from python_nodes.local import prepare

    saved, days = running.saved, running.options.world.days
    with (
        WorkerClient(saved.worker_url, saved.operator_api_key) as worker,
        Progress(console=running.console) as progress,
    ):
        task = progress.add_task(f"Backfilling {days} days", total=None)

        def tell(done: int, total: int) -> None:
            running.check()
            progress.update(task, completed=done, total=total or None)

        prepare.backfill(worker, server, saved, running.folder.root / "sandbox", t0, days, tell)


def control(saved: Saved, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One call of the sandbox's control port."""
    headers = {"Authorization": f"Bearer {saved.control_token}"}
    response = loopback.client().request(method, f"{saved.control_url}{path}", headers=headers, json=body)
    response.raise_for_status()
    return response.json()


def check_currency(told: str, expected: str) -> None:
    """The worker starts before the sandbox can tell its currency, so a sandbox with another one is refused here."""
    if told != expected:
        raise ConfigError(f"the sandbox counts in {told}, the worker in {expected}")
