"""n8n in queue mode with compose.yaml's own settings: main, a worker and a webhook process on PostgreSQL and Valkey."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis
import yaml
from sqlalchemy import make_url

from python_nodes.errors import ConfigError
from python_nodes.local import loopback, n8n, postgres, processes, valkey
from python_nodes.local.n8n_rest import Rest, execution_counts
from python_nodes.store import migrate
from tests.conftest import MigratedDatabase

ROOT = Path(__file__).resolve().parents[3]
ROLES = ("n8n", "n8n-worker", "n8n-webhook")
PATH = "queue-mode"
OWNER_PASSWORD = "Queue-mode-1"
FLOW = {
    "id": "queuemodeflow001",
    "name": "Queue mode",
    "settings": {"executionOrder": "v1"},
    "nodes": [
        {
            "id": "a", "name": "Webhook", "type": "n8n-nodes-base.webhook", "typeVersion": 2, "position": [0, 0],
            "webhookId": "5f0d7c1e-9f5e-4d0e-9b7e-0c7a3a1d9e11",
            "parameters": {
                "path": PATH, "httpMethod": "POST", "responseMode": "lastNode", "responseData": "firstEntryBinary",
                "options": {"rawBody": True},
            },
        },
        {
            "id": "b", "name": "Pass on", "type": "n8n-nodes-base.noOp", "typeVersion": 1, "position": [200, 0],
            "parameters": {},
        },
    ],
    "connections": {"Webhook": {"main": [[{"node": "Pass on", "type": "main", "index": 0}]]}},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Queue:
    """Where each process listens, and the folder with their logs."""

    ports: dict[str, int]
    folder: Path


def _environment(role: str, drawn: Path, hosts: dict[str, str], own: dict[str, str]) -> dict[str, str]:
    """A service's settings as compose.yaml tells them, with this machine's addresses and files."""
    whole = yaml.safe_load((ROOT / "compose" / "compose.yaml").read_text())
    told = {
        name: str(value).replace("${DOMAIN}", "np.example.com")
        for name, value in whole["services"][role]["environment"].items()
    }
    for name, value in told.items():
        if value.startswith("/run/secrets/"):
            told[name] = str(drawn / whole["secrets"][Path(value).name]["file"])
    path = f"{n8n.node_dir()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    quick = {"N8N_DISABLED_MODULES": ",".join(n8n.UNUSED_MODULES), "N8N_LISTEN_ADDRESS": "127.0.0.1", "PATH": path}
    return processes.clean_environment({**told, **hosts, **quick, **own})


@pytest.fixture(scope="module")
def queue() -> Iterator[Queue]:
    """Start all three as compose does: main first, the others when it is well."""
    try:
        n8n.command_line()
    except ConfigError as error:
        pytest.skip(str(error))
    base = Path("/var/tmp/nightporter-tests")
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"queue-{os.getpid()}-", dir=base))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(postgres.run(folder / "postgres"))
        cache = stack.enter_context(valkey.run(folder / "valkey"))
        yield _started(stack, folder, server, cache)


def _started(stack: ExitStack, folder: Path, server: postgres.Postgres, cache: valkey.Valkey) -> Queue:
    draws = runpy.run_path(str(ROOT / "compose" / "draw_secrets.py"))
    words = draws["draw"]()
    draws["write"](folder / "secrets", words)
    # The users of compose's Valkey with their rights, on a server that has no file of them.
    with redis.Redis.from_url(cache.url) as admin:
        for line in words["valkey/users.acl"].splitlines():
            if not line.startswith("user default"):
                admin.execute_command("ACL", "SETUSER", *line.split()[1:])
    migrate.own_database(server.admin_url, words["tools/n8n_database_url"])
    hosts = {
        "DB_POSTGRESDB_HOST": server.socket_dir, "DB_POSTGRESDB_PORT": str(server.port),
        "QUEUE_BULL_REDIS_HOST": "127.0.0.1", "QUEUE_BULL_REDIS_PORT": str(make_url(cache.url).port),
    }  # fmt: skip
    ports = {role: processes.free_port() for role in ROLES}
    for role, command in zip(ROLES, (["start"], ["worker", "--concurrency=5"], ["webhook"]), strict=True):
        own = {
            "N8N_PORT": str(ports[role]), "QUEUE_HEALTH_CHECK_PORT": str(ports[role]),
            "N8N_WORKER_SERVER_ADDRESS": "127.0.0.1", "N8N_USER_FOLDER": str(folder / role),
            "N8N_RUNNERS_BROKER_PORT": str(processes.free_port()),
        }  # fmt: skip
        (folder / role).mkdir()
        env = _environment(role, folder, hosts, own)
        child = processes.start(
            role, [*n8n.command_line(), *command], env=env, log=folder / f"{role}.log", cwd=folder / role
        )
        stack.callback(processes.stop, [child])
        url = f"http://127.0.0.1:{ports[role]}/healthz"
        processes.wait_until(child, lambda url=url: processes.answers(url), within_s=240)
        if role == "n8n":
            processes.wait_until(child, lambda child=child: n8n.READY_LINE in child.log.read_text(), within_s=120)
    return Queue(ports, folder)


def test_a_webhook_is_taken_by_one_process_run_by_another_and_answered_with_its_file(queue: Queue) -> None:
    began_at, content = datetime.now(UTC), os.urandom(200_000)
    with Rest(queue.ports["n8n"], OWNER_PASSWORD) as rest:
        version = rest.save_workflow(FLOW, is_new=True)
        rest.publish(FLOW["id"], version)
        answer = _post(queue.ports["n8n-webhook"], content)
        # n8n 2.40.7 sends a file back as JSON in this mode; the flows that we ship answer with none.
        assert (answer.status_code, bytes(answer.json()["data"])) == (200, content)
        ran: list[dict[str, Any]] = rest.executions(since=began_at)
    assert execution_counts(ran) == {"success": 1, "error": 0}
    worker, main = ((queue.folder / f"{role}.log").read_text() for role in ("n8n-worker", "n8n"))
    assert f"execution {ran[0]['id']}" in worker, "it was the worker that ran it"
    assert "Worker started execution" not in main
    # Files are in the database, where every process finds them; nothing was left in anybody's folder.
    assert not [file for file in queue.folder.glob("n8n*/.n8n/**/*") if file.is_file() and file.read_bytes() == content]


def test_main_takes_no_webhooks(queue: Queue) -> None:
    assert _post(queue.ports["n8n"], b"x").status_code == 404


def test_flows_come_into_it_with_credentials_and_once_more_nothing_changes(
    queue: Queue, database: MigratedDatabase, tmp_path: Path
) -> None:
    (tmp_path / "flows").mkdir()
    for name in ("handle-workflow-error", "refresh-exchange-rates"):
        shutil.copy(ROOT / "workflows" / f"{name}.json", tmp_path / "flows")
    (tmp_path / "password").write_text(OWNER_PASSWORD)
    migrate.create_tenant(database.owner_url, "default", "EUR")
    settings = {
        "DATABASE_URL": database.app_url, "REDIS_URL": "redis://127.0.0.1:1", "SECRET_KEY": "A" * 43 + "=",
        "RAW_ROOT": str(tmp_path), "NEWS_SECRET": "webhook-secret" * 3,
    }  # fmt: skip
    command = [
        str(Path(sys.executable).with_name("nightporter")), "deploy", "--n8n", f"http://127.0.0.1:{queue.ports['n8n']}",
        "--worker", "http://127.0.0.1:9", "--owner-password-file", str(tmp_path / "password"),
        "--state", str(tmp_path / "flows.json"), "--folder", str(tmp_path / "flows"),
    ]  # fmt: skip
    env = processes.clean_environment({f"NIGHTPORTER_{name}": value for name, value in settings.items()})
    told = []
    for _ in range(2):
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.strip())
    assert told == ["2 flows written, 0 unchanged, 2 published", "0 flows written, 2 unchanged, 0 published"]
    with Rest(queue.ports["n8n"], OWNER_PASSWORD) as rest:
        assert {"Nightporter worker", "Nightporter webhook token"} <= rest.credential_ids().keys()


def _post(port: int, content: bytes) -> httpx2.Response:
    return loopback.client().post(
        f"http://127.0.0.1:{port}/webhook/{PATH}", content=content,
        headers={"Content-Type": "application/octet-stream"}, timeout=60,
    )  # fmt: skip
