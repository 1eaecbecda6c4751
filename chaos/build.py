"""Starts the whole system on an empty folder, gives it its history and a second tenant, and removes it in the end."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from chaos import disk, lines, stores
from chaos.server import Server
from chaos.stack import ORDER, OTHER, Stack
from python_nodes.local import flows, n8n, prepare, processes, servers, start
from python_nodes.local.n8n_rest import Rest
from python_nodes.local.postgres import Postgres
from python_nodes.local.servers import WorkerAddresses, WorldArguments
from python_nodes.local.state import CHECKOUT, StateDir
from python_nodes.local.worker_client import WorkerClient
from python_nodes.store import apikeys, migrate
from python_nodes.store.session import Database

BASE = Path("/var/tmp/nightporter-chaos")
RAW_MB, POSTGRES_MB = 256, 1024
SMALL = ("max_wal_size=96MB", "min_wal_size=32MB")
"""On a small disk the log of changes must not take all the room by itself."""
PATIENCE = {
    # A fault lasts seconds here, where it would last minutes: who waits for it waits accordingly less.
    "NIGHTPORTER_RETRY_INITIAL_S": "0.1",
    "NIGHTPORTER_RETRY_MAX_WAIT_S": "1",
    "NIGHTPORTER_HTTP_READ_TIMEOUT_S": "5",
    "NIGHTPORTER_HTTP_CONNECT_TIMEOUT_S": "2",
    "NIGHTPORTER_BREAKER_RESET_S": "0.5",
    "NIGHTPORTER_INFLUX_TIMEOUT_S": "5",
    "NIGHTPORTER_OPENAI_TIMEOUT_S": "2",
    "NIGHTPORTER_LOG_LEVEL": "INFO",
}


@contextmanager
def running(world: WorldArguments, *, store: str, with_n8n: bool, say: Callable[[str], None]) -> Iterator[Stack]:
    """Start all of it with its history, and remove all of it in the end."""
    BASE.mkdir(mode=0o755, parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="run-", dir=BASE))
    root.chmod(0o755)
    with ExitStack() as ending:
        ending.callback(shutil.rmtree, root, ignore_errors=True)
        stack = _laid(root, world, ending)
        ending.callback(_kill_all, stack)
        _start_stores(stack, store)
        sandbox = servers.start_sandbox(stack.folder, stack.saved, world)
        ending.callback(processes.stop, [sandbox])
        found = _databases(stack)
        if with_n8n:
            _begin_n8n(stack)
        servers.wait_sandbox(sandbox, stack.saved)
        _start_workers(stack, found)
        say("the servers answer")
        _fill(stack)
        say("the history is there")
        if with_n8n:
            _publish(stack)
            say("n8n answers, its flows are published")
        yield stack


def _laid(root: Path, world: WorldArguments, ending: ExitStack) -> Stack:
    folder = StateDir(root)
    raw = ending.enter_context(disk.mounted(root / "raw", RAW_MB))
    own = ending.enter_context(disk.mounted(root / "pgdisk", POSTGRES_MB))
    stack = Stack(
        folder=folder, saved=folder.load_or_create(), world=world, lines=lines.start(root),
        raw_disk=raw, postgres_disk=own, postgres_port=processes.free_port(),
    )  # fmt: skip
    if stack.lines.server is not None:
        ending.callback(stack.lines.server.stop)
    return stack


def _kill_all(stack: Stack) -> None:
    for name in reversed(ORDER):
        if name in stack.servers:
            stack.servers[name].end()


def _start_stores(stack: Stack, store: str) -> None:
    log, data = stack.folder.log, stack.postgres_disk.root / "data"
    stack.servers["postgres"] = stores.postgres(data, log("postgres"), stack.postgres_port, *SMALL)
    stack.servers["valkey"] = stores.valkey(stack.root, log("valkey"), processes.free_port())
    if store == "influx":
        stack.servers["influxdb"] = stores.influxdb(stack.root, log("influxdb"), processes.free_port())
    for server in stack.servers.values():
        server.start()
    if store == "influx":
        url = f"http://127.0.0.1:{stack.servers['influxdb'].port}"
        stores.influx_client(url).create_database()


def postgres_of(stack: Stack, port: int | None = None) -> Postgres:
    """The server as the rest of the project knows one, by a line where that is given."""
    at = port or stack.postgres_port
    program = stack.servers["postgres"].command[0]
    return Postgres(stores.admin_url(at), "127.0.0.1", at, 0, Path(program).parent)


def _databases(stack: Stack) -> WorkerAddresses:
    """Migrate, and make both tenants: ours, and one to whom nothing may happen."""
    stack.saved, found, _ = prepare.open_database(postgres_of(stack), stack.saved, "chaos")
    stack.other_tenant_id = migrate.create_tenant(found.owner_url, OTHER, prepare.CURRENCY)
    database = Database(found.database_url)
    try:
        with database.tenant(stack.other_tenant_id) as conn:
            stack.other_key = apikeys.create(conn, OTHER, ["admin"], created_at=datetime.now(UTC))
    finally:
        database.dispose()
    return found


def _start_workers(stack: Stack, found: WorkerAddresses) -> None:
    people = stack.lines.add("worker-people", stack.saved.ports.sandbox)
    mail = stack.lines.add("worker-smtp", stack.saved.ports.smtp)
    stack.lines.add("workers-ota", stack.saved.ports.sandbox)
    told = replace(stack.saved, ports=replace(stack.saved.ports, sandbox=people, smtp=mail))
    bin_dir = Path(sys.executable).parent
    commands = {
        "worker": [
            str(bin_dir / "gunicorn"), "-c", "compose/gunicorn.conf.py", "--bind",
            f"127.0.0.1:{stack.saved.ports.worker}", "python_nodes.app:create_app()",
        ],
        "celery": [
            str(bin_dir / "celery"), "-A", "python_nodes.jobs", "worker", "--concurrency", "1", "--loglevel", "INFO",
        ],
    }  # fmt: skip
    log = stack.folder.log
    ready = {
        "worker": lambda: processes.answers(f"{stack.saved.worker_url}/readyz"),
        "celery": lambda: b" ready." in log("celery").read_bytes(),
    }
    for name, command in commands.items():
        settings = servers.worker_settings(stack.folder, told, _addresses(stack, name, found), prepare.CURRENCY)
        env = processes.clean_environment({
            **servers.SPARING, **settings, **PATIENCE,
            "NIGHTPORTER_RAW_ROOT": str(stack.raw_disk.root),
            "PROMETHEUS_MULTIPROC_DIR": str(stack.root / "metrics" / name),
        })  # fmt: skip
        stack.servers[name] = Server(
            name=name, command=command, env=env, log=log(name), cwd=CHECKOUT, ready=ready[name]
        )  # fmt: skip
        stack.servers[name].begin()
    for name in commands:
        stack.servers[name].wait()


def _addresses(stack: Stack, who: str, found: WorkerAddresses) -> WorkerAddresses:
    """What one of the two connects to: lines of its own to every store."""
    database = stack.lines.add(f"{who}-postgres", stack.postgres_port)
    cache = stack.lines.add(f"{who}-valkey", stack.servers["valkey"].port)
    url = make_url(found.database_url).set(port=database).render_as_string(hide_password=False)
    series: dict[str, str] = {}
    if "influxdb" in stack.servers:
        to = stack.lines.add(f"{who}-influxdb", stack.servers["influxdb"].port)
        series = {"NIGHTPORTER_METRIC_STORE": "influx", "NIGHTPORTER_INFLUX_URL": f"http://127.0.0.1:{to}"}
    return WorkerAddresses(url, found.owner_url, f"redis://127.0.0.1:{cache}/0", series)


def _fill(stack: Stack) -> None:
    """Import both tenants' portfolios, and our history through the line that faults will strike."""
    t0 = date.fromisoformat(start.control(stack.saved, "GET", "/truth")["t0"])
    by_line = replace(stack.saved, ports=replace(stack.saved.ports, sandbox=stack.lines.ports["workers-ota"]))
    with WorkerClient(stack.saved.worker_url, stack.other_key) as other:
        other.post("/v1/portfolio", _portfolio(stack), key="portfolio")
    with WorkerClient(stack.saved.worker_url, stack.saved.operator_api_key) as worker:
        server = postgres_of(stack)
        prepare.backfill(worker, server, by_line, stack.sandbox_dir, t0, stack.world.days, lambda _, __: None)


