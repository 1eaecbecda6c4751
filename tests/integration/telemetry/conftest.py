"""A real gunicorn of two processes and a real Celery worker, traced into a real OTLP receiver."""

from __future__ import annotations

import gzip
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from cryptography.fernet import Fernet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from python_nodes.local import processes
from python_nodes.local.state import CHECKOUT
from python_nodes.store import apikeys, migrate
from python_nodes.store.session import Database
from tests.integration.telemetry.received import Received

READY_S = 60.0


@dataclass
class Receiver:
    """What came to a server that takes OTLP over HTTP as protobuf, as collectors do."""

    url: str
    spans: list[Received] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def wait(self, wanted: Callable[[list[Received]], bool], within_s: float = 40.0) -> list[Received]:
        """Return all spans once the wanted ones are among them."""
        deadline = time.monotonic() + within_s
        while not wanted(list(self.spans)):
            assert time.monotonic() < deadline, sorted({(one.service, one.name) for one in self.spans})
            time.sleep(0.1)
        return list(self.spans)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Listen on the loopback."""

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path != "/v1/traces":
                self.send_error(500, "no vendor at home")
                return
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            took.raw.append(body)
            took.headers.append({name.lower(): value for name, value in self.headers.items()})
            took.spans.extend(Received.read(ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    took = Receiver(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield took
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class Stack:
    """The running worker and jobs, and how to reach them."""

    url: str
    client: httpx2.Client
    metrics_url: str
    jobs_metrics_url: str
    logs: Path
    tenant_id: int
    database: Database


@pytest.fixture(scope="module")
def stack(
    pg_admin_url: str, valkey_url: str, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Start both as they are started in production, by command line and environment."""
    owner_url, app_url = migrate.provision(pg_admin_url, f"np_{uuid4().hex[:12]}", "app-secret", "owner-secret")
    migrate.upgrade(owner_url)
    tenant_id = migrate.create_tenant(owner_url, "Harbour Rentals", "EUR")
    folder = tmp_path_factory.mktemp("telemetry")
    worker, own, jobs_own = (processes.free_port() for _ in range(3))
    settings = {
        "NIGHTPORTER_DATABASE_URL": app_url, "NIGHTPORTER_REDIS_URL": valkey_url,
        "NIGHTPORTER_SECRET_KEY": Fernet.generate_key().decode(), "NIGHTPORTER_RAW_ROOT": str(folder / "raw"),
        "NIGHTPORTER_TENANT_ID": str(tenant_id), "NIGHTPORTER_REGION": f"r{uuid4().hex[:8]}",
        "NIGHTPORTER_BASE_URL": f"http://127.0.0.1:{worker}", "NIGHTPORTER_RETRY_ATTEMPTS": "1",
        "NIGHTPORTER_OTLP_ENDPOINT": receiver.url, "NIGHTPORTER_OTLP_HEADERS": "x-collector-key=open-sesame",
        "OTEL_BSP_SCHEDULE_DELAY": "200", "GUNICORN_WORKERS": "2",
        "GUNICORN_BIND": f"127.0.0.1:{worker}",
    }  # fmt: skip
    kinds = {
        "worker": ({"NIGHTPORTER_METRICS_BIND": f"127.0.0.1:{own}"}, ["gunicorn", "-c", "compose/gunicorn.conf.py"]),
        "jobs": ({"NIGHTPORTER_METRICS_BIND": f"127.0.0.1:{jobs_own}"}, ["celery", "-A", "python_nodes.jobs"]),
    }
    ends = {"worker": ["python_nodes.app:create_app()"], "jobs": ["worker", "--concurrency", "2"]}
    children = []
    for name, (more, command) in kinds.items():
        counts = folder / f"counts-{name}"
        env = processes.clean_environment({**settings, **more, "PROMETHEUS_MULTIPROC_DIR": str(counts)})
        tool = str(Path(sys.executable).parent / command[0])
        children.append(
            processes.start(name, [tool, *command[1:], *ends[name]], env=env, log=folder / f"{name}.log", cwd=CHECKOUT)
        )
    database = Database(app_url)
    try:
        processes.wait_until(
            children[0], lambda: processes.answers(f"http://127.0.0.1:{worker}/readyz"), within_s=READY_S
        )  # fmt: skip
        jobs_url = f"http://127.0.0.1:{jobs_own}/metrics"
        processes.wait_until(children[1], lambda: processes.answers(jobs_url), within_s=READY_S)
        with database.tenant(tenant_id) as conn:
            key = apikeys.create(conn, "all", ["admin"], created_at=datetime.now(UTC))
        client = httpx2.Client(
            base_url=f"http://127.0.0.1:{worker}", headers={"Authorization": f"Bearer {key}"}, timeout=30
        )  # fmt: skip
        with client:
            yield Stack(
                url=f"http://127.0.0.1:{worker}", client=client, metrics_url=f"http://127.0.0.1:{own}/metrics",
                jobs_metrics_url=jobs_url, logs=folder, tenant_id=tenant_id, database=database,
            )  # fmt: skip
    finally:
        database.dispose()
        processes.stop(children)