def _portfolio(stack: Stack) -> Any:
    return json.loads((stack.sandbox_dir / "portfolio.json").read_text())


def _begin_n8n(stack: Stack) -> None:
    """n8n, which takes longest to start, with lines of its own to PostgreSQL and to the worker."""
    saved = stack.saved
    direct = n8n.N8n(
        port=saved.ports.n8n, user_folder=stack.root / "n8n", encryption_key=saved.encryption_key,
        owner_password=saved.n8n_owner_password, postgres=postgres_of(stack),
    )  # fmt: skip
    direct.create_database()
    engine = replace(direct, postgres=postgres_of(stack, stack.lines.add("n8n-postgres", stack.postgres_port)))
    stack.lines.add("n8n-worker", saved.ports.worker)
    log = stack.folder.log("n8n")
    engine.user_folder.mkdir(parents=True, exist_ok=True)
    stack.servers["n8n"] = Server(
        name="n8n", command=[*n8n.command_line(), "start"], env=engine.environment(), log=log, cwd=engine.user_folder,
        # Its health check answers before its webhooks do.
        ready=lambda: processes.answers(f"{engine.url}/healthz") and n8n.READY_LINE in log.read_text(),
    )  # fmt: skip
    stack.servers["n8n"].begin()


def _publish(stack: Stack) -> None:
    """Bring the flows into n8n once it answers."""
    saved, to_worker = stack.saved, stack.lines.ports["n8n-worker"]
    stack.servers["n8n"].wait()
    with Rest(saved.ports.n8n, saved.n8n_owner_password) as rest:
        flows.write_credentials(rest, api_key=saved.n8n_api_key, webhook_secret=saved.webhook_secret)
        done = flows.import_flows(
            rest, start.WORKFLOWS, stack.folder.flow_hashes, worker_url=f"http://127.0.0.1:{to_worker}",
            rest_schedules=True, force=False,
        )  # fmt: skip
        flows.publish(rest, start.WORKFLOWS, done.written)
